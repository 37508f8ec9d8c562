"""The room as a service of a minimal Debian: all that its admin does to it, while people talk across a cable.

The commands are those of the README, pasted. The people are programs of their own, which are never started again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from prove.attack import Attack, Found, Pace, Run, require
from prove.box import ADDRESS, Box, Done, lay_cable
from prove.debian_admin import administer, watch_and_copy
from prove.debian_web import open_door
from prove.programs import Program

from sockatuh.client.discovery import USUAL_SECONDS, find_rooms
from sockatuh.client.profile import Profile

README: Final = Path(__file__).parents[2] / "README.md"
RELEASES: Final = ("trixie", "bookworm")
"""The first is tried always, all of them with --long."""
PORT: Final = 7625
PEOPLE: Final = 4
PACE: Final = 0.35
"""Seconds from one line of a person to the next; the room takes ten in one."""
UNANSWERED: Final = 3
RESTARTS: Final = 3
KILLS: Final = 3
PATIENCE: Final = 150.0
SOURCE: Final = "/root/sockatuh"
HOPELESS_FOR: Final = 12.0
"""Seconds a service with settings that cannot be used is watched."""
MAIN_PID: Final = "$(systemctl show --property=MainPID --value sockatuh)"
PAUSE: Final = 5.0
"""Seconds a start that cannot succeed takes at least, when people ask for it."""
REFUSED: Final = 4
GUEST: Final = "guest"
PLANNED: Final = re.compile(r"^  (\w+) +/", re.MULTILINE)
"""What `install-service` says about each file of its plan."""
SECOND_PASSWORD: Final = "one-told-to-everybody"
NEW_PASSWORD: Final = "another-of-four-words"
LISTED: Final = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/log -o -path /opt -o "
    r"-path /root -o -path /run/systemd -o -path /var/lib/systemd -o -path '/var/tmp/systemd-private-*-systemd-*' \) "
    r"-prune -o -print | sort"
)


def readme_blocks() -> list[str]:
    """Return what README has to be pasted for a service: install, run, back up, restore, and on a new machine."""
    text = README.read_text("utf-8")
    section = text[text.index("### As a systemd service") : text.index("## Commands")]
    before, _, rest = section.partition("### Looking after it\n")  # `debian_admin` does that
    section = before + rest[rest.index("### ") :]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5, "README's section on the service has other commands than this attack knows of"
    return blocks


def is_said_by_one(printed: Mapping[str, Any]) -> bool:
    """Tell whether it is a line of those who talk all the time."""
    return bool(printed["type"] == "message" and not printed["from"].startswith(GUEST))


class Person:
    """A program that says a line again and again; an epoch begins where it is told that the log is another."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.is_silent = True

    async def talk(self) -> None:
        """Say a line each moment, while few wait for their answer."""
        while True:
            await asyncio.sleep(PACE)
            if not self.is_silent and len(self.program.said) - len(self.program.stored) < UNANSWERED:
                self.program.say(f"{self.program.name} says {len(self.program.said)}")

    @property
    def _epoch(self) -> list[dict[str, Any]]:
        """What it printed since it was told the last time that the log was set back."""
        printed = self.program.objects
        begins = [place for place, each in enumerate(printed) if each.get("code") == "rewound"]
        return printed[begins[-1] :] if begins else printed

    @property
    def heard(self) -> list[tuple[int, str]]:
        """The lines of such persons that came in this epoch."""
        return [(each["seq"], each["text"]) for each in self._epoch if is_said_by_one(each)]

    @property
    def stored(self) -> dict[str, int]:
        """The lines of its own that were stored in this epoch, and where it was told they are."""
        return {self.program.said[each["line"]]: each["seq"] for each in self._epoch if each["type"] == "stored"}

    def count(self, code: str) -> int:
        return len(self.program.notices(code))


class Household:
    """A machine with a room, and the people in it."""

    def __init__(self, box: Box, run: Run) -> None:
        self.box, self.run = box, run
        self.people: list[Person] = []
        self.base = 0
        """The number behind which the lines of this epoch are: of all that was said since the log was set back."""
        self.lines = 0
        """How many were checked in all epochs."""
        self.silences: list[float] = []
        self.head = 0
        """How far the last backup goes."""
        self._rewinds = self._guests = 0

    # The admin.

    async def paste(self, commands: str, *, text: str = "") -> str:
        return await asyncio.to_thread(self.box.paste, f"cd {SOURCE}; {commands}", text=text)

    async def attempt(self, *command: str, text: str = "") -> Done:
        return await asyncio.to_thread(self.box.run, *command, text=text)

    async def refuse(self, what: str, *command: str, text: str = "") -> str:
        """Give a command that must fail, and return what it says."""
        done = await self.attempt(*command, text=text)
        require(done.code != 0, f"{what}: `{' '.join(command)}` says all is well: {done.said[-300:]}")
        return done.said

    # The people.

    @property
    def _password_file(self) -> Path:
        return self.run.directory / "password"

    def tell(self, password: str) -> None:
        """Tell people the password, as one does who is going to change it."""
        self._password_file.write_text(f"{password}\n", "utf-8")

    @asynccontextmanager
    async def gathered(self, password: str) -> AsyncIterator[None]:
        """Let people come in, and talk until the block ends."""
        self.tell(password)
        for number in range(PEOPLE):
            directory = self.run.directory / f"p{number}"
            environ = {"SOCKATUH_PASSWORD_FILE": str(self._password_file)}
            program = Program(directory, PORT, f"p{number}", environ, host=ADDRESS)
            await program.start(with_password=False)
            self.people.append(Person(program))
        talking = [asyncio.create_task(person.talk()) for person in self.people]
        try:
            self.go_on()
            yield
        finally:
            for task in talking:
                task.cancel()
            await asyncio.wait(talking)
            await asyncio.gather(*(person.program.end(signal.SIGKILL) for person in self.people))

    def go_on(self) -> None:
        for person in self.people:
            person.is_silent = False

    async def hush(self) -> None:
        """Let nobody say any more, and wait until all that was said is stored."""
        for person in self.people:
            person.is_silent = True
        await self._each(
            lambda person: len(person.program.stored) == len(person.program.said), "lines without an answer"
        )

    async def be_heard(self) -> None:
        """Wait until each has an answer to a line said from now on; note how long that took."""
        began = time.monotonic()
        before = {person.program.name: len(person.program.stored) for person in self.people}
        await self._each(
            lambda person: len(person.program.stored) > before[person.program.name] + UNANSWERED, "silence"
        )
        self.silences.append(time.monotonic() - began)

    async def _each(self, holds: Callable[[Person], bool], complaint: str) -> None:
        for person in self.people:
            await person.program.until(lambda person=person: holds(person), complaint, PATIENCE)  # type: ignore[misc]

    # What must hold.

    async def check(self) -> None:
        """Hold the room to its promise: nothing lost, nothing doubled, one order, and nobody came or went."""
        await self.hush()
        log = [
            (each["seq"], each["text"])
            for each in await self.history()
            if is_said_by_one(each) and each["seq"] > self.base
        ]
        require(len({text for _, text in log}) == len(log), "lines are in the log twice")
        await self._each(lambda person: len(person.heard) >= len(log), "lines that did not come")
        places = {text: seq for seq, text in log}
        said = {text for person in self.people for text in person.stored}
        require(said == places.keys(), f"{len(said.symmetric_difference(places))} lines too few or too many in the log")
        for person in self.people:
            name, program = person.program.name, person.program
            require(person.heard == log, f"{name} has other lines than the log, or in another order")
            require(all(places[text] == seq for text, seq in person.stored.items()), f"{name} was told wrong places")
            left = [each for each in program.of("left") if not each["name"].startswith(GUEST)]
            require(not left, f"{name} saw somebody leave: {left[:1]}")
            require(not program.of("error"), f"{name} was told {program.of('error')[:1]}")
            require(person.count("rewound") == self._rewinds, f"{name} was told {person.count('rewound')} set-backs")
        self.lines += len(log)

    async def history(self) -> list[dict[str, Any]]:
        said = await self.paste("sudo sockatuh history --json -n 1000000")
        return [json.loads(line) for line in said.splitlines()]

    async def set_back(self, to: int) -> None:
        """Wait until everybody knows that the log ends at `to` now."""
        self._rewinds += 1
        self.base = to
        await self._each(lambda person: person.count("rewound") == self._rewinds, "not told of a set-back")

    async def send(self, password: str) -> int:
        """Let somebody who was never here say a line; return the exit code."""
        self._guests += 1
        name = f"{GUEST}{self._guests}"
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        environ |= {"SOCKATUH_CLIENT_DIR": str(self.run.directory / name)}
        environ |= {"SOCKATUH_PASSWORD": password, "SOCKATUH_TRUST": "accept-new"}
        environ |= {"SOCKATUH_SERVER": f"{ADDRESS}:{PORT}", "SOCKATUH_NAME": name}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sockatuh", "send", "hello", env=environ,
            stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return await process.wait()


async def _story(release: str, run: Run) -> tuple[int, list[float]]:
    """Tell the whole life of a service; return how many lines were said, and how long each silence was."""
    install, use, back_up, restore, begin_anew = readme_blocks()
    with _machine(release, f"{release}-1", run) as box:
        home = Household(box, run)
        said = await home.paste(install)
        [password] = re.findall(r"^Password, shown once: (\S+)$", said, re.MULTILINE)
        async with home.gathered(password):
            await _find(home)
            await _use(home, use)
            await _misconfigure(home)
            await _break(home)
            await administer(home, SECOND_PASSWORD)
            await _restore(home, back_up, restore)
            kept = await _back_up_and_lose(home, back_up)
            with _machine(release, f"{release}-2", run, kept) as other:
                home.box = other
                before = await home.paste(LISTED)
                await _begin_anew(home, begin_anew)
                await watch_and_copy(home)
                phone = await open_door(home, SECOND_PASSWORD)
                await _renew(home)
                await _reboot(home)
                await phone.is_in()
                await _change_password(home)
                await _uninstall(home, before)
    return home.lines, home.silences


def _machine(release: str, name: str, run: Run, files: Mapping[str, bytes] | None = None) -> Box:
    """Return a new machine with a clone of this repository, and some files in it."""
    box = Box(release, name, run.directory)
    box.copy_source(SOURCE)
    for file, data in (files or {}).items():
        (box.root / SOURCE.lstrip("/") / file).write_bytes(data)
    return box


async def _find(home: Household) -> None:
    """Have somebody who knows nothing find the room, whose process has a socket and no network."""
    unit = await home.paste("systemctl show --property=PrivateNetwork,TriggeredBy sockatuh.service")
    require({"PrivateNetwork=yes", "TriggeredBy=sockatuh.socket"} <= {*unit.split()}, f"another unit: {unit}")
    found = await find_rooms(Profile(home.run.directory / "stranger"), seconds=USUAL_SECONDS)
    servers = [room.server for room in found.rooms if room.is_proven]
    require(servers == [f"{ADDRESS}:{PORT}"], f"found in the network: {servers}")


async def _use(home: Household, use: str) -> None:
    """Do what README says can be done at any time: check, another password, reload, restart."""
    await home.be_heard()
    before = await home.paste("cat /etc/sockatuh/password_hash")
    home.tell(SECOND_PASSWORD)
    said = await home.paste(use, text=f"{SECOND_PASSWORD}\n")
    require("In order; the room is running" in said, f"check says {said[-400:]}")
    require("The new password is in force" in said, f"hash-password says {said[-400:]}")
    await home.be_heard()
    hashed = await home.paste("cat /etc/sockatuh/password_hash")
    require(hashed != before, "the hash is the same")
    for nothing in ("", "\n"):
        await home.refuse("no password", "sudo", "sockatuh", "hash-password", "--service", text=nothing)
    require(await home.paste("cat /etc/sockatuh/password_hash") == hashed, "no password has changed the file")
    origins = await home.paste("sudo sockatuh check --show-origin")
    require(
        "password_hash = ***  (credential file /etc/sockatuh/password_hash)" in origins, "the credential is not told"
    )
    require(hashed.strip() not in origins, "a secret is printed")
    for _ in range(RESTARTS):
        await home.paste("sudo systemctl restart sockatuh")
        await home.be_heard()
    await home.check()
    home.go_on()


async def _misconfigure(home: Household) -> None:
    """Write what cannot be used: a reload fails and changes nothing, a start fails and is not tried again and again."""
    for setting in ("max_members = 77", "log_format = 'json'"):  # the second is not taken, and the log warns of it
        await home.paste(f'echo "{setting}" >>/etc/sockatuh/sockatuh.toml; sudo systemctl reload sockatuh')
    require("max_members = 77" in await home.paste("sudo sockatuh check"), "a reload's setting is not in force")
    pid = await home.paste(f"echo {MAIN_PID}")
    wrong = {
        "a misspelt key": ("echo prot = 1 >>/etc/sockatuh/sockatuh.toml", "sed -i /prot/d /etc/sockatuh/sockatuh.toml"),
        "an empty hash": (
            "cd /etc/sockatuh; cp -a password_hash kept; : >password_hash",
            "cd /etc/sockatuh; mv kept password_hash",
        ),
        "no hash": ("cd /etc/sockatuh; mv password_hash kept", "cd /etc/sockatuh; mv kept password_hash"),
        "a trap in the service's directory": (
            "cd /run/sockatuh; rm -f password_hash; mkdir password_hash; chown --reference=. password_hash",
            "rmdir /run/sockatuh/password_hash",
        ),
    }
    for what, (spoil, mend) in wrong.items():
        await home.paste(spoil)
        await home.refuse(f"a reload with {what}", "systemctl", "reload", "sockatuh")
        if what == "a misspelt key":
            said = await home.paste("journalctl --unit=sockatuh --output=cat --priority=err --lines=5")
            require("did you mean port?" in said, f"the journal says {said}")
            require("did you mean port?" in await home.refuse("check", "sockatuh", "check"), "check does not say it")
        await home.paste(mend)
        await home.paste("sudo systemctl reload sockatuh")
    await home.paste(
        "cd /run/sockatuh; ln -sfT /etc/shadow password_hash; chown -h --reference=. password_hash; "
        "stat --format='%a %Y %s' /etc/shadow >/root/shadow; sudo systemctl reload sockatuh; "
        "stat --format='%a %Y %s' /etc/shadow | cmp - /root/shadow; test ! -L password_hash"
    )
    require(await home.paste(f"echo {MAIN_PID}") == pid, "the process is another")
    await home.be_heard()
    await home.paste("echo prot = 1 >>/etc/sockatuh/sockatuh.toml; systemctl stop sockatuh 2>/dev/null")
    began = time.monotonic()
    since = (await home.paste("date +@%s")).strip()
    await home.attempt("systemctl", "start", "sockatuh")
    await asyncio.sleep(HOPELESS_FOR)  # while people send, and so ask systemd for the service
    said = await home.paste(f"journalctl --unit=sockatuh --output=cat --priority=err --since={since}")
    starts, seconds = said.count("cannot be used"), time.monotonic() - began
    require(0 < starts <= 2 + seconds / PAUSE, f"it was tried {starts} times in {seconds:.0f} s")
    await home.paste("sed -i /prot/d /etc/sockatuh/sockatuh.toml; sudo systemctl restart sockatuh")
    await home.be_heard()
    await home.check()
    home.go_on()


async def _break(home: Household) -> None:
    """Kill the process, and stop it so that it answers neither people nor systemd; look at the journal's levels."""
    for _ in range(KILLS):
        await home.paste(f"kill -9 {MAIN_PID}")
        await home.be_heard()
    pid = await home.paste(f"echo {MAIN_PID}")
    await home.paste(f"kill -STOP {MAIN_PID}")
    await home.be_heard()
    require(await home.paste(f"echo {MAIN_PID}") != pid, "the watchdog did nothing")
    await home.check()
    said = await home.paste("journalctl --unit=sockatuh _COMM=sockatuh --output=json")
    entries = [json.loads(line) for line in said.splitlines()]
    texts = [(str(each["MESSAGE"]), int(each["PRIORITY"])) for each in entries]
    levels = {"info": 6, "warning": 4, "error": 3}
    for text, priority in texts:
        require(not re.match(r"<\d>", text), f"a level is part of the message: {text[:60]}")
        if level := re.match(r'\{"at": "[^"]*", "level": "(\w+)"', text):
            require(levels[level[1]] == priority, f"a line of level {level[1]} has priority {priority}")
    require({6, 4, 3} <= {priority for _, priority in texts}, "not every level is in the journal")
    home.go_on()


async def _restore(home: Household, back_up: str, restore: str) -> None:
    """Copy the room, go on, and put the copy back."""
    await home.be_heard()
    await home.check()
    await home.paste(back_up)
    head = (await home.history())[-1]["seq"]
    home.go_on()
    await home.be_heard()
    await home.check()
    await home.refuse("a room that runs", "sudo", "sockatuh", "restore", f"{SOURCE}/room.backup")
    await home.paste(restore)
    await home.set_back(head)
    home.go_on()
    await home.be_heard()
    await home.check()
    home.go_on()


async def _back_up_and_lose(home: Household, back_up: str) -> dict[str, bytes]:
    """Copy the room elsewhere, and lose the machine in full talk."""
    await home.be_heard()
    await home.check()
    await home.paste(f"rm room.backup; {back_up}")
    names = re.findall(r"\S+\.backup", back_up)
    files = {name: (home.box.root / SOURCE.lstrip("/") / name).read_bytes() for name in names}
    home.head = (await home.history())[-1]["seq"]
    home.box.pull_the_plug()
    home.go_on()
    return files


async def _begin_anew(home: Household, begin_anew: str) -> None:
    """Bring the room back on a machine that knows nothing of it."""
    began = time.monotonic()
    said = await home.paste(begin_anew)
    require("shown once" not in said, "another password was made")
    await home.set_back(home.head)
    await home.be_heard()
    home.silences[-1] = time.monotonic() - began
    require("password_hash = ***" in await home.paste("sudo sockatuh check"), "check does not say what is in force")
    await home.check()
    home.go_on()


async def _renew(home: Household) -> None:
    """Install once more, as after an upgrade."""
    said = await home.paste("sudo sockatuh install-service")
    require({*PLANNED.findall(said)} == {"unchanged"}, f"what is there already is not left as it is: {said}")
    await home.be_heard()


async def _reboot(home: Household) -> None:
    """Start the machine again; the room comes by itself."""
    await asyncio.to_thread(home.box.reboot)
    await home.be_heard()
    await home.check()
    home.go_on()


async def _change_password(home: Household) -> None:
    """Change the password under people who talk."""
    require(await home.send(SECOND_PASSWORD) == 0, "the password is another after all that")
    await home.paste("sudo sockatuh hash-password --service", text=f"{NEW_PASSWORD}\n")
    await home.be_heard()
    require(await home.send(SECOND_PASSWORD) == REFUSED, "the last password still holds")
    require(await home.send(NEW_PASSWORD) == 0, "the new password does not hold")
    await home.check()


async def _uninstall(home: Household, before: str) -> None:
    """Remove the service, and with --purge all that there is of it."""
    said = await home.paste("sudo sockatuh uninstall-service")
    require("kept      /var/lib/private/sockatuh" in said, f"the history is gone, or nobody is told of it: {said}")
    await home.paste("sudo /opt/sockatuh/bin/sockatuh uninstall-service --purge")
    await home.paste("! ls -d /var/lib/systemd/timers/*sockatuh* 2>/dev/null")
    left = {*(await home.paste(LISTED)).splitlines()} - {*before.splitlines()}
    require(not left, f"left behind: {sorted(left)[:5]}")


async def prove(run: Run) -> Found:
    """Tell the story on each release that was asked for."""
    releases = RELEASES if run.long else RELEASES[:1]
    lay_cable(*releases)
    lines, silences = 0, list[float]()
    for release in releases:
        said, waited = await _story(release, run)
        lines += said
        silences += waited
    return Found(
        f"Debian {' and '.join(releases)}, found without its address; {PEOPLE} people, {lines} lines; {RESTARTS + 1} "
        f"restarts, {KILLS + 1} kills, a watchdog, reloads, a new password, a restore, a new machine, a reboot; a "
        "kick, a ban, two timers; a browser through the door over restarts, a kill and a ban of its address",
        f"0 lost, 0 doubled, one order, nobody seen to leave; heard again after {max(silences):.0f} s at most, after "
        f"{sorted(silences)[len(silences) // 2]:.1f} s mostly",
    )


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "service-debian",
        "The service does on a minimal Debian what the README says, whatever happens to it, and no line is lost",
        "paste the README's commands into a Debian booted for it (systemd-nspawn): install, restart, reload, other "
        "passwords, kill -9, "
        "SIGSTOP, backup, restore, a new machine in place of a lost one, reboot, uninstall, while people talk; status, "
        "a kick, a ban over a kill -9, numbers for Prometheus, backups of the timer and one that fails; a browser at "
        "`sockatuh web`, banned by its address; another user "
        "of the machine tries the same; find it by a broadcast",
        prove,
        limit=1500.0,
        pace=Pace.UNTIMED,
    ),
)
