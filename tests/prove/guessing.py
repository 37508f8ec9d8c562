"""Guessing the room's password: how often an hour a guess is looked at, and what honest people notice of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import bcrypt
from e2e.running import PASSWORD, PATIENCE, ServerProcess, joined
from kit.clients import ClassicClient
from kit.instant_world import InstantWorld
from kit.world import PASSWORD as VIRTUAL_PASSWORD
from prove.apart import Signal, apart
from prove.attack import Attack, Broken, Found, Late, Pace, Run, require
from prove.load import Harm, require_calm, scene
from prove.offences import Toll, toll
from prove.rogue import NotAnswered, Rogue, paced

from sockatuh.client.password_hash import hash_password
from sockatuh.protocol import messages as m
from sockatuh.protocol.server.limits import Limits
from sockatuh.server.guessing import RESERVED, TRIES

PROMISE: Final = "Guessing the password takes forever, and delays nobody who knows it"
HOUR: Final = 3_600.0
MANY: Final = 100
WRONG: Final = "password_wrong"
LATER: Final = "password_wait"
MANY_GUESS: Final = "passwords_guessed"
A_MOMENT: Final = 0.3
"""Seconds between two handshakes of one address, so that none is refused."""
AN_HOUR_ALONE: Final = 16
"""Guesses an address or a key has in an hour: three for nothing, then ever longer waits."""
AN_HOUR_CLASSIC: Final = 60 + 360
"""Guesses all classic addresses have together in an hour, as they cost nothing."""
MACHINES: Final = 399
EACH: Final = 3
GUESSES: Final = MACHINES * EACH
"""Guesses at once from so many addresses of one machine; the first room that was tried looked at all in 1.2 s."""
COST: Final = 12
RUSH: Final = 3.0
KNOCKS: Final = 100.0
"""Handshakes a second with ever new keys, from all addresses together."""
ROUND: Final = 0.1
"""Seconds between two looks at all guessers."""
ASKS_AGAIN: Final = 0.5
TURNS: Final = 3.0
"""How many times longer than bcrypt alone it may take until each guesser has been wrong once."""
IN_TIME: Final = 2.0
NEIGHBOURS: Final = 10
ANSWERED: Final = 30.0
"""Seconds in which guesses are answered, if they are at all."""
WORDS: Final = 20
"""In a guesser's dictionary."""
LONGEST_WAIT: Final = 30.0
"""Seconds a newcomer waits at most while 399 addresses guess on and on."""
LIMITS: Final = Limits()
SESSION: Final = 10 / 1024
"""MiB of one session: all that there can be are what a server may grow by."""


# An hour of it, in virtual time.


@dataclass(slots=True)
class _Guesser:
    """Somebody who guesses as soon as it may, and in the middle of each wait to see whether it is one.

    `who` gives the address and the key of each try; with `stolen`, it knows the hash of the right one.
    """

    who: Iterator[tuple[str, bytes]]
    next_at: float
    stolen: bool = False
    looked_at: int = 0
    put_off: int = 0

    def guess(self, world: InstantWorld) -> None:
        host, key = next(self.who)
        outlaw = world.outlaw(key, host=host)
        outlaw.join("guesser", "a guess", shown=VIRTUAL_PASSWORD if self.stolen else None)
        world.clients.remove(outlaw)
        refused = outlaw.answers()[-1]
        assert isinstance(refused, m.Refused)
        self.looked_at += refused.code == WRONG
        self.put_off += refused.code in (LATER, MANY_GUESS)
        require(refused.code in (WRONG, LATER, MANY_GUESS, "busy"), f"a guess was answered with {refused.code}")
        require(refused.code == WRONG or refused.wait_ms > 0, f"{refused.code} without saying how long")
        self.next_at = world.now + max(A_MOMENT, refused.wait_ms / (2_000 if refused.code == WRONG else 1_000) + 0.001)


def _hour(*guessers: Iterable[tuple[str, bytes]], stolen: bool = False) -> tuple[int, int]:
    """Let all guess for an hour; return how many guesses were looked at, and how many were put off."""
    world = InstantWorld(classic=False)
    everybody = [
        _Guesser(itertools.cycle(who), world.now + number * 0.01, stolen) for number, who in enumerate(guessers)
    ]
    ends_at = world.now + HOUR
    while (first := min(everybody, key=lambda each: each.next_at)).next_at < ends_at:
        world.advance(max(0.0, first.next_at - world.now))
        first.guess(world)
    looked_at = sum(each.looked_at for each in everybody)
    told = len(world.diary.of("password_hash_stolen"))
    expected = looked_at if stolen else 0  # whoever does not know the hash has nothing that bcrypt could judge
    require(len(world.bcrypt.asked) == told == expected, f"bcrypt: {len(world.bcrypt.asked)}, the log: {told}")
    require(not world.bodies(), "somebody is in")
    return looked_at, sum(each.put_off for each in everybody)


def _classic_hour(addresses: int) -> int:
    """Let so many classic addresses guess without end for an hour; return how many guesses were looked at."""
    world = InstantWorld()
    peers = [ClassicClient((f"10.3.{n // 250}.{n % 250 + 1}", 50_000), world=world) for n in range(addresses)]
    world.clients += peers
    for second in range(int(HOUR)):
        peer = peers[second % addresses]
        if peer.send(b"Username:guesser") == [b"Username valid!"]:
            peer.send(b"Password:a guess")
        world.advance(1.0)
    return len(world.bcrypt.asked)


async def _hours(run: Run) -> Found:
    dice = run.dice
    keys = [dice.randbytes(32) for _ in range(MANY)]
    hosts = [f"10.2.0.{number + 1}" for number in range(MANY)]
    alone, put_off = _hour([(hosts[0], keys[0])])
    many, _ = _hour(*([each] for each in zip(hosts, keys, strict=True)))
    one_key, _ = _hour([(host, keys[0]) for host in hosts])
    one_host, _ = _hour([(hosts[0], key) for key in keys])
    thief, _ = _hour([(hosts[0], keys[0])], stolen=True)
    thieves, _ = _hour(*([each] for each in zip(hosts, keys, strict=True)), stolen=True)
    classic, many_classic = _classic_hour(1), _classic_hour(1_000)
    for guesses, what in (
        (alone, "an address"),
        (one_key, "a key"),
        (one_host, "an address with many keys"),
        (thief, "a thief of the hash"),
    ):
        require(guesses <= AN_HOUR_ALONE, f"{what} had {guesses} guesses in an hour")
    for guesses in (many, thieves):
        require(guesses <= MANY * AN_HOUR_ALONE, f"a hundred addresses had {guesses} guesses in an hour")
    require(put_off > 0, "nobody was put off")
    require(classic <= AN_HOUR_ALONE, f"a classic address had {classic} guesses in an hour")
    require(many_classic <= AN_HOUR_CLASSIC + 1, f"classic addresses had {many_classic} guesses in an hour")
    return Found(
        "an hour each in virtual time",
        f"looked at in the first hour: {alone} guesses of one address, {many} of 100, {one_key} of one key from 100"
        f" addresses, {one_host} of one address with 100 keys, {thief} of a thief of the hash, {thieves} of 100;"
        f" classic: {classic} of one, {many_classic} of 1,000",
    )


# A real server, with bcrypt as dear as it is.


@dataclass(frozen=True, slots=True)
class Guess:
    """A password, and the hash that goes with it: its own, or the room's, if that was stolen."""

    password: str
    secret: bytes = field(repr=False)


def look_up(port: int, host: str, words: int) -> list[Guess]:
    """Hash a dictionary with the room's salt, which every offer tells: so each guess is cheap from then on."""
    rogue = Rogue(port, host=host).shake()
    offer = rogue.ask(m.Join("reader", b"", 0))
    rogue.close()
    assert isinstance(offer, m.NameValid)
    guesses = [f"guess {number}" for number in range(words)]
    return [Guess(word, hash_password(word.encode(), offer.salt, offer.cost)) for word in guesses]


class _Rogues:
    """One address that guesses, with a session as long as it lasts: an offer, a proof, the next offer."""

    def __init__(self, port: int, host: str, guesses: Sequence[Guess]) -> None:
        self.rogue = Rogue(port, host=host)
        self.calls = 0
        self._guesses = itertools.cycle(guesses)
        self._begin()

    def _begin(self) -> None:
        self.rogue.shake(10.0)
        self._number, self._asked_at = 1, 0.0
        self._call: m.Join = m.Join("guesser", b"", None)

    @property
    def judged(self) -> int:
        """How many guesses were answered."""
        return sum(self.rogue.told[code] for code in (WRONG, LATER, MANY_GUESS, "busy"))

    def go_on(self, now: float) -> None:
        """Read what was answered, and send what is next."""
        for message in self.rogue.hear():
            match message:
                case m.Answer(number, answer) if number == self._number:
                    self._take(answer)
                case m.Closed():
                    self._begin()
                case _:
                    pass
        if now - self._asked_at > ASKS_AGAIN:
            self._asked_at = now
            self.rogue.send(m.Call(self._number, self._call))

    def _take(self, answer: m.AnswerBody) -> None:
        self._number, self._asked_at = self._number + 1, 0.0
        match answer:
            case m.NameValid():
                guess = next(self._guesses)
                self._call = self.rogue.prove(answer, "guesser", guess.password, guess.secret)
                self.calls += 1
            case m.Refused(code) if code == WRONG:
                self._call = m.Join("guesser", b"", None)
            case _:
                pass  # not looked at, so the same proof will do


def guess_from_everywhere(
    signal: Signal, port: int, hosts: Sequence[str], seconds: float, stolen: bytes | None
) -> Toll:
    """Guess from many addresses at once, heeding no wait; `signal` says when each has been wrong once.

    With the `stolen` hash each shows that, and guesses the password itself.
    """
    guesses = [Guess(f"guess {number}", stolen) for number in range(MANY)] if stolen else look_up(port, hosts[0], WORDS)
    guessers = [_Rogues(port, host, guesses[at % len(guesses) :] + guesses) for at, host in enumerate(hosts)]
    signal.begin()
    ends_at, told = time.monotonic() + seconds, False
    while time.monotonic() < ends_at:
        time.sleep(ROUND)
        for each in guessers:
            each.go_on(time.monotonic())
        if not told and all(each.rogue.told[WRONG] + each.rogue.told[LATER] for each in guessers):
            told = True
            signal.begin()
    return toll(sum(each.calls for each in guessers), *(each.rogue for each in guessers))


def knock(signal: Signal, port: int, hosts: Sequence[str], seconds: float) -> int:
    """Come through the handshake with new keys from all of them."""
    signal.begin()
    done = 0
    for _, host in zip(paced(KNOCKS, seconds), itertools.cycle(hosts), strict=False):
        rogue = Rogue(port, os.urandom(32), host=host)
        try:
            rogue.shake(0.2)
            rogue.send(m.Ping(bytes(8)))
            done += 1
        except NotAnswered:
            pass
        rogue.close()
    return done


async def _besiege(run: Run) -> Found:
    siege = await _lay_siege(run, stolen=False)
    require(not siege.thefts, f"{siege.thefts} guessers are said to have the hash")
    return Found(
        f"guesses without a pause from {MANY} addresses, and {KNOCKS:.0f} sessions/s from {MANY} others", str(siege)
    )


async def _thieves(run: Run) -> Found:
    siege = await _lay_siege(run, stolen=True)
    require(siege.thefts >= MANY, f"the admin was told {siege.thefts} times that the hash was stolen")
    return Found(
        f"guesses without a pause from {MANY} addresses, all with the hash, and {KNOCKS:.0f} sessions/s from {MANY}"
        " others",
        f"{siege} (the first while only bcrypt could tell); nobody got in, {siege.thefts} errors in the log",
    )


@dataclass(frozen=True, slots=True)
class _Siege:
    """What members, newcomers and a guesser's neighbours noticed; how often the admin was told of a stolen hash."""

    rush: Harm
    later: Harm
    times: Sequence[float]
    neighbour: float
    thefts: int

    def __str__(self) -> str:
        return (
            f"members' {self.rush}, and {self.later} when each has been wrong; newcomers were in after"
            f" {', '.join(f'{each:.2f}' for each in self.times)} s; one who has the password behind a guesser's address"
            f" is told to wait up to {self.neighbour:.0f} s"
        )


async def _lay_siege(run: Run, *, stolen: bool) -> _Siege:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    hosts = [f"127.0.8.{number + 1}" for number in range(MANY)]
    async with scene(run.directory, hashed=hashed) as found:
        await found.restart()  # members come back by their tickets: nobody has given the password to this process
        first_tries = TURNS * MANY * _seconds_of_bcrypt(hashed) + PATIENCE
        port, seconds = found.server.port, first_tries + PATIENCE
        async with (
            apart(guess_from_everywhere, port, hosts, seconds, hashed.encode() if stolen else None) as guessers,
            apart(knock, port, [f"127.0.12.{number + 1}" for number in range(MANY)], seconds) as knockers,
        ):
            await guessers.begun()
            await knockers.begun()
            rush = await found.suffer(RUSH)
            try:
                await guessers.begun(first_tries)
            except Broken:
                raise Late(f"100 guesses were not looked at in {first_tries:.0f} s") from None
            times = [await _come_in(found.server, f"newcomer {number}") for number in range(3)]
            later = await found.suffer(RUSH)
            neighbour = max([await _come_from_behind(found.server, host) for host in hosts[:NEIGHBOURS]])
        for harm in (rush, later):
            require_calm(harm, "guessing from 100 addresses", LIMITS.sessions * SESSION)
        if max(times) >= IN_TIME:
            raise Late(f"newcomers took {', '.join(f'{each:.1f} s' for each in times)}")
        joined_as = {line["name"] for line in found.server.events("member_joined")}
        require("guesser" not in joined_as, "a guesser is in")
        return _Siege(rush, later, times, neighbour, len(found.server.events("password_hash_stolen")))


def _seconds_of_bcrypt(hashed: str) -> float:
    began_at = time.monotonic()
    bcrypt.checkpw(b"a guess", hashed.encode())
    return time.monotonic() - began_at


async def _come_in(server: ServerProcess, name: str) -> float:
    began_at = time.monotonic()
    async with joined(name, server.port, server.key):
        return time.monotonic() - began_at


async def _come_from_behind(server: ServerProcess, host: str) -> float:
    """Return how long one who knows the password is asked to wait, at an address that somebody guesses from."""
    rogue = await asyncio.to_thread(Rogue(server.port, host=host).shake)
    answer = await asyncio.to_thread(rogue.join, f"neighbour {host}")
    rogue.close()
    if not isinstance(answer, m.Refused):  # between two waits
        return 0.0
    require(
        answer.code in (LATER, "passwords_guessed") and answer.wait_ms > 0,
        f"a guesser's neighbour was answered {answer}",
    )
    return answer.wait_ms / 1000


# Many addresses of one machine, as fast as it can.


def rush(signal: Signal, port: int) -> tuple[dict[str, int], float]:
    """Guess from many addresses at once; return how often what was answered, and how many seconds it took."""
    hosts = [f"127.0.{9 + n // 250}.{n % 250 + 1}" for n in range(MACHINES)]
    guesses = look_up(port, hosts[0], WORDS)
    guessers = [_Rogues(port, host, guesses[at % WORDS :] + guesses) for at, host in enumerate(hosts)]
    signal.begin()
    began_at = time.monotonic()
    while (unanswered := [each for each in guessers if each.judged < EACH]) and time.monotonic() < began_at + ANSWERED:
        for each in unanswered:
            each.go_on(time.monotonic())
    seconds = time.monotonic() - began_at
    told = sum((each.rogue.told for each in guessers), Counter[str]())
    for each in guessers:
        each.rogue.close()
    return dict(told), seconds


def _newcomer(port: int, host: str) -> tuple[float, float]:
    """Come in as somebody new with the password; return how long one was told to wait, and how long it took."""
    began_at = time.monotonic()
    rogue = Rogue(port, host=host).shake()
    answer = rogue.join("newcomer")
    told = 0.0
    if isinstance(answer, m.Refused):
        require(answer.code == MANY_GUESS, f"a newcomer was told {answer}")
        told = answer.wait_ms / 1000
        time.sleep(told)
        answer = rogue.shake().join("newcomer")
    require(isinstance(answer, m.Welcome), f"a newcomer came when he was told to, and was answered {answer}")
    rogue.ask(m.Leave())
    rogue.close()
    return told, time.monotonic() - began_at


async def _rush(run: Run) -> Found:
    async with scene(run.directory) as found:
        server = found.server
        async with joined("regular", server.port, server.key):
            pass
        async with apart(rush, server.port) as guessers:
            await guessers.begun()
            harm = await found.suffer(RUSH)
            told, seconds = await guessers.report()
        regular = await _come_in(server, "regular")
        wait, took = await asyncio.to_thread(_newcomer, server.port, "127.0.14.1")
        looked_at, most = told.get(WRONG, 0), TRIES + RESERVED + int(70 / 60 * (seconds + 1))
        require(looked_at <= most, f"{looked_at} guesses were looked at in {seconds:.1f} s, at most {most} are")
        require(told.get(MANY_GUESS, 0) > 0, f"nobody was put off: {told}")
        require(regular < IN_TIME, f"one who was here before waited {regular:.1f} s")
        require(
            took < wait + IN_TIME and wait < LONGEST_WAIT, f"a newcomer was told {wait:.0f} s and took {took:.0f} s"
        )
        require(len(server.events("passwords_guessed")) == 1, "the admin was not told once")
        require_calm(harm, f"{GUESSES} guesses", LIMITS.sessions * SESSION)
    return Found(
        f"{GUESSES:,} guesses from {MACHINES} addresses of one machine in {seconds:.1f} s",
        f"{looked_at} looked at; members' {harm}; one who had been here came in by password after {regular:.2f} s, a"
        f" newcomer after {took:.0f} s, as he was told; one warning",
    )


ATTACKS: Final = (
    Attack(
        "guessing-hours",
        PROMISE,
        "an hour in virtual time of guesses from one address, from 100, with one key from 100, with 100 keys from one,"
        " with the stolen hash from 1 and from 100, and in the classic dialect from 1 and from 1,000",
        _hours,
        pace=Pace.COMPUTED,
    ),
    Attack(
        "guessing-siege",
        PROMISE,
        "100 addresses guess at a server that has just restarted (bcrypt cost 12), from a dictionary that they have"
        " hashed before; 100 others open sessions, members talk and newcomers join",
        _besiege,
        limit=300.0,
    ),
    Attack(
        "hash-thieves",
        "Whoever has stolen the password's hash does not get in with it, is reported, and is slowed down like any"
        " guesser",
        "100 addresses show the stolen hash to a server that has just restarted (bcrypt cost 12), each with other"
        " passwords; 100 others open sessions, members talk and newcomers join",
        _thieves,
        limit=300.0,
    ),
    Attack(
        "guessing-rush",
        PROMISE,
        f"{GUESSES:,} guesses at once from {MACHINES} addresses of one machine, with a key each, while members talk;"
        " a former member gets in by password, and a newcomer after the wait it is told",
        _rush,
        limit=120.0,
    ),
)
