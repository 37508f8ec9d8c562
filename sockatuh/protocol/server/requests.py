"""What clients ask of a server (docs/PROTOCOL.md §5, §6).

A call is answered once, however often it is repeated. Lines are released in order, each once, at a bounded rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from sockatuh.protocol.constants import LINE_WINDOW, MAX_NAME_BYTES, UNDECIDED
from sockatuh.protocol.datagrams import line_id
from sockatuh.protocol.messages import (
    LOG_REFUSES,
    Answer,
    AnswerBody,
    Away,
    Call,
    Join,
    Leave,
    Refused,
    Rename,
    Say,
    Stored,
    Strike,
    UnknownCall,
    Unsaid,
    Welcome,
    Who,
    encode,
)
from sockatuh.protocol.timers import TimerTable

from .events import AwayAsked, JoinAsked, LineReceived, RenameAsked, ServerEvent, StrikeAsked, WhoAsked
from .half_lines import HalfLines
from .limits import Limits
from .password_offers import PasswordOffers
from .rate_limit import BucketTable, KeysOfPlaces
from .send_queue import Outgoing
from .session import Session
from .timers import ServerTimer, SessionDeadlines

STORED_PER_DATAGRAM: Final = 50
RELEASED_AT_ONCE: Final = 4_194_304
"""Bytes of released lines after which the others wait until the room server says how much the log can take."""
QUESTIONS_PER_SECOND: Final = 0.2
QUESTIONS_BURST: Final = 60
"""Names that one place may ask about without the password, a second and at once: the answers say which are in use."""
WITH_THE_PASSWORD: Final = frozenset(
    {"name_taken", "name_owned", "name_is_password", "room_full", "guests_full", "guests_from_address"}
)
"""Refusals sent only to those who have given the right password, or a ticket."""
SLOWED_EVERY: Final = 1.0
"""The fewest seconds between two PROGRESS that tell a session it sends too much; each asks it to wait that long."""


class Requests:
    """Takes calls and lines; reports those that are new, and repeats the answers to those that are not.

    When a deadline of `throttled` is due, `release_lines` is to be called for its session.
    """

    def __init__(
        self,
        limits: Limits,
        out: Outgoing,
        events: deque[ServerEvent],
        timers: TimerTable[ServerTimer],
        offers: PasswordOffers,
    ) -> None:
        self._limits, self._out, self._events, self._offers = limits, out, events, offers
        self._timers = timers
        self.throttled = SessionDeadlines(timers, ServerTimer.THROTTLE)
        self._stored: dict[int, Session] = {}
        self.half_lines = HalfLines(limits)
        self.holding = False
        """Whether lines are kept back because the log cannot take more."""
        self._released = 0
        """Bytes of lines released since the room server last said how much the log can take."""
        self._first = 0
        """The index of the session whose lines are released first when the log can take lines again."""
        self.log_refuses = False
        """Whether nothing can be stored now; clients that wait are notified."""
        # By key and place, so that neither more sessions nor more keys give anybody more.
        self._rates = KeysOfPlaces(limits.lines_per_second, limits.lines_burst, limits.sessions)
        self._newcomers = BucketTable(*_newcomers_rate(limits))
        self._questions = BucketTable(QUESTIONS_PER_SECOND, QUESTIONS_BURST, limits.sessions)

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on; a line that waits for its rate still waits as long as was announced."""
        self._limits = limits
        self._rates.replace_rate(limits.lines_per_second, limits.lines_burst, limits.sessions)
        self._newcomers.replace_rate(*_newcomers_rate(limits))
        self._questions.replace_rate(QUESTIONS_PER_SECOND, QUESTIONS_BURST, limits.sessions)
        self.half_lines.replace_limits(limits)

    def call(self, session: Session, call: Call, now: float) -> bool:
        """Process a call; return True if it is LEAVE, which ends the session."""
        number, body = call.number, call.body
        if number < session.call_number or number == 0 or not session.call_rate.take(now):
            return False
        if not session.joined and not self._newcomers.take(session.place, now):
            return False
        if session.joining and isinstance(body, Join):
            self.tell_waiting(session, now)
            return False
        if number == session.call_number:
            if session.call_answer is not None:
                self._out.send_encoded(session, session.call_answer)
            else:
                self.tell_waiting(session, now)
            return False
        session.call_number, session.call_answer = number, None
        match body:
            case Join():
                self._join(session, number, body, now)
            case Who() | Rename() | Away() | Strike() if not session.joined:
                self.answer(session, number, Refused("not_joined"))
            case Who(after):
                self._events.append(WhoAsked(session.cid, number, after))
            case Rename(name):
                self._events.append(RenameAsked(session.cid, number, name))
            case Away(text):
                self._events.append(AwayAsked(session.cid, number, text))
            case Strike(seq):
                self._events.append(StrikeAsked(session.cid, number, seq))
            case Leave():
                return True
            case UnknownCall():
                self.answer(session, number, Refused("unknown_call"))
        return False

    def answer(self, session: Session, number: int, body: AnswerBody) -> None:
        """Answer a call, if the session still waits for it."""
        if session.joining == number:
            self._end_join(session, body)
        if isinstance(body, Welcome) or (isinstance(body, Refused) and body.code in WITH_THE_PASSWORD):
            self._questions.give_back(session.place, session.questions)
            session.questions = 0
        if session.call_number == number and session.call_answer is None:
            session.call_answer = encode(Answer(number, body))
            self._out.send_encoded(session, session.call_answer)

    def _end_join(self, session: Session, body: AnswerBody) -> None:
        """Note that a JOIN is answered. An offer has served once its proof is decided about."""
        is_decided = not (isinstance(body, Refused) and body.code in UNDECIDED)
        if isinstance(body, Welcome) or (session.proof is not None and is_decided):
            session.offer = None
        session.joining, session.proof, session.confirmation = 0, None, b""

    def _join(self, session: Session, number: int, join: Join, now: float) -> None:
        name = join.name
        if name is not None:
            session.join_by = now + self._limits.join_seconds
        elif session.ticket is not None:
            name = session.ticket.name
        by_ticket = join.name is None
        if session.joined:
            self.answer(session, number, Refused("already_joined"))
        elif name is None:
            self.answer(session, number, Refused("ticket_refused"))
        elif not by_ticket and (refused := self._refuse_at_once(session, name, join.proof, now)) is not None:
            self.answer(session, number, refused)
        elif not by_ticket and join.proof is not None and not (join.proof and self._offers.has_one(session)):
            session.joining, session.proof = number, None
            self.offer(session, number, name)
        else:
            session.joining, session.proof = number, None if by_ticket else join.proof
            has_proof = session.proof is not None
            self._events.append(JoinAsked(session.cid, number, name, has_proof, by_ticket, join.history))

    def offer(self, session: Session, number: int, name: str) -> None:
        """Answer a JOIN with the session's offer, now or in a later turn."""
        valid = self._offers.name_valid(session, name)
        if valid is not None:
            self.answer(session, number, valid)
        else:
            self._timers.set_by(ServerTimer.OFFER, session.received_at)

    def make_offers(self, now: float) -> None:
        """Make offers for sessions that wait for one."""
        self._offers.end_turn()
        for session, valid in self._offers.take_waiting():
            self.answer(session, session.joining, valid)
        if self._offers.is_awaited:
            self._timers.set(ServerTimer.OFFER, now)

    def _refuse_at_once(self, session: Session, name: str, proof: bytes | None, now: float) -> Refused | None:
        """Return the refusal of a JOIN about which the room need not decide, or None."""
        if proof is None:
            wait = self._ask_name(session, now)
            return Refused("name_wait", int(wait * 1000) + 1) if wait else None
        if len(name.encode()) > MAX_NAME_BYTES and not (proof and self._offers.has_one(session)):
            return Refused("name_invalid", detail=f"at most {MAX_NAME_BYTES} bytes")
        return None

    def _ask_name(self, session: Session, now: float) -> float:
        """Count a question about a name; return in how many seconds its place may ask it, 0 if now."""
        if not self._questions.take(session.place, now):
            return self._questions.delay(session.place, now)
        session.questions += 1
        return 0.0

    def say(self, session: Session, say: Say, now: float) -> None:
        """Process a part of a line."""
        if not session.joined:
            return
        answer = session.repeat_answer(say.number)
        if answer is not None:
            self._out.send(session, answer)
            return
        early = say.number > session.lines.next > 0 or say.index == say.count - 1
        session.lines.receive(say, now)
        self.release_lines(session, now)
        dropped = self.half_lines.keep(session)
        while dropped is None:  # drop its last line, so that its next one can be completed
            session.lines.drop_last()
            self.slow_down(session, now)
            dropped = self.half_lines.keep(session)
        for other in dropped:
            other.lines.drop_all()
            self.slow_down(other, now)
        if self.log_refuses:
            self.tell_waiting(session, now)
        elif (early or session.lines.asks_again) and not session.throttled and session.lines.holds_parts():
            self._out.send(session, session.lines.progress())

    def release_lines(self, session: Session, now: float) -> None:
        """Report complete lines in order, as fast as the member's rate allows."""
        key, place, lines = session.client_key, session.place, session.lines
        while not self.holding and session.unsettled < LINE_WINDOW and not session.throttled and lines.ready():
            cost = lines.cost
            at_once = min(cost, self._limits.lines_burst)
            if not self._rates.take(key, place, now, at_once):
                wait = self._rates.delay(key, place, now, at_once)
                session.throttled = True
                self.throttled.add(session, now + wait)
                self._out.send(session, lines.progress(int(wait * 1000) + 1))
                return
            if cost > at_once:
                self._rates.charge(key, place, cost - at_once)
            number, action, text, to = lines.take()
            self.half_lines.keep(session)
            session.unsettled += 1
            if len(text) > self._limits.text_bytes:
                self.answer_line(session, number, Unsaid(number, "text_too_long"))
                continue
            self._released += len(text)
            self.holding = self.holding or self._released >= RELEASED_AT_ONCE
            line = line_id(key, session.stream, number)
            said = text.decode("utf-8", "replace")
            self._events.append(LineReceived(session.cid, number, line, action, said, to))

    def expire(self, session: Session, now: float) -> None:
        """Drop parts that have waited too long for the rest, and ask for the whole line again."""
        if session.lines.expire(now - self._limits.half_line_seconds):
            self.half_lines.keep(session)
            self._out.send(session, session.lines.progress())

    def hold(self, sessions: Iterable[Session], hold: bool, refuses: bool, now: float) -> None:
        """Keep lines back, or release them again; `refuses`: tell those who wait that the log stores nothing."""
        has_news = (hold, refuses) != (self.holding, self.log_refuses)
        self.holding, self.log_refuses, self._released = hold, refuses, 0
        everybody = list(sessions) if has_news else []
        for session in (
            everybody[self._first :] + everybody[: self._first]
        ):  # first the session that was held back last time
            was_holding = self.holding
            self.release_lines(session, now)
            self.tell_waiting(session, now)
            if self.holding and not was_holding:
                self._first = everybody.index(session)

    def tell_waiting(self, session: Session, now: float) -> None:
        """While the log refuses appends, notify a session whose lines or call wait, and extend its time to join."""
        is_calling = session.call_number > 0 and session.call_answer is None
        if self.log_refuses and (session.unsettled or is_calling or session.lines.ready()):
            self._out.send(session, session.lines.progress(reason=LOG_REFUSES))
            session.join_by = max(session.join_by, now + self._limits.join_seconds)

    def answer_line(self, session: Session, number: int, answer: int | Unsaid) -> None:
        """Answer a line: with its seq if it is durable, with UNSAID if it was refused."""
        session.answer_line(number, answer)
        session.unsettled -= 1
        if isinstance(answer, Unsaid):
            self._out.send(session, answer)
        else:
            session.stored.append((number, answer))
            self._stored[session.cid] = session

    def send_stored(self) -> None:
        """Send the STOREDs that have gathered, those of each session together."""
        for session in self._stored.values():
            for at in range(0, len(session.stored), STORED_PER_DATAGRAM):
                self._out.send(session, Stored(tuple(session.stored[at : at + STORED_PER_DATAGRAM])))
            session.stored.clear()
        self._stored.clear()

    def slow_down(self, session: Session, now: float) -> None:
        """Tell a session that it sends too much, at most once in SLOWED_EVERY."""
        if now - session.slowed_at >= SLOWED_EVERY:
            session.slowed_at = now
            self._out.send(session, session.lines.progress(int(SLOWED_EVERY * 1000)))

    def forget(self, session: Session) -> None:
        """Drop everything that is kept for a session that has ended."""
        self._stored.pop(session.cid, None)
        self.half_lines.release(session)
        self._offers.forget(session)


def _newcomers_rate(limits: Limits) -> tuple[float, float, int]:
    """Return the rate of calls from all sessions of one place that have not joined: (a second, at once, places kept).

    Joining takes two calls, and one more if an answer is lost.
    """
    return 2 * limits.handshakes_per_address, 3 * limits.handshakes_burst, limits.sessions
