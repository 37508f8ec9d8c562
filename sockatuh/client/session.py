"""One conversation with a server: connect, sign in, and then say lines and take events, in any number of tasks.

Until the client is in the room, each step is a call that returns or raises. From then on `next_event` returns every
event once, in order, whatever else is awaited: `deliver`, `list_members` and `leave` wait for their own answers and
take no event from anybody. Loss of contact is not an error, because the peer reconnects by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from sockatuh import __version__
from sockatuh.errors import (
    ClientError,
    ClientOutdated,
    IdentityChanged,
    NameTaken,
    NoServer,
    NotInRoom,
    NotPrepared,
    NotStored,
    Refused,
    Removed,
    ServerUnproven,
    TooFast,
    VersionMismatch,
)
from sockatuh.net.address import format_address
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.bounds import MEMBERS_LISTED
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.constants import MAX_NAME_BYTES, PUT_OFF, VERSION
from sockatuh.protocol.identity import words
from sockatuh.protocol.messages import MEMBER, MemberInfo
from sockatuh.protocol.seam import Address
from sockatuh.room.password import PasswordUnusable, prepare_password
from sockatuh.room.text import clean_line

from .carrier import Carry, UdpCarrier, Watch
from .deadline import loop_time
from .items import LineStream, Link
from .password_hash import hash_password
from .room import Listener
from .server_address import Node, parse_nodes_untrusted
from .whereabouts import Whereabouts

T = TypeVar("T")
Waits = e.LinesHeld | e.LinesDelayed | e.AddressesUnreachable | e.HashWanted
"""Why a call waits: because of the server, of an obstacle on the way to it, or of a hash that takes long to make."""
NAME_CODES: Final = ("name_unavailable", "name_taken", "name_owned", "name_reserved")
SILENT_AFTER: Final = 1.0
"""Seconds after which it is reported that the server does not answer, if there is nothing better to report."""
LOOK_INTERVAL: Final = 10.0
"""Seconds between two checks whether this machine slept or moved, where nothing reports it."""
SLEPT: Final = 3.0
"""The machine has slept if the wall clock ran ahead of the monotonic one by this many seconds."""
RESOLVE_INTERVAL: Final = 5.0
"""Seconds between two look-ups of the server's name while there is no contact."""
HASH_PATIENCE: Final = 1.0
"""Seconds after which it is reported that the password is still being hashed."""
LEAVE_TIMEOUT: Final = 1.0
"""Seconds to wait for the answer to LEAVE, retransmissions included."""


class ConversationOptions(msgspec.Struct, frozen=True):
    """Where the server is, and who connects; see PeerOptions. `key` is the server's pinned key, None if unknown.

    `nodes` are further addresses of the same room, to be named only together with a key. `salt`, `cursor`, `log_id`,
    `earlier` and `newest`: see PeerOptions.
    `meets_nobody_new`: refuse a server whose key is not pinned. `lines` is the stream of lines to continue, None for a
    new one. `program` is what the server is told of the client, with the version.
    """

    host: str
    port: int
    private_key: bytes
    key: bytes | None = None
    ticket: bytes | None = None
    salt: bytes | None = None
    role: int = MEMBER
    cursor: int = 0
    log_id: bytes | None = None
    earlier: int = 0
    newest: int | None = None
    history: int | None = None
    nodes: tuple[Node, ...] = ()
    meets_nobody_new: bool = False
    lines: LineStream | None = None
    program: str = "sockatuh"


class Conversation:
    """An open conversation; use it as an async context manager.

    `on_waiting` is called while a call waits and there is a reason for the wait to report, `on_silence` when the server
    says nothing and nothing says why. `carry` makes what carries the datagrams.
    """

    def __init__(
        self,
        options: ConversationOptions,
        on_waiting: Callable[[Waits], None] | None = None,
        carry: Carry = UdpCarrier,
        on_silence: Callable[[], None] = lambda: None,
    ) -> None:
        self.options = options
        self.room = ""
        self.max_text = 0
        self.server_key = b""
        self._on_waiting, self._on_silence = on_waiting, on_silence
        self._events: asyncio.Queue[e.PeerEvent] = asyncio.Queue()
        self._steps = 0
        """How many callers wait for an answer."""
        self._deliveries: dict[int, asyncio.Future[int]] = {}
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._left = asyncio.Event()
        self._dialled: list[Address] = []
        self._reached: Address | None = None
        self._source: str | None = None
        self._ahead = 0.0
        """By how many seconds the wall clock was ahead of the monotonic one."""
        self._watch: Watch | None = None
        self._looking: asyncio.Task[None] | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._looking_up: asyncio.Task[None] | None = None
        self._hashing: asyncio.Task[None] | None = None
        self._obstacles: tuple[tuple[str, str], ...] = ()
        self._listener: Listener | None = None
        lines = options.lines or LineStream(os.urandom(8))
        self.peer = Peer(
            PeerOptions(
                private_key=options.private_key,
                stream=lines.id,
                last_line=lines.last,
                unanswered=tuple(lines.unanswered),
                version=f"{options.program} {__version__}",
                role=options.role,
                pin=options.key,
                ticket=options.ticket,
                salt=options.salt,
                cursor=options.cursor,
                log_id=options.log_id,
                earlier=options.earlier,
                newest=options.newest,
                history=options.history,
                meets_nobody_new=options.meets_nobody_new,
            ),
            os.urandom,
        )
        self._carrier = carry(self.peer, self._take)
        self._whereabouts = Whereabouts(self._carrier, options.host, options.port, options.nodes)

    @property
    def server(self) -> str:
        """The server as people write it."""
        return format_address((self.options.host, self.options.port))

    async def __aenter__(self) -> Conversation:
        self._carrier.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._looking, self._resolving, self._looking_up, self._hashing):
            if task is not None:
                task.cancel()
        if self._watch is not None:
            self._watch.close()
        self._whereabouts.close()
        self._carrier.flush()
        self._carrier.close()

    # Steps.

    async def open(self, timeout: float | None) -> e.Connected:
        """Find the server and shake hands, within `timeout` seconds.

        Raises NoServer, IdentityChanged, VersionMismatch, and Refused("unknown_server").
        """
        ends_at = _end_of(timeout)
        self._dial(await self._look_up(timeout))
        self._resolve_until_contact()
        silence = asyncio.get_running_loop().call_later(SILENT_AFTER, self._report_silence)
        try:
            connected: e.Connected = await self._wait((e.Connected,), _left(ends_at))
        finally:
            silence.cancel()
        self._reached = connected.address
        if self._watch is None:
            self._watch_machine()
        return connected

    def _report_silence(self) -> None:
        if not self._obstacles:
            self._on_silence()

    async def _look_up(self, timeout: float | None) -> list[Address]:
        """Return the server's addresses; NoServer if it has none, or none are found within `timeout` seconds."""

        def unresolved(obstacle: Obstacle) -> NoServer:
            return NoServer(self.server, timeout or 0, "", ((self.server, obstacle),))

        def say() -> None:
            self._take(e.AddressesUnreachable((((self.options.host, self.options.port), Obstacle.NO_NAME_SERVER),)))

        try:
            async with asyncio.timeout(timeout):
                return await self._whereabouts.look_up(say)
        except TimeoutError:
            raise unresolved(Obstacle.NO_NAME_SERVER) from None
        except OSError:
            raise unresolved(Obstacle.UNKNOWN_NAME) from None

    async def also_dial(self, node: Node) -> list[Address]:
        """Dial a further address of the room from now on; return what is new in that."""
        found = await self._carrier.look_up_again(*node)
        further = [address for address in found if address not in self._whereabouts.known]
        if further:
            self._whereabouts.found += further
            self._dial(self._whereabouts.known)
        return further

    def move(self, node: Node) -> None:
        """Take another address of the server for its own from now on, in place of the one it was opened with."""
        self.options = replace(self.options, host=node[0], port=node[1])
        self._whereabouts.move(*node)

    async def ask_name(self, name: str, timeout: float | None = None) -> str:
        """Ask whether a name can be had, and return it as the server writes it.

        Raises NameTaken, Refused, ServerUnproven, ClientOutdated and NoServer.
        """
        self.peer.join(name, None, loop_time())
        self._carrier.flush()
        event = await self._wait((e.NameAccepted, e.JoinRefused), timeout)
        if isinstance(event, e.NameAccepted):
            return event.name
        raise self._error_of(event)

    async def join(self, name: str, password: str, timeout: float | None = None) -> e.Admitted:
        """Join with name and password.

        Raises NameTaken, Refused (with `wait`), ServerUnproven, ClientOutdated, NotPrepared, NotStored and NoServer.
        """
        self.come_back(name, password)
        return await self.admitted(timeout)

    async def admitted(self, timeout: float | None = None) -> e.Admitted:
        """Wait for the join that a ticket does by itself; raises as `join`."""
        event = await self._wait((e.Admitted, e.JoinRefused), timeout)
        if isinstance(event, e.Admitted):
            return event
        raise self._error_of(event)

    async def deliver(self, text: str, timeout: float | None = None) -> int:
        """Say a line and wait until it is durable; return its seq. Raises Refused, NoServer, NotStored and TooFast.

        A delivery that is cancelled or times out is no longer awaited; the line itself is still sent until it is
        stored.
        """
        return await self.stored(self.say(text), timeout)

    async def stored(self, number: int, timeout: float | None = None) -> int:
        """Wait until a line that was just said is durable; see `deliver`."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._deliveries[number] = answer
        try:
            return await self._answered(answer, timeout)
        except NoServer:
            if (wait := self.peer.delay(loop_time())) is None:
                raise
            raise TooFast(timeout or 0, wait) from None
        finally:
            del self._deliveries[number]

    async def list_members(self, timeout: float | None = None) -> list[MemberInfo]:
        """Return everybody in the room; raises NoServer and Refused."""
        listing, ends_at = Listing(), _end_of(timeout)
        after: str | None = ""
        while after is not None:
            page: e.MembersListed = await self._requested(self.ask_who(after), _left(ends_at))
            after = listing.take(page.members, page.more)
        return list(listing.members)

    async def rename(self, name: str, timeout: float | None = None) -> str:
        """Take another name, and return it as the server writes it; raises NameTaken, Refused and NoServer."""
        number = self.peer.rename(sendable_name(name), loop_time())
        changed: e.NameChanged = await self._requested(number, timeout)
        return changed.name

    async def set_away(self, text: str | None, timeout: float | None = None) -> None:
        """Say that this member is away, with a text, or (None) back; raises Refused and NoServer."""
        await self._requested(self.peer.set_away(text, loop_time()), timeout)

    async def strike(self, seq: int, timeout: float | None = None) -> None:
        """Have the text of an own line removed; raises Refused and NoServer."""
        await self._requested(self.peer.strike(seq, loop_time()), timeout)

    async def _requested(self, number: int, timeout: float | None) -> Any:
        """Wait for the answer to a request that was just made; withdraw it if nobody waits any longer."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        self._carrier.flush()
        try:
            return await self._answered(answer, timeout)
        finally:
            del self._requests[number]
            self.peer.withdraw(number, loop_time())
            self._carrier.flush()

    def let_go(self) -> None:
        """Stop without leaving: for the server, contact is lost."""
        self._fail_all(NotInRoom())
        self.peer.stop()
        self._carrier.flush()

    async def leave(self) -> None:
        """Leave the room; waits at most a second for the server's answer."""
        self._fail_all(NotInRoom())
        self.peer.leave(loop_time())
        self._carrier.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await self._left.wait()
        self.peer.stop()

    # Calls that do not wait.

    def say(self, text: str, *, action: bool = False, to: str = "") -> int:
        """Send a line and return its number; LineStored or LineRefused with that number is reported."""
        number = self.peer.say(text, loop_time(), action=action, to=to)
        self._carrier.flush()
        return number

    def come_back(self, name: str, password: str) -> None:
        """Join without waiting; Admitted is reported, or `next_event` raises. Refused: nobody has such a password."""
        try:
            prepared = prepare_password(password)
        except PasswordUnusable:
            raise Refused("password_wrong") from None
        self.peer.join(name, prepared, loop_time())
        self._carrier.flush()

    def listen(self, listener: Listener) -> None:
        """Report everything to a listener from now on, beginning with what is queued; not to `next_event`."""
        self._listener = listener
        while not self._events.empty():
            self._report(self._events.get_nowait())

    def pause_reading(self) -> None:
        """Take no entries of the log until `resume_reading`; the server keeps them."""
        self.peer.pause_reading()

    def resume_reading(self) -> None:
        """Take entries again, and fetch those that came meanwhile."""
        self.peer.resume_reading(loop_time())
        self._carrier.flush()

    def ask_who(self, after: str) -> int:
        """Ask for a page of the members; MembersListed or RequestRefused with the number returned is reported."""
        number = self.peer.ask_who(after, loop_time())
        self._carrier.flush()
        return number

    @property
    def silence(self) -> float | None:
        """Seconds since the server was last heard, if it should have been heard by now; None while all is well."""
        return self.peer.silence(loop_time())

    @property
    def link(self) -> Link:
        """How the network between here and the server has been."""
        report = self.peer.report_link(loop_time())
        return Link(
            format_address(report.address) if report.address is not None else "",
            report.server_key,
            report.best_answer,
            report.last_answer,
            report.sent,
            report.repeated,
            report.losses,
            report.lost_for,
        )

    @property
    def is_proven(self) -> bool:
        """Tell whether the server's key is pinned, or the server has proved that it knows the password."""
        return self.peer.pin is not None

    @property
    def is_held(self) -> bool:
        """Tell whether lines and questions wait at the server, which can store nothing at present."""
        return self.peer.waits_for_log

    async def next_event(self) -> e.PeerEvent:
        """Return the next event, once the client is in the room; raises errors that waiting does not cure.

        That is IdentityChanged or VersionMismatch if the server came back as another, and NameTaken or Refused if it
        does not admit the client again. A refusal that only asks the client to wait is ignored: the peer tries again in
        its next session.
        """
        while isinstance(event := await self._next(), e.JoinRefused):
            if event.code not in PUT_OFF:
                raise self._error_of(event)
        return event

    def _take(self, event: e.PeerEvent) -> None:
        """Take an event from the peer: answer whoever waits for it, and queue it for `next_event`."""
        match event:
            case e.AddressesUnreachable(obstacles):
                # An obstacle is reported before the first session only, and never queued.
                self._obstacles = tuple((format_address(address), what) for address, what in obstacles)
                if self._reached is None and self._on_waiting is not None:
                    self._on_waiting(event)
                return
            case e.HashWanted():
                self._hashing = asyncio.create_task(self._hash(event))
                return
            case e.JoinRefused(code) if self._listener is not None:
                refusal = self._error_of(event)
                if code in PUT_OFF or (isinstance(refusal, Refused) and self._listener.mend(refusal)):
                    return
            case e.ContactLost():
                self._resolve_until_contact()
            case e.Connected(room, key, max_text=max_text):  # until a key is pinned, it may be another server's
                if self._resolving is not None:
                    self._resolving.cancel()
                    self._resolving = None
                self.room, self.server_key, self.max_text = room, key, max_text
                self._obstacles = ()
            case e.Admitted(nodes=nodes):
                self._note_nodes(parse_nodes_untrusted(nodes))
            case e.LinesHeld() | e.LinesDelayed() if self._steps and self._on_waiting is not None:
                self._on_waiting(event)
            case e.LineStored(number, seq):
                _settle(self._deliveries.get(number), seq)
            case e.LineRefused(number, code, wait, detail):
                _settle(self._deliveries.get(number), Refused(code, wait, clean_line(detail)))
            case e.MembersListed(request=number) | e.NameChanged(request=int(number)) | e.RequestDone(number):
                _settle(self._requests.get(number), event)
            case e.RequestRefused(number, why):
                _settle(self._requests.get(number), self._error_of(why))
            case e.LeftRoom():
                self._left.set()
            case _:
                pass
        if (failure := self._failure_of(event)) is not None:
            self._fail_all(failure)
        self._report(event)

    def _fail_all(self, failure: ClientError) -> None:
        """Give every caller that waits an error."""
        for answer in (*self._deliveries.values(), *self._requests.values()):
            _settle(answer, failure)

    def _report(self, event: e.PeerEvent) -> None:
        """Pass an event to the listener, or queue it for `next_event`."""
        if self._listener is None:
            self._events.put_nowait(event)
        elif (failure := self._failure_of(event)) is not None:
            self._listener.fail(failure)
        else:
            self._listener.take(event)

    def _failure_of(self, event: e.PeerEvent) -> ClientError | None:
        """Return the error that an event means for every caller that waits, if waiting does not cure it."""
        match event:
            case e.KeyMismatch(pinned, offered):
                return IdentityChanged(self.server, pinned, offered)
            case e.VersionDiffers(theirs):
                return VersionMismatch(VERSION, theirs)
            case e.ServerUnknown(key):
                return Refused("unknown_server", detail=" ".join(words(key)))
            case e.Removed(code, wait, detail):
                return Removed(code, wait, clean_line(detail), _moment_in(wait))
            case e.ContactLost("too_many_sessions"):
                return Refused("too_many_sessions")
            case e.ContactLost("crowded") if not self.peer.waits_for_a_seat:
                return Refused("crowded")
            case e.JoinRefused(code) if code not in PUT_OFF:
                return self._error_of(event)
            case _:
                return None

    def _error_of(self, refused: e.JoinRefused) -> ClientError:
        """Return the error that a refusal is."""
        match refused.code:
            case "server_unproven":
                return ServerUnproven(self.server, self.server_key, refused.detail)
            case "client_outdated":
                return ClientOutdated(self.server)
            case code:
                kind = NameTaken if code in NAME_CODES else Refused
                detail = "" if code == "password_wrong" else refused.detail
                return kind(code, refused.wait, detail, refused.suggestion, refused.tag, refused.since)

    async def _hash(self, wanted: e.HashWanted) -> None:
        """Make a hash for the peer, and report it if that takes long."""
        work = partial(hash_password, wanted.password, wanted.salt, wanted.cost)
        making = asyncio.ensure_future(self._carrier.run_slow(work))
        await asyncio.wait([making], timeout=HASH_PATIENCE)
        if not making.done() and self._steps and self._on_waiting is not None:
            self._on_waiting(wanted)
        self.peer.supply_hash(wanted, await making, loop_time())
        self._carrier.flush()

    async def _next(self) -> e.PeerEvent:
        event = await self._events.get()
        failure = self._failure_of(event)
        if failure is not None and not isinstance(event, e.JoinRefused):
            raise failure
        return event

    async def _wait(self, kinds: tuple[type[e.PeerEvent], ...], timeout: float | None) -> Any:
        """Return the next event of these kinds and drop others: before the client is in, they are of no interest."""

        async def search() -> e.PeerEvent:
            while not isinstance(event := await self._next(), kinds):
                if isinstance(event, e.JoinRefused) and event.code not in PUT_OFF:
                    raise self._error_of(event)
            return event

        return await self._answered(search(), timeout)

    async def _answered(self, answer: Awaitable[T], timeout: float | None) -> T:
        """Wait for an answer; after `timeout` seconds raise why there is none.

        That is Refused, NotPrepared, NotStored or NoServer.
        """
        self._steps += 1
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            seconds = timeout or 0
        finally:
            self._steps -= 1
        if self._hashing is not None and not self._hashing.done():
            raise NotPrepared(seconds)
        if self.peer.put_off is not None:
            raise self._error_of(self.peer.put_off)
        if self.is_held:
            raise NotStored(self.server, seconds)
        reason = f"no answer within {max(1, round(seconds))} s"
        raise NoServer(self.server, seconds, reason, self._obstacles)

    def _watch_machine(self) -> None:
        """From now on, ping at once when this machine has slept or has another address."""
        self._source, self._ahead = self._find_source(), time.time() - loop_time()
        self._watch = self._carrier.watch_machine(self._look)
        if self._watch is not None and not (self._watch.sees_network and self._watch.sees_sleep):
            self._looking = asyncio.create_task(self._look_every(LOOK_INTERVAL))

    async def _look_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._look()

    def _look(self, may_have_slept: bool = False) -> None:
        """Look whether this machine has another address, or has slept; the wall clock goes on meanwhile."""
        ahead, source = time.time() - loop_time(), self._find_source()
        has_slept = may_have_slept or ahead - self._ahead > SLEPT
        if has_slept or source not in (self._source, None):
            self.peer.poke(loop_time())
            self._carrier.flush()
        self._ahead, self._source = ahead, source

    def _find_source(self) -> str | None:
        return self._carrier.find_source(self._reached) if self._reached is not None else None

    def _resolve_until_contact(self) -> None:
        """Look up the server's name again and again while it does not answer: its address may be another one now."""
        if self._resolving is None or self._resolving.done():
            self._resolving = asyncio.create_task(self._resolve_again())

    async def _resolve_again(self) -> None:
        while True:
            await asyncio.sleep(RESOLVE_INTERVAL)
            self._begin_look_up()

    def _note_nodes(self, nodes: tuple[Node, ...]) -> None:
        """From now on, dial these nodes too when contact is lost."""
        if nodes and nodes != self._whereabouts.announced:
            self._whereabouts.announced = nodes
            self._begin_look_up()

    def _begin_look_up(self) -> None:
        if self._looking_up is None or self._looking_up.done():
            self._looking_up = asyncio.create_task(self._look_up_again())

    async def _look_up_again(self) -> None:
        addresses = await self._whereabouts.look_up_again()
        if addresses and addresses != self._dialled:
            self._dial(addresses)

    def _dial(self, addresses: list[Address]) -> None:
        """Have the peer dial these addresses whenever it has no session."""
        self._dialled = addresses
        self.peer.connect(addresses, loop_time(), self._whereabouts.further)
        self._carrier.flush()


def sendable_name(name: str) -> str:
    """Return a name that can be sent; whether it is valid is for the server to say. Refused: it is far too long."""
    sendable = name.encode(errors="replace").decode()
    if (size := len(sendable.encode())) > MAX_NAME_BYTES:
        raise Refused("name_invalid", detail=f"{size} bytes; at most {MAX_NAME_BYTES}")
    return sendable


def _moment_in(seconds: float) -> int | None:
    """Return when `seconds` will have passed, in ms since 1970; None for 0, which stands for no such moment."""
    return int((time.time() + seconds) * 1000) if seconds else None


def _end_of(timeout: float | None) -> float | None:
    """Return when `timeout` seconds will have passed, in the loop's time."""
    return None if timeout is None else loop_time() + timeout


def _left(ends_at: float | None) -> float | None:
    """Return the seconds until `ends_at`."""
    return None if ends_at is None else max(0.0, ends_at - loop_time())


def _settle(answer: asyncio.Future[T] | None, result: T | ClientError) -> None:
    """Give a waiting caller the result or the error, if it still waits."""
    if answer is None or answer.done():
        return
    if isinstance(result, ClientError):
        answer.set_exception(result)
    else:
        answer.set_result(result)


class Listing:
    """Collects the pages of a list of members, up to the last page, one with nobody new, or MEMBERS_LISTED."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, int], MemberInfo] = {}

    @property
    def members(self) -> tuple[MemberInfo, ...]:
        """Everybody listed so far, without duplicates."""
        return tuple(self._members.values())

    def take(self, page: Sequence[MemberInfo], more: bool) -> str | None:
        """Take a page; return the name after which the next one begins, None if this was the last."""
        known = len(self._members)
        for member in page:
            if len(self._members) < MEMBERS_LISTED:
                self._members.setdefault((member.name, member.role), member)
        if not more or len(self._members) == known or len(self._members) >= MEMBERS_LISTED:
            return None
        return page[-1].name
