"""Every command of the admin's, one after the other, at a real server with members in its room."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cli.people import Client, Person, Server, json_lines, until
from kit.programs import Program

EVENING = 120.0
"""Seconds after which a member's program is killed: all the commands take 5, and many times that on a busy machine."""


class Member:
    """A `chat --json`, which is in the room; `programs` ends it with the test."""

    def __init__(self, client: Client, programs: contextlib.ExitStack) -> None:
        self.process: Program = programs.enter_context(client.start("chat", "--json", patience=EVENING))
        self.lines: Iterator[dict[str, Any]] = json_lines(self.process)
        until(self.lines, "notice", "caught_up")

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def leave(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait()


class Admin:
    """Somebody at the box, who may use the control socket."""

    def __init__(self, client: Client, server: Server) -> None:
        self._client = client
        client.environ["SOCKATUH_CONFIG"] = str(server.config)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._client.call(*words)

    def told(self, *words: str) -> str:
        """Give a command that is carried out, and return what it says."""
        done = self.call(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
        return done.stdout

    def refused(self, *words: str) -> str:
        """Give a command that is refused, and return why."""
        done = self.call(*words)
        assert (done.returncode, done.stdout) == (4, ""), words
        return done.stderr

    def listed(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.told(*words, "--json").splitlines()]


@pytest.mark.slow
def test_an_admins_evening(own_server: Server, person: Person) -> None:
    with contextlib.ExitStack() as programs:
        spend_evening(own_server, person, programs)


def spend_evening(own_server: Server, person: Person, programs: contextlib.ExitStack) -> None:
    """Give every order; `programs` ends what is started."""
    admin = Admin(person("admin"), own_server)
    people = {name: person(name, own_server) for name in ("ana", "budi", "siti")}
    ana, budi, siti = (Member(people[name], programs) for name in ("ana", "budi", "siti"))

    # Who is here.
    assert sorted(line["name"] for line in admin.listed("sessions")[:-1]) == ["ana", "budi", "siti"]
    assert admin.told("sessions", "BUDI").count("budi") == 1
    assert "budi" in admin.told("names")

    # A kick: what would happen, what happens, and that it lasts.
    assert admin.refused("kick", "buddi") == (
        "Nobody here is called buddi; nearest: budi.\nPerhaps: sockatuh kick budi\n"
    )
    assert "would be removed: 1 session, from 127.0.0.1" in admin.told("kick", "budi", "--dry-run")
    assert len(admin.listed("sessions", "budi")) == 2
    assert "budi (key " in admin.told("kick", "budi", "--for", "1h", "--reason", "flooding")
    assert until(budi.lines, "error", "kicked")["reason"] == "flooding"
    assert budi.process.wait() == 4
    assert until(ana.lines, "left")["reason"] == "removed"
    again = people["budi"].run("who")
    assert (again.returncode, "flooding" in again.stderr) == (4, True)
    [kick] = admin.listed("bans")[:-1]
    assert (kick["order"], kick["name"], kick["reason"], kick["hits"]) == ("kick", "budi", "flooding", 1)
    assert f"The kick {kick['id']} (" in admin.told("unban", "budi")
    assert admin.refused("unban", "budi").startswith("No ban or kick of budi is in force")
    assert people["budi"].run("who").returncode == 0

    # A ban, which outlives the server.
    assert "budi (key " in admin.told("ban", "budi", "--reason", "spam")
    assert "It replaces the ban " in admin.told("ban", "budi", "--for", "forever")
    [ban] = admin.listed("bans")[:-1]
    own_server.stop(signal.SIGKILL)
    own_server.start()
    [kept] = admin.listed("bans")[:-1]
    assert (kept["id"], kept["until"], kept["name"]) == (ban["id"], None, "budi")
    assert people["budi"].run("who").returncode == 4
    assert f"The ban {ban['id']} (" in admin.told("unban", str(ban["id"]))
    assert "127.0.0.1 has this machine's own address in it" in admin.refused("ban", "127.0.0.1")
    assert "0.0.0.0/0 is everybody there is" in admin.refused("ban", "0.0.0.0/0")
    assert "From 10.9.0.0/16, keys that are new" in admin.told("ban", "10.9.0.0/16", "--strangers", "--for", "forever")

    # A mute.
    until(ana.lines, "notice", "caught_up")
    until(siti.lines, "notice", "caught_up")
    assert "ana (key " in admin.told("mute", "ana", "--reason", "noise")
    ana.say("can anybody hear me?")
    assert until(ana.lines, "error", "muted")["reason"] == "noise"
    assert "The mute " in admin.told("unmute", "ana")
    ana.say("here I am again")
    seq = until(ana.lines, "stored")["seq"]

    # An announcement, and a line that is struck.
    assert "2 members are told: admin  lunch at one" in admin.told("announce", "lunch", "at", "one")
    line = until(siti.lines, "message")
    assert (line["text"], line["official"]) == ("here I am again", False)
    line = until(siti.lines, "message")
    assert (line["from"], line["text"], line["official"]) == ("admin", "lunch at one", True)
    assert f"The text of line {seq} is gone: ana said it at " in admin.told("strike", "--last", "ana", "--reason", "no")
    assert until(siti.lines, "struck")["line"] == seq
    assert admin.refused("strike", str(seq)) == f"The text of line {seq} is gone already.\n"
    assert "is no line" in admin.refused("strike", str(line["seq"] - seq + 1))
    assert "Line 99999 is not in the room's log" in admin.refused("strike", "99999")
    assert "here I am again" not in admin.told("history")

    # A name whose key is lost.
    assert "ana is here" in admin.refused("release", "ana")
    assert ana.leave() == 4  # one of its lines was refused
    until(siti.lines, "left")
    assert "The name ana is free." in admin.told("release", "ana", "--reason", "new laptop")
    assert "The name ana belongs to nobody" in admin.refused("release", "ana")

    # What was ordered, also once nobody answers any more.
    given = admin.listed("audit")
    assert [order["order"] for order in given] == [
        "kick", "unban", "ban", "ban", "unban", "ban", "mute", "unmute", "announce", "strike", "release"
    ]  # fmt: skip
    assert siti.leave() == 0
    own_server.stop()
    assert admin.listed("audit") == given
    ended = [(order["order"], order["ending"]) for order in admin.listed("bans", "--all")]
    assert ended == [
        ("kick", "lifted"), ("ban", "replaced"), ("ban", "lifted"), ("ban", None), ("mute", "lifted")
    ]  # fmt: skip
    done = admin.call("kick", "siti")
    assert (done.returncode, "No server runs here" in done.stderr) == (3, True)
    own_server.start()  # for whoever ends it
