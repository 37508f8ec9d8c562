"""Members with the password and no manners: what others notice, what the server keeps, what the offender is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.running import Room, ServerProcess, key_of
from prove import offences
from prove.apart import apart
from prove.attack import Attack, Found, Run, require
from prove.load import Harm, Scene, require_calm, scene
from prove.offences import Offence, Toll

from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Body, Joined, Left, Message
from sockatuh.room.log import Append
from sockatuh.server.entry_rate import ENTRIES_BURST, ENTRIES_PER_MINUTE
from sockatuh.store.roomlog import RoomLog

PROMISE: Final = "A misbehaving member delays itself, and nobody else"
SECONDS: Final = 3.0
"""How long others are watched; the offence lasts a second longer."""
LONG: Final = 30.0
LIMITS: Final = Limits()
ENTRIES: Final = 100_000
SLACK: Final = 2.0
"""Seconds by which what was counted may have lasted longer than it was asked to."""


@dataclass(frozen=True, slots=True)
class Case:
    """One offence, so many times a second; `judge` says what became of it, and raises Broken if it went too well."""

    what: str
    offence: Offence
    rate: float
    judge: Callable[[Toll, float, ServerProcess], str]


async def _commit(run: Run, cases: Iterable[Case], scene_of: Scene) -> Found:
    counts, figures = [], []
    for case in cases:
        harm, toll = await _try(case, scene_of, LONG if run.long else SECONDS)
        require_calm(harm, case.what)
        told = case.judge(toll, (LONG if run.long else SECONDS) + 1.0, scene_of.server)
        counts.append(f"{toll.done:,} {case.what}")
        figures.append(f"{case.what}: {harm}, {told}")
    return Found(", ".join(counts), "; ".join(figures))


async def _try(case: Case, scene_of: Scene, seconds: float) -> tuple[Harm, Toll]:
    async with apart(case.offence, scene_of.server.port, seconds + 1.0, case.rate) as attacker:
        await attacker.begun()
        harm = await scene_of.suffer(seconds)
        toll: Toll = await attacker.report()
        return harm, toll


# What each is told.


def _told_to_wait(toll: Toll, seconds: float, _: ServerProcess) -> str:
    require(toll.told.get("wait", 0) > 0, f"the offender was not told to wait: {toll.told}")
    stored = toll.told.get("Stored", 0)
    require(stored <= LIMITS.lines_burst + LIMITS.lines_per_second * (seconds + SLACK), f"{stored} lines got through")
    return f"told to wait {toll.told['wait']} times"


def _told_what_lacks(toll: Toll, _: float, __: ServerProcess) -> str:
    asked = toll.told.get("Progress", 0)
    require(asked > 0, f"nobody asked for the missing parts: {toll.told}")
    return f"asked for the rest {asked:,} times"


def _answered_at_the_rate(answer: str) -> Callable[[Toll, float, ServerProcess], str]:
    def judge(toll: Toll, seconds: float, _: ServerProcess) -> str:
        answered = toll.told.get(answer, 0)
        require(0 < answered <= 60 + 10 * (seconds + SLACK), f"answered {answered} times: {toll.told}")
        return f"{answered} answered"

    return judge


def _moved_once_a_second(toll: Toll, seconds: float, server: ServerProcess) -> str:
    moves = len(server.events("session_moved"))
    require(0 < moves <= seconds + SLACK, f"it moved {moves} times in {seconds:.0f} s: {toll.told}")
    return f"moved {moves} times"


def _rekeyed_once(toll: Toll, seconds: float, _: ServerProcess) -> str:
    keys = toll.told.get("Rekeyed", 0)
    require(0 < keys <= 1 + seconds / 10, f"{keys} new channels: {toll.told}")
    return f"{keys} new channels"


def _given_at_the_rate(toll: Toll, seconds: float, _: ServerProcess) -> str:
    datagrams = toll.told.get("Entries", 0) + toll.told.get("EntryPart", 0)
    allowed = (LIMITS.gets_burst + LIMITS.gets_per_second * (seconds + SLACK)) * 16 + offences.SESSIONS * 1_000
    require(0 < datagrams <= allowed, f"it was sent {datagrams:,} datagrams")
    return f"sent {datagrams:,} datagrams"


def _heard_nothing(_: Toll, __: float, server: ServerProcess) -> str:
    require(server.is_running, "the server is gone")
    return "told nothing"


def _told_of_too_many(toll: Toll, _: float, server: ServerProcess) -> str:
    closed = toll.told.get("closed: too_many_sessions", 0)
    require(closed > 0, f"nobody was told that there are too many: {toll.told}")
    lines = len(server.events("session_opened")) + len(server.events("session_closed"))
    return f"{closed} told too_many_sessions, {lines:,} lines in the server's log"


def _told_when_to_come(toll: Toll, seconds: float, _: ServerProcess) -> str:
    joined = toll.told.get("Welcome", 0)
    require(joined <= ENTRIES_BURST + ENTRIES_PER_MINUTE / 60 * (seconds + SLACK) + 1, f"it joined {joined} times")
    require(toll.told.get("busy", 0) > 0 and toll.longest_wait > 0, f"it was not told to wait: {toll.told}")
    return f"{joined} joins, {toll.told['busy']} told to wait up to {toll.longest_wait:.0f} s"


def _refused_or_told_to_wait(toll: Toll, seconds: float, server: ServerProcess) -> str:
    told = _told_to_wait(toll, seconds, server)
    refused = toll.told.get("no_such_name", 0)
    require(refused > 0, f"nobody was told that there is no such name: {toll.told}")
    return f"{refused} refused, {told}"


def _renamed_at_the_rate(toll: Toll, seconds: float, server: ServerProcess) -> str:
    told = _answered_at_the_rate("busy")(toll, seconds, server)
    renamed = len(server.events("member_renamed"))  # who asks anew does not wait for the answer
    most = ENTRIES_BURST + ENTRIES_PER_MINUTE / 60 * (seconds + SLACK) + 1
    require(0 < renamed <= most, f"renamed {renamed} times: {toll.told}")
    require(toll.longest_wait > 0, f"it was not told to wait: {toll.told}")
    return f"{renamed} renames, {toll.told.get('name_invalid', 0)} of illegal names refused, of the rest {told}"


def _away_at_the_rate(toll: Toll, seconds: float, server: ServerProcess) -> str:
    noted = _answered_at_the_rate("Noted")(toll, seconds, server)
    refused = toll.told.get("text_too_long", 0)
    require(refused > 0, f"a text of any length is taken: {toll.told}")
    return f"{noted}, {refused} refused"


# A log that is long.


def _fill(room: Room) -> None:
    """Write a long log, all of which the offender may read: it was there at its beginning."""
    log = RoomLog.open(
        _state_of(room) / "room.db",
        synchronous="normal",
        volatile_kinds=frozenset(),
        on_error=lambda _: None,
    )
    owner = fingerprint(public_key(key_of(offences.NAME)))
    log.append(_entry(0, Joined(offences.NAME, owner, "secure", "127.0.0.1:1", "test", 0), offences.NAME))
    for number in range(1, ENTRIES):
        log.append(_entry(number, Message("ana", "", f"an old line, number {number}, of an ordinary length", False)))
    log.append(_entry(ENTRIES, Left(offences.NAME, owner, "left", 1.0, 1), offences.NAME))
    log.close()


def _state_of(room: Room) -> Path:
    room.state_dir.mkdir(mode=0o700)
    return room.state_dir


def _entry(number: int, body: Body, key: str | None = None) -> Append:
    return Append(number.to_bytes(16, "big"), body, key)


async def _read_again(run: Run) -> Found:
    async with scene(run.directory, _fill) as found:
        case = Case("requests for all of 100,000 entries", offences.read_again, 2_000, _given_at_the_rate)
        return await _commit(run, [case], found)


def _attack_for(name: str, how: str, *cases: Case, limit: float = 90.0) -> Attack:
    async def attack(run: Run) -> Found:
        async with scene(run.directory) as found:
            return await _commit(run, cases, found)

    return Attack(name, PROMISE, how, attack, limit)


ATTACKS: Final = (
    _attack_for(
        "offenders-talk",
        "one member says 10,000 lines/s, texts of 16 KiB at 3,000 parts/s, and begins 5,000 lines/s it never ends",
        Case("lines", offences.shout, 10_000, _told_to_wait),
        Case("parts of 16 KiB texts", offences.shout_giants, 3_000, _told_to_wait),
        Case("parts of unfinished lines", offences.begin_lines, 5_000, _told_what_lacks),
    ),
    _attack_for(
        "offenders-deaf",
        "one member receives the room in 16 sessions and acknowledges nothing; one reads a kilobyte a second",
        Case("looks without an acknowledgement", offences.be_deaf, 100, _heard_nothing),
        Case("requests for more than it takes", offences.trickle, 1_000, _heard_nothing),
    ),
    Attack(
        "offenders-history",
        PROMISE,
        "one member asks 2,000 times/s for all history from its beginning, 100,000 entries, in 16 sessions",
        _read_again,
        limit=120.0,
    ),
    _attack_for(
        "offenders-sessions",
        "one key opens sessions from 100 addresses as fast as it can, and joins under 1,000 names/min from 20",
        Case("sessions", offences.open_sessions, 500, _told_of_too_many),
        Case("names", offences.take_names, 1_000 / 60, _told_when_to_come),
    ),
    _attack_for(
        "offenders-names",
        "one member says 10,000 private lines/s to nobody, asks for 10,000 names/s, legal and illegal, and is away and "
        "back 10,000 times/s, with texts of any length and of control characters",
        Case("private lines", offences.whisper, 10_000, _refused_or_told_to_wait),
        Case("AWAY", offences.go_away, 10_000, _away_at_the_rate),
        Case("renames", offences.rename_again, 10_000, _renamed_at_the_rate),
    ),
    _attack_for(
        "offenders-floods",
        "one session sends 20,000 PING/s, 10,000 WHO/s, 1,000 REKEY/s, comes from another address 1,000 times/s; one"
        " that has not joined asks for 10,000 names/s",
        Case("PING", offences.ping, 20_000, _told_to_wait),
        Case("WHO", offences.ask_who, 10_000, _answered_at_the_rate("Members")),
        Case("names asked for", offences.join_again, 10_000, _answered_at_the_rate("NameValid")),
        Case("REKEY", offences.rekey, 1_000, _rekeyed_once),
        Case("addresses", offences.roam, 1_000, _moved_once_a_second),
        limit=120.0,
    ),
)
