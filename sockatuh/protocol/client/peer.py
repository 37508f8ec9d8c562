"""The client's core: one conversation with a server, over any number of sessions (docs/PROTOCOL.md §4–8).

Lines, the cursor and the credentials outlive sessions: whatever happens below, the peer dials again, joins again by
itself, says again what was not stored, and asks for what it missed.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import COOKIE, DATA, PUT_OFF, RESET, RESP
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.seam import Address

from . import events as e
from .caller import Caller
from .catch_up import Reader
from .clamps import ACK_SECONDS, TEXT_BYTES
from .dialer import Dialer, Established
from .obstacles import Obstacle, is_ours
from .options import PeerOptions
from .outbox import Outbox
from .pin import Pin, Verdict
from .restraint import Restraint, put_off_by, wait_of
from .secure_link import Link
from .state import SEAT_CODES, TRANSITIONS, State
from .waiting import Waiting


class Peer:
    """A client's core. Five methods are driven by the shell; the rest is what a person or a script wants."""

    def __init__(self, options: PeerOptions, random: Callable[[int], bytes]) -> None:
        self.state = State.IDLE
        self.waiting = Waiting()
        self._options, self._random = options, random
        self._pin = Pin(options.pin)
        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[e.PeerEvent] = deque()
        self._dialer = Dialer(options.private_key, random, self._out)
        self._addresses: Sequence[Address] = ()
        self._client_key = public_key(options.private_key)
        self._link: Link | None = None
        self._caller = Caller()
        self._lines = Outbox()
        self._reader = Reader(self._client_key, options.stream, random, options.cursor)
        self._log_id: bytes | None = None
        self._ticket = options.ticket
        self._join: m.Join | None = None
        self._was_joined = False
        self._who: m.Who | None = None
        self._restraint = Restraint(random)
        self._replies = self._restraint.replies
        self.put_off: e.JoinRefused | None = None  # why we are not in yet, while the server is asked again

    # What the shell wants to know.

    @property
    def pin(self) -> bytes | None:
        """The server's key, if it is known."""
        return self._pin.key

    @property
    def unanswered(self) -> int:
        """How many lines have neither been stored nor refused."""
        return len(self._lines)

    @property
    def waits_for_a_seat(self) -> bool:
        """Tell whether it asks again by itself when there is no seat: it was in, or it is a script in no hurry."""
        return self._was_joined or self._options.role == m.SCRIPT

    def silence(self, now: float) -> float | None:
        """Return the seconds since the server was last heard, if it should have been heard by now."""
        if self._link is None or not (self._link.contact.is_doubtful or self.state is State.DIALING):
            return None
        return now - self._link.contact.heard_at

    # What a person or a script wants.

    def connect(self, addresses: Sequence[Address], now: float) -> None:
        """Dial the server at any of `addresses`; also when its addresses have changed."""
        self._addresses = addresses
        if self.state in (State.IDLE, State.DIALING):
            self._dial(now)

    def trust(self, now: float) -> None:
        """Go on with the server that was offered; its key is pinned once it has shown that it has it."""
        self._dialer.trust(self._init_payload(), now)
        self._settle(now)

    def stop(self) -> None:
        """Send nothing more."""
        self._dialer.stop()
        self._link = None
        self._caller = Caller()
        self._enter("stop")

    def join(self, name: str, password: str | None, now: float) -> None:
        """Ask for a name; with a password, join. Also when contact is lost meanwhile: then it is asked later."""
        self._join = m.Join(name, password, self._options.history)
        if self.state in (State.OPEN, State.JOINING):
            self._ask_to_join(self._join, now)
            self._settle(now)

    def say(self, text: str, now: float, *, action: bool = False) -> int:
        """Say a line and return its number; it is said until it is stored or refused."""
        number = self._lines.add(text.encode(), action)
        self._reader.expect(number)
        self._settle(now)
        return number

    def ask_who(self, after: str, now: float) -> None:
        """Ask for the page of members after a name, "" for the first; one who was in is answered when he is again."""
        if self._was_joined:
            self._who = m.Who(after)
        if self.state is State.JOINED:
            self._ask(m.Who(after), now)
            self._settle(now)

    def leave(self, now: float) -> None:
        """Leave the room; LeftRoom comes when the server knows, or does not answer."""
        if self._link is None or self.state is State.DIALING:
            self.stop()
            self._events.append(e.LeftRoom())
            return
        self._caller.ask(m.Leave(), now)
        self._settle(now)

    def poke(self, now: float) -> None:
        """See at once whether the server is still there: the machine has slept, or its network changed."""
        if self._link is not None:
            self._link.contact.poke(now)
        self._settle(now)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> None:
        """Hear, from the shell, what stands in the way of an address; it is reported, and changes nothing."""
        if report := self._dialer.note_obstacle(address, obstacle):
            self._events.append(e.Unreachable(report))

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Take one datagram; whatever it holds, nothing is raised."""
        kind = data[0] if data else 0
        if not is_ours(data):
            self.note_obstacle(address, Obstacle.FOREIGN)
        if kind == DATA:
            self._receive_data(data, now)
        elif kind == COOKIE:
            self._receive_cookie(data, now)
        elif kind == RESP:
            established = self._dialer.receive_resp(data, now)
            if established is not None:
                self._connected(established, now)
        elif kind == RESET and self._link is not None and self._link.is_reset(data) and self.state is not State.DIALING:
            self._lose("reset", now, self._random(1)[0] / 255)
        self._settle(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self._dialer.is_round_over(now) and (wrong := self._pin.end_round()) is not None:
            self.stop()
            self._events.append(self._pin.complain(wrong))
        self._dialer.handle_timer(now)
        if self._link is not None and self.state is not State.DIALING:
            self._link.handle_timer(now)
        self._settle(now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted."""
        times = [self._dialer.due_at]
        if self._link is not None and self.state is not State.DIALING:
            times += [self._link.get_timer(), self._link.contact.due_at, self._caller.get_timer()]
            if self.state is State.JOINED:
                times += [self._lines.next_due(), self._restraint.reply_at(self._reader.get_timer())]
        return min((at for at in times if at is not None), default=None)

    def next_event(self) -> e.PeerEvent | None:
        """Return the next thing that happened."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return and forget what is to be sent."""
        out = self._out[:]
        self._out.clear()
        return out

    # Dialing.

    def _dial(self, at: float) -> None:
        self._enter("dial")
        self._dialer.start(self._addresses, at)

    def _receive_cookie(self, data: bytes, now: float) -> None:
        offer = self._dialer.receive_cookie(data, now)
        if offer is None:
            return
        match self._pin.judge(offer):
            case Verdict.MEANT:
                self._dialer.trust(self._init_payload(), now)
            case Verdict.UNKNOWN:
                self._events.append(e.ServerOffered(offer.server_key, offer.address))
            case Verdict.DOUBTFUL:
                self._dialer.doubt(now)

    def _init_payload(self) -> m.InitPayload:
        options, read = self._options, (self._log_id, self._reader.inbox.cursor)
        return m.InitPayload(options.version, options.stream, m.FLAGS[options.role], *read, self._ticket)

    def _connected(self, established: Established, now: float) -> None:
        payload = established.payload
        self._pin.prove(established.server_key)
        self._link = Link(established, self._options.private_key, self._random, self._out, now)
        self._caller = Caller()
        self._restraint.connected(now)
        self._reader.ack_seconds = ACK_SECONDS(payload.ack_ms / 1000)
        self._lines.restart()
        self._enter("connect")
        key, address, longest = established.server_key, established.address, int(TEXT_BYTES(payload.max_text))
        self._events.append(e.Connected(payload.room, key, address, payload.resumed, longest))
        if payload.resumed:
            self._ask_to_join(m.Join(None, None, self._options.history), now)
        elif self._join is not None:
            self._ask_to_join(self._join, now)
        elif self._was_joined:  # by a ticket that holds no more, and nobody has typed a password
            self._ticket = None
            self._events.append(e.JoinRefused("ticket_refused", 0.0, ""))

    def _lose(self, reason: str, now: float, wait: float = 0.0) -> None:
        """Dial again after `wait` seconds; what was said and read is kept."""
        if self._caller.is_leaving:  # the goodbye was heard, and its answer lost; or there is nobody to hear it
            self._leave_for_good()
            return
        self._caller, self.waiting = Caller(), Waiting()
        self._dial(now + self._restraint.time_away(now, wait))
        self._events.append(e.ContactLost(reason))

    # What comes on the session.

    def _receive_data(self, data: bytes, now: float) -> None:
        if self._link is None:
            return
        with contextlib.suppress(ProtocolError):
            message = self._link.open_untrusted(data)
            if self._link.contact.heard(now):
                self._hurry(now)
            self._handle(message, now)

    def _hurry(self, now: float) -> None:
        """Repeat at once what is unanswered: the link was down for a while, and nobody has to wait as long again."""
        self._lines.restart()
        self._caller.hurry(now)
        self._reader.hurry(now)

    def _handle(self, message: m.ServerMessage, now: float) -> None:
        self._events.extend(self.waiting.heed(message))
        match message:
            case m.Entries() | m.EntryPart():
                if self.state is State.JOINED:
                    self._reader.receive(message, now)
                    self._read_on()
            case m.Stored() | m.Unsaid():
                self._events.extend(self._lines.take_answer(message))
            case m.Progress() if self._replies.is_ready(now):
                self._replies.spend(now, self._lines.heed(message, now))
            case m.Pong(_, head) | m.Head(head):
                if self.state is State.JOINED and self._options.role != m.SCRIPT:
                    self._reader.notice_head(head, now, again=isinstance(message, m.Head))
            case m.Answer():
                self._take_answer(message, now)
            case m.PathChallenge(token) if self._replies.is_ready(now):
                self._reply(m.PathResponse(token), now)
            case m.Rekeyed():
                if self._link is not None:
                    self._link.finish_rekey(message, now)
            case m.Closed(code, wait_ms):
                if self.state is not State.DIALING:
                    self.put_off = put_off_by(code, wait_ms)
                    self._lose(code, now, max(wait_ms / 1000, self._random(1)[0] / 255))
            case _:
                pass  # more than is answered

    def _read_on(self) -> None:
        """Report what has become known; a line of ours that is in the log is stored, whether or not STORED came."""
        for event in self._reader.take():
            if isinstance(event, e.EntryArrived) and event.own is not None and self._lines.settle(event.own):
                self._events.append(e.LineStored(event.own, event.entry.seq))
            self._events.append(event)

    # Calls.

    def _take_answer(self, answer: m.Answer, now: float) -> None:
        match self._caller.take_answer(answer):
            case None:
                return
            case m.Join(), m.Welcome() as welcome:
                self._welcome(welcome, now)
            case m.Join(), m.NameValid(name):
                self._enter("refuse")
                self._join = None
                self._events.append(e.NameAccepted(name))
            case m.Join() as join, m.Refused() as refused:
                self._refused(join, refused, now)
            case m.Who(), m.Members(members, more):
                self._who = None
                self._events.append(e.MembersListed(members, more))
            case _, m.Goodbye():
                self._leave_for_good()
            case _:
                pass  # no answer to what was asked

    def _leave_for_good(self) -> None:
        self.stop()
        self._events.append(e.LeftRoom())

    def _ask_to_join(self, join: m.Join, at: float) -> None:
        self._enter("join")
        self._ask(join, at)

    def _ask(self, call: m.Join | m.Who, at: float) -> None:
        self._caller.ask(call, self._restraint.call_at(at))

    def _refused(self, asked: m.Join, refused: m.Refused, now: float) -> None:
        self._enter("refuse")
        reason = e.join_refused(refused, wait_of(refused))
        self.put_off = None
        if refused.code == "busy" or (refused.code in SEAT_CODES and self.waits_for_a_seat):
            self.put_off = reason
            self._ask_to_join(asked, now + reason.wait * self._jitter())
            return
        if asked.name is None:
            self._ticket = None
            if self._join is not None and self._join.password is not None:
                self._ask_to_join(self._join, now)
                return
        elif refused.code not in PUT_OFF:  # what was looked at and refused is for a person to mend
            self._join = None
        self._events.append(reason)

    def _welcome(self, welcome: m.Welcome, now: float) -> None:
        rewound = self._reader.place(welcome, self._log_id, begins=self._log_id is None and self._options.cursor == 0)
        self._log_id, self._ticket = welcome.log_id, welcome.ticket
        if self._join is not None:
            self._join = m.Join(welcome.name, self._join.password, self._options.history)
        self._enter("welcome")
        told = welcome.name, welcome.log_id, welcome.start, welcome.head, welcome.ticket
        self._events.append(e.Admitted(*told, self._was_joined, rewound))
        self._was_joined, self.put_off = True, None
        if self._options.role != m.SCRIPT:
            self._reader.begin(welcome.head, now)
            self._read_on()
        if self._who is not None:
            self._ask(self._who, now)

    # Whoever touches the peer settles what it is to send.

    def _settle(self, now: float) -> None:
        if self._link is None or self.state is State.DIALING:
            return
        contact = self._link.contact
        if self._caller.is_given_up(now):
            self._leave_for_good()
            return
        call = self._caller.due(now, self._jitter())
        if call is not None:
            self._send(call, now)
        if self.state is State.JOINED:
            for say in self._lines.due(now, self._jitter()):
                self._send(say, now)
            while self._replies.is_ready(now) and (reply := self._reader.due(now)) is not None:
                self._reply(reply, now)
        if self._lines.retried() or self._caller.retried():
            contact.doubt(now)
        ping = contact.handle_timer(now)
        if ping is not None:
            self._send(ping, now)
        elif contact.lost:
            self._lose("silence", now)

    def _reply(self, message: m.ClientMessage, now: float) -> None:
        """Send what the server has asked for."""
        self._replies.spend(now)
        self._send(message, now)

    def _send(self, message: m.ClientMessage, now: float) -> None:
        if self._link is not None:
            self._link.send(message)
            self._link.contact.sent(now)

    def _enter(self, action: str) -> None:
        """Change the state; the one place that does."""
        self.state = TRANSITIONS[self.state, action]

    def _jitter(self) -> float:
        return 0.8 + 0.4 * self._random(1)[0] / 255
