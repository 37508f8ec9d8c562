"""The log events: stable names and fields, one line each, and never a secret."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from kit.clients import ClassicClient, Client
from kit.instant_world import InstantWorld
from kit.server import SERVER
from kit.world import PASSWORD

from sockatuh import log
from sockatuh.protocol.client import events as e
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.noise import public_key

HOSTILE = ["one\ntwo", "\r\x1b[2J", "\x9b31m", "\u202eevil\u2066", "\u2028\u2029x", '" event="forged']


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def test_members_and_lines_are_logged_with_stable_names_and_fields(world: InstantWorld) -> None:
    ana = world.person("ana")
    ana.say("soup")
    world.advance(2.0)
    ana.leave()
    address, key = f"{ana.address[0]}:{ana.address[1]}", fingerprint(public_key(ana.key))[:8]
    assert [(each.event, each.fields) for each in world.diary.logged] == [
        ("session_opened", {"address": address, "key": key}),
        (
            "member_joined",
            {"seq": 1, "name": "ana", "address": address, "dialect": "secure", "key": key, "version": "test 1"},
        ),
        ("message_posted", {"author": "ana", "seq": 2, "bytes": 4}),
        ("session_closed", {"name": "ana", "address": address, "key": key, "reason": "left", "seconds": 2.0}),
        ("member_left", {"name": "ana", "reason": "left", "seconds": 2.0, "seq": 3}),
    ]


def test_a_refused_name_and_a_refused_password_are_logged_with_who_asked(world: InstantWorld) -> None:
    world.person("ana")
    other = world.person("ana")
    other.join("budi", "guess")
    who = {"address": f"{other.address[0]}:{other.address[1]}", "key": fingerprint(public_key(other.key))[:8]}
    assert world.diary.of("name_refused") == [{"name": "ana", "reason": "name_taken"} | who]
    assert world.diary.of("password_refused") == [{"name": "budi", "reason": "password_wrong", "wait": 0.0} | who]


def test_joining_by_the_classic_dialect_logs_a_warning(world: InstantWorld) -> None:
    budi = world.teletype()
    budi.join("budi")
    assert world.diary.of("unencrypted_member_joined") == [{"name": "budi", "address": f"{budi.address[0]}:50000"}]


def test_texts_are_logged_only_when_enabled() -> None:
    for wanted in (False, True):
        world = InstantWorld(log_texts=wanted)
        world.person("ana").say("soup at one")
        [fields] = world.diary.of("message_posted")
        assert fields.get("text") == ("soup at one" if wanted else None)


def test_logging_of_refused_handshakes_is_rate_limited(world: InstantWorld) -> None:
    for _ in range(60):
        world.outlaw(host="10.6.6.6")
    logged = world.diary.of("handshake_refused")
    assert 0 < len(logged) <= 20
    assert {fields["reason"] for fields in logged} == {"rate"}


def test_each_dropped_datagram_appears_in_one_summary(world: InstantWorld) -> None:
    ana = world.person("ana")
    for _ in range(3):
        world.core.receive_datagram(b"\xb5" + bytes(40), ("10.9.9.9", 9), world.now)
    world.core.receive_datagram(b"\xb2" + bytes(63), ("10.9.9.9", 9), world.now)
    world.core.receive_datagram(b"no member", ("10.9.9.9", 9), world.now)
    world.room_server.summarise_dropped()
    world.room_server.summarise_dropped()
    ana.peer.receive_datagram(b"", SERVER, world.now)
    world.core.receive_datagram(b"still no member", ("10.9.9.9", 9), world.now)
    world.room_server.summarise_dropped()
    assert world.diary.of("datagram_dropped") == [{"unknown_session": 3, "type": 1, "state": 1}, {"state": 1}]


def test_neither_passwords_nor_keys_nor_tickets_are_ever_logged() -> None:
    world = InstantWorld(log_texts=True)
    ana = world.person("ana")
    ticket = ana.last(e.Admitted).ticket
    guesser = world.person()
    for _ in range(5):
        guesser.join("budi", "a wrong guess")
    budi = world.teletype()
    budi.send(b"Username:budi")
    budi.send(b"Password:another wrong guess")
    budi.join("budi")
    world.begin()
    world.advance(60.0)
    world.person(key=ana.key, ticket=ticket)
    world.stop("closing")
    logged = str(world.diary.logged)
    secrets = [ana.key, guesser.key, ticket, ana.last(e.Admitted).ticket]
    for secret in secrets:
        for written in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode().rstrip("=")):
            assert written not in logged
    assert "wrong guess" not in logged
    assert PASSWORD not in logged
    assert fingerprint(public_key(ana.key)) not in logged


@pytest.fixture
def _log_restored() -> Iterator[None]:
    handlers = logging.getLogger("asyncio").handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger("asyncio").handlers[:] = handlers


@pytest.mark.usefixtures("_log_restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_any_input_is_logged_as_one_line_of_printable_characters(log_format: str) -> None:
    stream = io.StringIO()
    log.configure(log_format, "info", stream=stream, is_terminal=False)
    world = InstantWorld(log_texts=True, logger=log.get_logger("test"))
    ana, budi = world.person("ana"), world.teletype()
    budi.join("budi")
    for text in HOSTILE:
        type_everywhere(world, ana, budi, text)
    lines = stream.getvalue().splitlines()
    assert stream.getvalue().count("\n") == len(lines)
    assert all(line.isprintable() for line in lines)
    if log_format == "json":
        events = [json.loads(line)["event"] for line in lines]
        assert "forged" not in events
        assert {"name_refused", "password_refused", "message_posted"} <= set(events)


def type_everywhere(world: InstantWorld, ana: Client, budi: ClassicClient, text: str) -> None:
    """Use a text as a line, as a name and as a password, in both dialects."""
    budi.send(text.encode())
    ana.say(text)
    world.person().ask(text)
    world.person().join("cici", text)
    stranger = world.teletype()
    stranger.send(b"Username:" + text.encode())
    stranger.send(b"Username:dora")
    stranger.send(b"Password:" + text.encode())
