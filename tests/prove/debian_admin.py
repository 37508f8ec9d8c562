"""What an admin does to a service without joining its room, on a booted Debian: see, act, have it watched and copied.

A guest called GUEST… bears it; the people who talk are not to notice more than that it was removed.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.parser import text_string_to_metric_families
from prove.attack import require
from prove.box import ADDRESS
from prove.programs import Program

if TYPE_CHECKING:
    from prove.debian import Household

VICTIM: Final = "guestbad"
OTHER_USER: Final = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
AS_THE_SERVICE: Final = (
    "systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--property=DynamicUser=yes", "--property=User=sockatuh",
    "--property=PrivateNetwork=yes", "--property=PrivateUsers=yes", "--property=ProtectSystem=strict",
    "--property=ProtectHome=yes", "--property=PrivateTmp=yes", "--property=RestrictAddressFamilies=AF_UNIX",
    "--property=NoNewPrivileges=yes", "--property=CapabilityBoundingSet=",
    "--property=SystemCallFilter=@system-service",
)  # fmt: skip
"""Runs a command in the sandbox of the service's unit, as the service's user."""
NUMBERS: Final = "/var/lib/prometheus/node-exporter/sockatuh.prom"
BACKUPS: Final = "/root/copies"
"""Outside of what must not be left behind."""
REFUSED: Final = 4
KEEP: Final = 2
SOON: Final = 30.0
LOOK_AGAIN: Final = 0.2


async def administer(home: Household, password: str) -> None:
    """Do all of it, and see that everybody else talks on."""
    await _see(home)
    await _keep_others_out(home)
    async with _victim(home, password) as victim:
        await _kick(home, victim)
        await _ban(home, victim)
    await home.be_heard()
    await home.check()
    home.go_on()


async def watch_and_copy(home: Household) -> None:
    """Install the timers, and see what they write, also when that cannot be."""
    await home.paste(f"sudo sockatuh install-service --metrics --backup {BACKUPS} --keep {KEEP}")
    await _numbers(home)
    await _copies(home)
    await home.be_heard()


# What is asked.


async def _told(home: Household, command: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await home.paste(f"sudo sockatuh {command} --json")).splitlines()]


async def _status(home: Household) -> dict[str, Any]:
    return (await _told(home, "status"))[0]


async def _soon(what: str, holds: Callable[[], Awaitable[bool]]) -> None:
    ends_at = time.monotonic() + SOON
    while not await holds():
        require(time.monotonic() < ends_at, what)
        await asyncio.sleep(LOOK_AGAIN)


async def _see(home: Household) -> None:
    """Look at the room: by `status`, by `status --check` as root and in the sandbox of the unit, and by systemd."""
    found, count = await _status(home), len(home.people)
    require((found["members"], found["lost"], found["storing"]) == (count, 0, True), f"the status is {found}")
    require({each["name"] for each in found["here"]} == {each.program.name for each in home.people}, "others are here")
    require(f"//{ADDRESS}" in found["invite"] and ADDRESS in found["addresses"], f"reached at {found['addresses']}")
    require(not found["troubles"], f"what is wrong: {found['troubles']}")
    shown = await home.paste("sudo sockatuh status")
    require(shown.startswith(f"kitchen: {count} members ") and "\x1b" not in shown, f"a person is shown {shown[:200]}")
    for runner in ((), AS_THE_SERVICE):
        done = await home.attempt(*runner, "/opt/sockatuh/bin/sockatuh", "status", "--check")
        require(done.code == 0 and done.said.startswith("ok: kitchen stores lines"), f"--check says {done}")

    async def told_systemd() -> bool:
        said = await home.paste("systemctl show --property=StatusText sockatuh.service")
        return f"StatusText=kitchen: {count} members" in said

    await _soon("systemd does not say how many are here", told_systemd)


async def _keep_others_out(home: Household) -> None:
    """Have another user of the machine try the same."""
    for order in (("kick", "p0"), ("ban", "p0", "--yes"), ("announce", "hello"), ("status",), ("bans",)):
        done = await home.attempt(*OTHER_USER, "sockatuh", *order)
        require(done.code == REFUSED and "Only root may do that" in done.said, f"{order[0]} as uid 1000: {done}")
    check = await home.attempt(*OTHER_USER, "sockatuh", "status", "--check")
    require(check.code == 1 and check.said.startswith("not ok: "), f"--check as uid 1000: {check}")
    require(not [each for each in await _told(home, "bans") if each["type"] == "order"], "an order is in force")
    require((await _status(home))["members"] == len(home.people), "somebody is gone")


@asynccontextmanager
async def _victim(home: Household, password: str) -> AsyncIterator[Program]:
    program = Program(home.run.directory / VICTIM, 7625, VICTIM, {"SOCKATUH_PASSWORD": password}, host=ADDRESS)
    await program.start(with_password=False)
    try:
        yield program
        await program.end(signal.SIGTERM)  # it leaves; whoever is killed stays a member for a while
    finally:
        await program.end(signal.SIGKILL)


async def _ended_by_itself(victim: Program) -> int:
    await victim.until(lambda: bool(victim.of("error")), "it was not told")
    return await victim.over()


async def _try_again(victim: Program) -> tuple[int, str]:
    """Start the program again, which is to be refused; return its exit code and why."""
    try:
        await victim.start(with_password=False)
    except BaseException:
        if not victim.of("error"):
            raise
    return await victim.over(), victim.of("error")[-1]["code"]


async def _kick(home: Household, victim: Program) -> None:
    done = (await _told(home, f"kick {VICTIM} --for 10m --reason flooding"))[-1]
    require((done["type"], done["name"], done["sessions"]) == ("done", VICTIM, 1), f"the kick: {done}")
    require(await _ended_by_itself(victim) == REFUSED, "who was kicked has another exit code")
    require("flooding" in victim.of("error")[-1]["message"], f"it was told {victim.of('error')[-1]}")
    for person in home.people:
        seen = person.program
        await seen.until(
            lambda seen=seen: [each["reason"] for each in seen.of("left") if each["name"] == VICTIM] == ["removed"],  # type: ignore[misc]
            "not shown as removed",
        )
    tried = await _try_again(victim)
    require(tried == (REFUSED, "kicked"), f"who was kicked: {tried}, {victim.told[-2:]}")
    await home.paste(f"sudo sockatuh unban {done['seq']}")
    await victim.start(with_password=False)


async def _ban(home: Household, victim: Program) -> None:
    done = (await _told(home, f"ban {VICTIM} --for 1h --reason 'sold things'"))[-1]
    require(done["type"] == "done" and done["removed"] == [VICTIM], f"the ban: {done}")
    require(await _ended_by_itself(victim) == REFUSED, "who was banned has another exit code")
    await home.paste("kill -9 $(systemctl show --property=MainPID --value sockatuh)")
    await home.be_heard()
    tried = await _try_again(victim)
    require(tried == (REFUSED, "banned"), f"a ban did not survive a kill -9: {tried}, {victim.told[-2:]}")
    (order,) = [each for each in await _told(home, "bans") if each["type"] == "order"]
    require((order["id"], order["until"]) == (done["id"], done["until"]), f"after a kill -9 the ban is {order}")
    require(order["hits"] >= 1, "the join that was refused is not counted")
    audit = await home.paste("sudo sockatuh audit --json")
    require(audit.count('"sold things"') == 1, f"the audit says {audit[-500:]}")
    await home.paste(f"sudo sockatuh unban {done['id']}")
    await victim.start(with_password=False)


# What is written by timers.


async def _numbers(home: Household) -> None:
    async def written() -> bool:
        return (await home.attempt("test", "-s", NUMBERS)).code == 0

    await _soon("no numbers are written", written)
    require((await home.paste(f"stat --format=%a {NUMBERS}")).strip() == "644", "others cannot read the numbers")
    found = await _read_numbers(home)
    require(found["sockatuh_up"] == 1 and found["sockatuh_members"] == len(home.people), f"the numbers are {found}")
    require(found["sockatuh_storing"] == 1 and found["sockatuh_log_head"] > 0, f"the numbers are {found}")
    await home.paste("systemctl is-enabled sockatuh-metrics.timer sockatuh-backup.timer")
    await home.paste(
        "systemctl stop sockatuh-metrics.timer; kill -STOP $(systemctl show --property=MainPID --value sockatuh)"
    )
    done = await home.attempt("/opt/sockatuh/bin/sockatuh", "status", "--check")
    require(done.code == 1, f"--check of a server that hangs: {done}")
    await home.paste(
        "kill -CONT $(systemctl show --property=MainPID --value sockatuh); systemctl start sockatuh-metrics.timer"
    )


async def _read_numbers(home: Household) -> dict[str, float]:
    text = await home.paste(f"cat {NUMBERS}")
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


async def _copies(home: Household) -> None:
    start = ("systemctl", "start", "sockatuh-backup.service")
    for _ in range(KEEP + 1):
        await asyncio.sleep(1.1)  # names are by the second
        require((await home.attempt(*start)).code == 0, "a backup failed")
    listed = (await home.paste(f"cd {BACKUPS}; stat --format='%a %U %n' *")).splitlines()
    require(len(listed) == KEEP, f"of {KEEP + 2} backups there are {listed}")
    require(all(re.fullmatch(r"600 root sockatuh-\w+-\w+-[\d-]{17}\.backup", each) for each in listed), f"{listed}")
    found = await _status(home)
    require(found["backup"]["file"].startswith(f"{BACKUPS}/sockatuh-"), f"the last backup is {found['backup']}")
    require(not found["troubles"], f"what is wrong: {found['troubles']}")
    await home.paste(f"mv {BACKUPS} {BACKUPS}.away")
    require((await home.attempt(*start)).code != 0, "a backup to nowhere has not failed")
    troubles = [each["code"] for each in (await _status(home))["troubles"]]
    require(troubles == ["backup_failed"], f"what is wrong after a backup failed: {troubles}")
    shown = await home.paste("sudo sockatuh status")
    require(shown.startswith("!!  The last backup failed: "), f"a person is shown {shown[:200]}")
    await home.paste(f"mv {BACKUPS}.away {BACKUPS}; {' '.join(start)}")
    require(not (await _status(home))["troubles"], "a backup that was made is still called failed")
