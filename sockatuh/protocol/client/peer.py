"""The client's core: one conversation with a server, over any number of sessions (docs/PROTOCOL.md §4–8).

Lines, the cursor and the credentials outlive sessions: whatever happens below, the peer dials again, joins again by
itself, sends again what was not stored, and asks for what it missed.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Sequence

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import COOKIE, DATA, MAX_NAME_BYTES, REMOVAL_CODES, RESET, RESP
from sockatuh.protocol.datagrams import jitter
from sockatuh.protocol.identity import tag
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.password_proof import Binding
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from . import events as e
from .bounds import ACK_SECONDS, LINE_SECONDS, TEXT_BYTES, Bounds, code_untrusted
from .caller import Caller
from .catch_up import CatchUp
from .dialer import Dialer
from .handshakes import Established
from .joining import Credentials, PeerOptions, reason_of
from .link_counts import LinkCounts, LinkReport
from .obstacles import Obstacle, is_ours
from .outbox import Outbox
from .requests import Request, Requests
from .secure_link import Link
from .state import TRANSITIONS, PeerState
from .timers import SESSION_TIMERS, ClientTimer


class Peer:
    """A client's core. The shell drives the five methods; the others are what a person or a script asks for."""

    def __init__(self, options: PeerOptions, random: Callable[[int], bytes]) -> None:
        self.state = PeerState.IDLE
        self.here = 0
        """How many members are in the room, as of the server's last report."""
        self.waits_for_log = False
        """Whether the server has our lines, our JOIN, RENAME or STRIKE, and cannot store them now."""
        self._options, self._random = options, random
        self._is_removed = False
        self._delayed_until: float | None = None
        """Until when the server takes no line, as they came too fast; None: no line waits because of that."""
        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[e.PeerEvent] = deque()
        self._timers = TimerTable(ClientTimer)
        self._dialer = Dialer(
            options.private_key, options.pin, random, self._timers, self._out, meets_nobody_new=options.meets_nobody_new
        )
        self._addresses: Sequence[Address] = ()
        self._further: frozenset[Address] = frozenset()
        self._link: Link | None = None
        self._server_key = b""
        """The key of the server of the present session, pinned or not."""
        self._caller = Caller(random, self._timers)
        self._lines = Outbox(random, self._timers, options.last_line)
        self._public_key = public_key(options.private_key)
        self._tag = tag(self._public_key)
        self._catch_up = CatchUp(self._public_key, options.stream, random, options.cursor)
        for line in options.unanswered:
            self._lines.add_again(line.number, line.text.encode(), line.action, line.to)
            self._catch_up.expect(line.number)
        self._log_id = options.log_id
        self._credentials = Credentials(options, random)
        self._requests = Requests()
        self._named_at = 0
        """The seq up to which our name takes account of the renames in the log."""
        self._bounds = Bounds(random)
        self._counts = LinkCounts()

    # State for the shell.

    @property
    def pin(self) -> bytes | None:
        """The server's key, if it was given, or proved by the password."""
        return self._dialer.pin

    @property
    def salt(self) -> bytes | None:
        """The salt (16 bytes) under which the room accepted the password, None if that is not known."""
        return self._credentials.salt

    @property
    def unanswered(self) -> int:
        """How many lines have been neither stored nor refused."""
        return len(self._lines)

    @property
    def put_off(self) -> e.JoinRefused | None:
        """Why we are not in the room yet, while the peer retries by itself."""
        return self._credentials.put_off

    @property
    def waits_for_a_seat(self) -> bool:
        """Tell whether the peer asks again by itself when there is no seat."""
        return self._credentials.waits_for_a_seat

    def silence(self, now: float) -> float | None:
        """Return the seconds since the server's last datagram if another is overdue, else None."""
        if self._link is None or not (self._link.contact.is_doubtful or self.state is PeerState.DIALING):
            return None
        return now - self._link.contact.received_at

    def delay(self, now: float) -> float | None:
        """Return in how many seconds the server takes lines again, if they wait only because they came too fast."""
        if self._delayed_until is None or self.state is not PeerState.JOINED or self.silence(now) is not None:
            return None
        return max(0.0, self._delayed_until - now)

    def report_link(self, now: float) -> LinkReport:
        """Return how the network between here and the server has been."""
        address = self._link.address if self._link is not None else None
        return self._counts.report(address, self._server_key, now)

    # Commands of a person or a script.

    def connect(self, addresses: Sequence[Address], now: float, further: Sequence[Address] = ()) -> None:
        """Dial the server at any of `addresses`; also called when its addresses have changed.

        At those that are `further` ones of the room, another server may be too.
        """
        self._addresses, self._further = addresses, frozenset(further)
        if self.state in (PeerState.IDLE, PeerState.DIALING) and not self._is_removed:
            self._dial(now)

    def stop(self) -> None:
        """Send nothing more."""
        self._dialer.stop()
        self._close_session()
        self._link = None
        self._enter("stop")

    def join(self, name: str, password: bytes | None, now: float) -> None:
        """Ask for a name; with a password (1 to 72 bytes), join. Without contact it is asked in the next session."""
        self._credentials.want(name, password)
        if self.state in (PeerState.OPEN, PeerState.JOINING):
            self._go_on_joining(now)
            self.handle_timer(now)

    def supply_hash(self, wanted: e.HashWanted, secret: bytes, now: float) -> None:
        """Give the peer the hash that it wanted: the 60 characters, beginning with `$2b$`."""
        goes_on = self._credentials.supply_hash(wanted, secret) and not self._caller.is_leaving
        if goes_on and self.state is PeerState.OPEN:
            self._go_on_joining(now)
            self.handle_timer(now)

    def say(self, text: str, now: float, *, action: bool = False, to: str = "") -> int:
        """Say a line and return its number; it is sent until it is stored or refused.

        `to` names the addressee of a private line, in at most MAX_NAME_BYTES; "": the line is for everybody.
        """
        number = self._lines.add(text.encode(), action, to)
        self._catch_up.expect(number)
        self.handle_timer(now)
        return number

    def pause_reading(self) -> None:
        """Ignore entries until `resume_reading`, as the reader cannot keep up; the server keeps them."""
        self._catch_up.pause()

    def resume_reading(self, now: float) -> None:
        """Accept entries again, and request those that came meanwhile."""
        self._catch_up.resume(now)
        self.handle_timer(now)

    def ask_who(self, after: str, now: float) -> int:
        """Ask for the page of members after a name, "" for the first; MembersListed or RequestRefused follows.

        This and the three below return the request's number. Requests are made one after another; without contact they
        wait until it is back.
        """
        return self._request(m.Who(after), now)

    def rename(self, name: str, now: float) -> int:
        """Ask for another name; NameChanged or RequestRefused follows."""
        return self._request(m.Rename(name), now)

    def set_away(self, text: str | None, now: float) -> int:
        """Say that we are away, or (None) back; RequestDone or RequestRefused follows."""
        return self._request(m.Away(text), now)

    def strike(self, seq: int, now: float) -> int:
        """Have the text of our line `seq` removed; RequestDone or RequestRefused follows."""
        return self._request(m.Strike(seq), now)

    def _request(self, body: Request, now: float) -> int:
        number = self._requests.add(body)
        self._make_request(now)
        self.handle_timer(now)
        return number

    def withdraw(self, number: int, now: float) -> None:
        """Withdraw a request. If it is under way, the server may have carried it out already."""
        first = self._requests.first
        if first is not None and first[0] == number and self._is_making_request:
            self._caller.drop()
        self._requests.remove(number)
        self._make_request(now)
        self.handle_timer(now)

    def leave(self, now: float) -> None:
        """Leave the room; LeftRoom comes when the server has answered, or does not answer."""
        if not self._has_session:
            self._leave_for_good()
            return
        self._caller.ask(m.Leave(), now)
        self.handle_timer(now)

    def poke(self, now: float) -> None:
        """Check at once whether the server is still there: the machine has slept, or its network has changed."""
        if self._link is not None:
            self._link.contact.poke(now)
        self.handle_timer(now)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> None:
        """Note why the shell cannot reach an address; this is reported and changes nothing else."""
        if report := self._dialer.note_obstacle(address, obstacle):
            self._events.append(report)

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram; never raises, whatever it contains."""
        kind = data[0] if data else 0
        if not is_ours(data):
            self.note_obstacle(address, Obstacle.FOREIGN)
        if kind == DATA:
            self._receive_data(data, now)
        elif kind == COOKIE:
            if unknown := self._dialer.receive_cookie(data, now):
                self.stop()
                self._events.append(unknown)
        elif kind == RESP:
            if established := self._dialer.receive_resp(data, now):
                self._open_session(established, now)
        elif kind == RESET and self._has_session and self._link is not None and self._link.is_reset(data):
            self._lose("reset", now, 0.5 * jitter(self._random, 1.0))
        self.handle_timer(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for timer in self._timers.take_due(now):
            if timer is ClientTimer.DIAL:
                if reason := self._dialer.handle_timer(now):
                    self.stop()
                    self._events.append(reason)
            elif self._has_session and self._link is not None:
                self._handle_session_timer(timer, self._link, now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted."""
        return self._timers.next_at()

    def next_event(self) -> e.PeerEvent | None:
        """Return the next thing that happened."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the datagrams to send."""
        out = self._out[:]
        self._out.clear()
        self._counts.sent += len(out)
        return out

    def _handle_session_timer(self, timer: ClientTimer, link: Link, now: float) -> None:
        match timer:
            case ClientTimer.OLD_CHANNEL:
                link.drop_old_channel()
            case ClientTimer.REKEY:
                link.rekey(now)
            case ClientTimer.CALL:
                if call := self._caller.handle_timer(now):
                    self._counts.ask(call.number, now, is_quick=isinstance(call.body, m.Who))
                    link.send(call, now)
                    self._doubt_if(self._caller.is_repeating, now)
                else:
                    self._leave_for_good()
            case ClientTimer.LINES if self.state is PeerState.JOINED:
                says = self._lines.handle_timer(now)
                self._counts.send_lines(Counter(say.number for say in says), now)
                for say in says:
                    link.send(say, now)
                self._doubt_if(self._lines.is_repeating, now)
            case ClientTimer.CATCH_UP if self.state is PeerState.JOINED:
                while self._bounds.replies.is_ready(now) and (reply := self._catch_up.due(now)) is not None:
                    self._reply(reply, now)
                self._set_catch_up()
            case ClientTimer.PING:
                if ping := link.contact.handle_timer(now):
                    self._counts.ask(ping.nonce, now)
                    link.send(ping, now)
                else:
                    self._lose("silence", now)
            case _:
                pass  # LINES and CATCH_UP wait until we are in the room, which sets them again

    # Sessions.

    @property
    def _has_session(self) -> bool:
        return self.state in (PeerState.OPEN, PeerState.JOINING, PeerState.JOINED)

    def _dial(self, at: float) -> None:
        options, cursor = self._options, self._catch_up.inbox.cursor
        ticket = self._credentials.ticket if self.pin is not None else None
        payload = m.InitPayload(options.version, options.stream, m.FLAGS[options.role], self._log_id, cursor, ticket)
        self._enter("dial")
        self._dialer.start(self._addresses, payload, at, self._further)

    def _open_session(self, established: Established, now: float) -> None:
        payload = established.payload
        self._close_session()
        self._link = Link(established, self._options.private_key, self._random, self._timers, self._out, now)
        self._bounds.open_session(now)
        self._catch_up.ack_seconds = ACK_SECONDS(payload.ack_ms / 1000)
        self._enter("connect")
        key, address, longest = established.server_key, established.address, int(TEXT_BYTES(payload.max_text))
        is_pinned = self.pin is not None
        resumed = payload.resumed and is_pinned
        self._server_key = key
        self._events.append(e.Connected(payload.room, key, address, resumed, longest))
        binding = Binding(established.handshake_hash, key, self._public_key)
        self._credentials.begin_session(binding, is_pinned=is_pinned, resumed=resumed)
        self._go_on_joining(now)

    def _close_session(self) -> None:
        self._timers.stop(*SESSION_TIMERS)
        self._caller = Caller(self._random, self._timers)
        self._counts.close_session()
        self.waits_for_log, self._delayed_until = False, None

    def _lose(self, reason: str, now: float, wait: float = 0.0) -> None:
        """Dial again after `wait` seconds; lines and cursor are kept."""
        if self._caller.is_leaving:  # LEAVE was processed and the answer lost, or there is nobody to process it
            self._leave_for_good()
            return
        self._credentials.end_session(reason, wait)
        self._close_session()
        self._dial(now + self._bounds.close_session(now, wait))
        if self._credentials.was_joined:  # sessions also end while a name or a password is being typed
            self._counts.lose(now)
        self._events.append(e.ContactLost(reason))

    def _be_removed(self, order: m.Refused) -> None:
        """Stop for good, because the admin wants us out; a leave that is under way has succeeded."""
        self._is_removed = True
        if self._caller.is_leaving:
            self._leave_for_good()
            return
        why = reason_of(order)
        self.stop()
        self._events.append(e.Removed(why.code, why.wait, why.detail))

    def _leave_for_good(self) -> None:
        self.stop()
        self._events.append(e.LeftRoom())

    def _doubt_if(self, is_repeating: bool, now: float) -> None:
        if is_repeating and self._link is not None:
            self._link.contact.doubt(now)

    def _enter(self, action: str) -> None:
        """Change the state; the one place that does."""
        self.state = TRANSITIONS[self.state, action]

    # Datagrams of a session.

    def _receive_data(self, data: bytes, now: float) -> None:
        if self._link is None:
            return
        with contextlib.suppress(ProtocolError):
            encoded = self._link.open_untrusted(data)
            if self._link.contact.received(now):  # the network was down: repeat everything unanswered at once
                self._lines.restart()
                self._caller.hurry(now)
                self._catch_up.hurry(now)
                self._set_catch_up()
            self._handle(m.decode_server_message_untrusted(encoded), self._link, now)

    def _handle(self, message: m.ServerMessage, link: Link, now: float) -> None:
        match message:
            case m.Entries() | m.EntryPart():
                if self.state is PeerState.JOINED:
                    self._catch_up.receive(message, now)
                    self._read_on(now)
            case m.Stored() | m.Unsaid():
                if self.state is PeerState.JOINED:  # no line was sent before, so nobody else knows of any
                    self.waits_for_log = self.waits_for_log and isinstance(message, m.Unsaid)
                    self._take_line_answers(message, now)
            case m.Progress():
                self._take_progress(message, now)
            case m.Presence(here, changed):
                self._note_presence(here, changed)
            case m.Pong(_, head) | m.Head(head):
                if isinstance(message, m.Pong):
                    self._counts.answer(message.nonce, now)
                    self._note_presence(message.here)
                if self.state is PeerState.JOINED and self._options.role != m.SCRIPT:
                    self._catch_up.notice_head(head, now, again=isinstance(message, m.Head))
                    self._set_catch_up()
            case m.Answer():
                self._take_answer(message, now)
            case m.PathChallenge(token):
                if self._bounds.replies.is_ready(now):
                    self._reply(m.PathResponse(token), now)
            case m.Rekeyed():
                link.finish_rekey(message, now)
            case m.Closed(code, wait_ms, detail) if code in REMOVAL_CODES:
                self._be_removed(m.Refused(code, wait_ms, detail))
            case m.Closed(sent, wait_ms):
                code = code_untrusted(sent)
                if self._has_session:
                    self._lose(code, now, max(wait_ms / 1000, 0.5 * jitter(self._random, 1.0)))

    def _note_presence(self, here: int, changed: tuple[m.Change, ...] = ()) -> None:
        """Report how many members are here and who has changed, if anything has."""
        if self.state is PeerState.JOINED and (changed or here != self.here):
            self.here = here
            self._events.append(e.PresenceChanged(here, changed))

    def _take_line_answers(self, answer: m.Stored | m.Unsaid, now: float) -> None:
        for event in self._lines.take_answer(answer):
            self._counts.answer_line(event.number, now)
            self._events.append(event)
        if not self._lines:
            self._delayed_until = None

    def _take_progress(self, progress: m.Progress, now: float) -> None:
        if progress.reason == m.LOG_REFUSES:
            if not self.waits_for_log:
                self._events.append(e.LinesHeld())
            self.waits_for_log = True
        elif progress.wait_ms:
            self._events.append(e.LinesDelayed(LINE_SECONDS(progress.wait_ms / 1000)))
        self._delayed_until = now + LINE_SECONDS(progress.wait_ms / 1000) if progress.wait_ms else None
        if progress.wait_ms or self.waits_for_log:
            self._counts.delay_lines()
        if self._bounds.replies.is_ready(now):
            self._bounds.replies.spend(now, self._lines.take_progress(progress, now))

    def _read_on(self, now: float) -> None:
        """Report what is ready; a line of ours that is in the log is stored, whether or not STORED came."""
        for event in self._catch_up.take():
            if isinstance(event, e.EntryArrived):
                if event.own is not None and self._lines.remove(event.own):
                    self._counts.answer_line(event.own, now)
                    self._events.append(e.LineStored(event.own, event.entry.seq))
                self._follow_rename(event.entry)
            self._events.append(event)
        self._set_catch_up()

    def _follow_rename(self, entry: m.Entry) -> None:
        """Take our new name from the log: another session of ours has asked for it, or the answer was lost."""
        is_ours = entry.tag == self._tag and entry.name == self._credentials.name
        can_be_said = 0 < len(entry.text.encode()) <= MAX_NAME_BYTES  # in a JOIN, when we come back
        if entry.kind == m.RENAMED and is_ours and can_be_said and entry.seq > self._named_at:
            self._named_at = entry.seq
            self._credentials.rename(entry.text, None)
            self._events.append(e.NameChanged(entry.text, None, None))

    def _set_catch_up(self) -> None:
        """Set the catch-up timer, no earlier than the budget for replies allows."""
        at = self._catch_up.get_timer()
        self._timers.set(ClientTimer.CATCH_UP, None if at is None else max(at, self._bounds.replies.ready_at))

    def _reply(self, message: m.ClientMessage, now: float) -> None:
        """Send what the server has asked for."""
        self._bounds.replies.spend(now)
        if self._link is not None:
            self._link.send(message, now)

    # Calls.

    def _go_on_joining(self, now: float) -> None:
        """Do what is needed next in order to get in."""
        match self._credentials.next_step():
            case m.Join() as join:
                self._ask_to_join(join, now)
            case e.HashWanted() | e.JoinRefused() as event:
                self._events.append(event)
            case None:
                pass

    def _ask_to_join(self, join: m.Join, at: float) -> None:
        self._enter("join")
        self._ask(join, at)

    def _ask(self, call: m.Join | Request, at: float) -> None:
        self._caller.ask(call, self._bounds.reserve_call(at))

    def _make_request(self, now: float) -> None:
        """Make the next request, if we are in the room and no call is under way."""
        if self.state is PeerState.JOINED and self._caller.is_idle and (first := self._requests.first) is not None:
            self._ask(first[1], now)

    @property
    def _is_making_request(self) -> bool:
        """Whether the call under way is the first of the requests."""
        return self.state is PeerState.JOINED and not self._caller.is_idle and not self._caller.is_leaving

    def _take_answer(self, answer: m.Answer, now: float) -> None:
        self._counts.answer(answer.number, now)
        match self._caller.take_answer(answer):
            case m.Join() as join, m.Welcome() as welcome:
                self._welcome(join, welcome, now)
            case m.Join(name=str()) as join, m.NameValid() as valid:
                self._take_offer(join, valid, now)
            case m.Join() as join, m.Refused() as refused:
                self._refused(join, refused, now)
            case (m.Who() | m.Rename() | m.Away() | m.Strike()) as asked, answered if self._requests.first is not None:
                number, _ = self._requests.first
                self._requests.remove(number)
                self._finish_request(number, asked, answered)
                self._make_request(now)
            case _, m.Goodbye():
                self._leave_for_good()
            case _:
                pass  # no answer to what was asked

    def _finish_request(self, number: int, asked: Request, answered: m.AnswerBody) -> None:
        """Report the answer to a request; one that is no answer to it counts as a refusal."""
        match asked, answered:
            case m.Who(), m.Members(members, more):
                self._events.append(e.MembersListed(members, more, number))
            case m.Rename(), m.NameChanged(name, ticket, seq):
                if seq < self._named_at:  # another session of ours was faster than this answer
                    name = self._credentials.name
                self._named_at = max(seq, self._named_at)
                self._credentials.rename(name, ticket)
                self.waits_for_log = False  # the rename is stored
                self._events.append(e.NameChanged(name, ticket, number))
            case m.Away(), m.Noted():
                self._events.append(e.RequestDone(number))
            case m.Strike(), m.Noted():
                self.waits_for_log = False
                self._events.append(e.RequestDone(number))
            case _:
                refused = answered if isinstance(answered, m.Refused) else m.Refused("unknown")
                self._events.append(e.RequestRefused(number, reason_of(refused)))

    def _refused(self, asked: m.Join, refused: m.Refused, now: float) -> None:
        if refused.code in REMOVAL_CODES:
            self._be_removed(refused)
            return
        self._enter("refuse")
        reason = self._credentials.note_refusal(asked, refused)
        if self.put_off:
            self._ask_to_join(asked, now + reason.wait * jitter(self._random, 0.2))
        elif asked.name is None and self._credentials.has_password:
            self._go_on_joining(now)
        else:
            self._events.append(reason)

    def _take_offer(self, asked: m.Join, valid: m.NameValid, now: float) -> None:
        self._enter("refuse")
        if refused := self._credentials.take_offer(asked, valid):
            self._events.append(refused)
            return
        if asked.proof is None:
            self._events.append(e.NameAccepted(valid.name))
        if self._credentials.has_password:
            self._go_on_joining(now)

    def _welcome(self, asked: m.Join, welcome: m.Welcome, now: float) -> None:
        again = self._credentials.was_joined
        if unproven := self._credentials.take_welcome(asked, welcome):
            self._enter("refuse")
            self._events.append(unproven)
            return
        self._dialer.pin = self._server_key
        begins = self._log_id is None and self._options.cursor == 0
        rewound = self._catch_up.place(welcome, self._log_id, begins=begins)
        if not again:
            self._catch_up.stretch(welcome.head, self._options.earlier, self._options.newest)
        self._log_id, self.waits_for_log, self._named_at = welcome.log_id, False, welcome.head
        self._enter("welcome")
        fields = welcome.name, welcome.log_id, welcome.start, welcome.head, welcome.ticket
        self._events.append(e.Admitted(*fields, again, rewound, welcome.nodes, self._catch_up.inbox.cursor))
        self._lines.restart()
        if self._options.role != m.SCRIPT:
            self._catch_up.begin(welcome.head, now)
            self._read_on(now)
        self._counts.find_again(now)
        self._make_request(now)
