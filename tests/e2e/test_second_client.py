"""A client written from the document alone gets in, talks and comes back; it lets in no server that proves nothing."""

from __future__ import annotations

import ast
import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pytest
from cpace import CPace, CPaceRole
from e2e import second_client
from e2e.running import PASSWORD, Room, ServerProcess, joined
from e2e.second_client import (
    JOIN,
    NAME_VALID,
    WELCOME,
    Cookie,
    Handshake,
    Message,
    Offer,
    Proof,
    Refused,
    SecondClient,
    Unproven,
    Welcome,
    channel_identifier,
    hash_password,
    hello,
)

VECTORS: Final = Path(__file__).parent.parent / "protocol/vectors.json"


@pytest.fixture(scope="module")
def _hall(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Iterator[ServerProcess]:
    """The server of this file: it counts three wrong passwords from this address before it makes one wait."""
    room = Room(tmp_path_factory.mktemp("hall"), password_hash, is_forked=True)
    server = room.server(**{"limits.handshakes_burst": 1000})
    server.begin()
    yield server
    server.finish()


@pytest.fixture
def hall(_hall: ServerProcess) -> ServerProcess:
    _hall.logged.clear()
    return _hall


@pytest.fixture
def client(hall: ServerProcess) -> Iterator[SecondClient]:
    """A client that has shaken hands with a server it has never met."""
    with SecondClient(hall.port, os.urandom(32)) as each:
        each.shake_hands()
        yield each


def join(client: SecondClient, name: str) -> Welcome:
    return client.prove(Proof(client.channel, client.ask_for_offer(name), name, PASSWORD), name)


def test_the_second_client_imports_nothing_of_the_program() -> None:
    imports = [
        node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(Path(second_client.__file__).read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert {"cpace", "noise.connection"} <= {*imports}
    assert not [each for each in imports if each.split(".")[0] in ("", "sockatuh", "kit", "e2e")]


def test_name_and_password_let_the_client_in_and_both_programs_hear_each_other(
    hall: ServerProcess, client: SecondClient
) -> None:
    async def story() -> None:
        async with joined("budi", hall.port, hall.key) as budi:
            offer = await asyncio.to_thread(client.ask_for_name, "ana")
            assert offer.name == "ana"
            welcome = await asyncio.to_thread(client.prove, Proof(client.channel, offer, "ana", PASSWORD), "ana")
            assert client.round_trips == 2
            assert client.pin == hall.key
            seq = await asyncio.to_thread(client.say, "sponnya masih basah?")
            await asyncio.to_thread(client.listen_until, seq)
            await budi.sees("ana: sponnya masih basah?")
            budi.say("sudah kering")
            await budi.until(budi.is_answered)
            (heard,) = budi.stored.values()
            await asyncio.to_thread(client.listen_until, heard)
            said = {each: (client.entries[each][3], client.entries[each][4]) for each in (seq, heard)}
            assert said == {seq: ("ana", "sponnya masih basah?"), heard: ("budi", "sudah kering")}
            assert client.cursor == heard > seq > welcome.start
            client.acknowledge()
            assert (await asyncio.to_thread(client.ping))[2] == heard
            await asyncio.to_thread(client.leave)
            await budi.sees("ana left")
            await hall.wait_for("member_joined", name="ana", version="second client")

    asyncio.run(story())


def test_with_its_ticket_the_client_is_back_in_one_round_trip(client: SecondClient) -> None:
    join(client, "cici")
    client.leave()
    client.shake_hands()
    assert client.come_back().name == "cici"
    assert client.round_trips == 1


def test_a_wrong_password_is_refused_and_proves_nothing(hall: ServerProcess, client: SecondClient) -> None:
    wrong = Proof(client.channel, client.ask_for_name("dodi"), "dodi", "not " + PASSWORD)
    with pytest.raises(Refused, match="password_wrong") as refused:
        client.prove(wrong, "dodi")
    assert refused.value.wait_ms == 0
    assert (client.pin, client.ticket, client.entries) == (None, None, {})
    assert join(client, "dodi").name == "dodi"
    asyncio.run(hall.wait_for("member_joined", name="dodi"))
    assert len(hall.events("member_joined", name="dodi")) == 1
    assert not hall.events("password_hash_stolen")


def test_it_computes_the_known_answers() -> None:
    """Check the datagrams of the handshake and of both directions, byte for byte."""
    known = json.loads(VECTORS.read_text("utf-8"))
    keys = {name: bytes.fromhex(key) for name, key in known["keys"].items()}
    datagrams = {name: bytes.fromhex(data) for name, data in known["datagrams"].items()}
    cookie = Cookie.read(datagrams["COOKIE"])
    assert hello(cookie.nonce) == datagrams["HELLO"]
    assert cookie.server_key == keys["server public"]
    payload = msgspec.msgpack.decode(bytes.fromhex(known["payloads"]["INIT"]))
    with pytest.warns(UserWarning, match="ephemeral"):
        handshake = Handshake(
            keys["client private"], cookie, 0x01020304, payload, keys["first client ephemeral private"]
        )
    assert handshake.client_key == keys["client public"]
    assert handshake.init == datagrams["INIT"]
    channel = handshake.finish(datagrams["RESP"])
    assert channel.sid.hex() == known["channel"]["handshake hash"]
    for sent in known["from the client"].values():
        message = msgspec.msgpack.decode(bytes.fromhex(sent["plaintext"]))
        assert channel.seal(message).hex() == sent["datagram"]
    for received in known["from the server"].values():
        message = msgspec.msgpack.decode(bytes.fromhex(received["plaintext"]))
        assert channel.open(bytes.fromhex(received["datagram"])) == message


def test_an_offer_is_repeated_until_a_proof_uses_it_and_a_proof_without_one_gets_another(client: SecondClient) -> None:
    first = client.ask_for_name("eka")
    assert client.ask_for_offer("Eka!") == Offer("Eka!", first.share, first.salt, first.cost)
    with pytest.raises(Refused, match="password_wrong"):
        client.prove(Proof(client.channel, first, "eka", "a guess"), "eka")
    stale = Proof(client.channel, first, "eka", PASSWORD)
    second = Offer.read(client.call([JOIN, "eka", stale.data, None]))
    assert second.share != first.share
    assert client.prove(Proof(client.channel, second, "eka", PASSWORD), "eka").name == "eka"


@pytest.mark.parametrize("forged", ["flipped", "reflected", "empty", "zero"])
def test_a_welcome_that_does_not_confirm_the_hash_is_none(hall: ServerProcess, forged: str) -> None:
    class Tampered(SecondClient):
        """One whose WELCOME bears another confirmation than the server's."""

        def call(self, body: Message) -> Message:
            answer = super().call(body)
            if answer[0] == WELCOME:
                flipped = bytes([answer[7][0] ^ 1]) + answer[7][1:]
                forgeries = {"flipped": flipped, "reflected": proof.data[32:96], "empty": b"", "zero": bytes(64)}
                answer[7] = forgeries[forged]
            return answer

    with Tampered(hall.port, os.urandom(32)) as client:
        client.shake_hands()
        proof = Proof(client.channel, client.ask_for_offer(forged), forged, PASSWORD)
        with pytest.raises(Unproven, match="welcome"):
            client.prove(proof, forged)
        client.ping()
        assert (client.pin, client.ticket, client.cursor, client.entries) == (None, None, 0, {})


def test_a_server_with_another_hash_can_confirm_nothing(client: SecondClient) -> None:
    honest = client.ask_for_offer("gita")
    its_hash = hash_password("another password", honest.salt, honest.cost)
    false = CPace.start(
        role=CPaceRole.INITIATOR, prs=its_hash, sid=client.channel.sid, ci=channel_identifier(client.channel)
    )
    proof = Proof(client.channel, replace(honest, share=false.public_share), "gita", PASSWORD)
    false.derive(proof.data[:32], b"gita")
    assert not false.verify(proof.data[32:96])
    assert not proof.verify(false.tag())


@pytest.mark.parametrize(
    "spoilt",
    [[0, bytes(31), bytes(16), 10], [0, bytes(32), bytes(17), 10], [0, bytes(32), bytes(16), 15], [1, b"", b"", 0]],
    ids=["share", "salt", "cost", "kind"],
)
def test_an_offer_outside_its_bounds_is_none(spoilt: list[object]) -> None:
    with pytest.raises(Unproven, match="offer"):
        Offer.read([NAME_VALID, "ana", *spoilt])
