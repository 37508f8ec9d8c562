"""A client written from the document alone gets in, talks and comes back; it lets in no server that proves nothing."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pytest
from cpace import CPace, CPaceRole
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from e2e import second_client
from e2e.running import PASSWORD, Room, ServerProcess, joined
from e2e.second_client import (
    JOIN,
    NAME_VALID,
    PIECE,
    PRIVATE,
    RENAMED,
    STRUCK,
    WELCOME,
    Channel,
    Closed,
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
    return client.prove(Proof.make(client.channel, client.ask_for_offer(name), name, PASSWORD), name)


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
            welcome = await asyncio.to_thread(client.prove, Proof.make(client.channel, offer, "ana", PASSWORD), "ana")
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


def test_what_is_said_privately_is_for_two(hall: ServerProcess, client: SecondClient) -> None:
    join(client, "mira")

    async def story() -> None:
        async with joined("budi", hall.port, hall.key) as budi, joined("nina", hall.port, hall.key) as nina:
            long = "x" * (3 * PIECE)
            for text, to in (("kuncinya di bawah keset", "BUDI"), (long, "budi"), ("for myself", "mira")):
                seq = await asyncio.to_thread(client.say, text, to=to)
                await asyncio.to_thread(client.listen_until, seq)
                assert client.entries[seq][2:5] == [PRIVATE, "mira", text]
                assert client.entries[seq][6:8] == [client.tag, to.lower()]
            budi.say(long + "!", to="Mira")
            await budi.until(budi.is_answered)
            (seq,) = budi.stored.values()
            await asyncio.to_thread(client.listen_until, seq)
            assert client.entries[seq][2:5] == [PRIVATE, "budi", long + "!"]
            last = await asyncio.to_thread(client.say, "said to all")
            await asyncio.gather(*(member.has_seen(last) for member in (budi, nina)))
            assert budi.story[-4:-1] == [
                "mira → budi: kuncinya di bawah keset",
                f"mira → budi: {long}",
                f"budi → mira: {long}!",
            ]
            assert not [line for line in nina.story if "→" in line]
            with pytest.raises(Refused, match="no_such_name"):
                await asyncio.to_thread(client.say, "is anybody there?", to="nobody")

    asyncio.run(story())


def test_a_cut_text_fits_and_is_whole_again() -> None:
    for size in (0, 1, PIECE - 3, PIECE, PIECE + 1, 3 * PIECE):
        pieces = second_client.cut(b"y" * size, PIECE - 3)
        assert b"".join(pieces) == b"y" * size
        assert len(pieces[0]) <= PIECE - 3
        assert all(0 < len(piece) <= PIECE for piece in pieces[1:])


def test_the_client_is_renamed_and_its_other_session_learns_of_it(hall: ServerProcess, client: SecondClient) -> None:
    join(client, "intan")
    with SecondClient(hall.port, client.private_key) as other, SecondClient(hall.port, os.urandom(32)) as joko:
        for each, name in ((other, "intan"), (joko, "joko")):
            each.shake_hands()
            join(each, name)
        assert client.rename("Intan Sari") == client.name == "Intan_Sari"
        other.listen_for(lambda: other.name == "Intan_Sari")
        seq = other.say("from the other window")
        joko.listen_until(seq)
        assert joko.entries[seq][3] == "Intan_Sari"
        (renamed,) = (entry for entry in joko.entries.values() if entry[2] == RENAMED)
        assert renamed[3:7] == ["intan", "Intan_Sari", b"", client.tag]
        assert joko.name == "joko"
        assert joko.who()["Intan_Sari"][1] == client.tag
        with pytest.raises(Refused, match="name_taken"):
            client.rename("JOKO")
        client.shake_hands()
        assert client.come_back().name == "Intan_Sari"
        other.shake_hands()
        assert other.come_back().name == "Intan_Sari", "by the ticket for the name before"
        joko.leave()
        other.leave()


def test_who_is_away_is_listed_so_until_something_is_said(hall: ServerProcess, client: SecondClient) -> None:
    join(client, "kiki")
    with SecondClient(hall.port, os.urandom(32)) as lina:
        lina.shake_hands()
        join(lina, "lina")
        assert lina.who()["kiki"][6] is None
        client.be_away("makan\tsiang ")
        assert lina.who()["kiki"][6] == "makan    siang"
        with pytest.raises(Refused, match="text_too_long"):
            client.be_away("x" * 81)
        client.be_away("")
        assert lina.who()["kiki"][6] == ""
        client.be_away(None)
        assert lina.who()["kiki"][6] is None
        client.be_away("again")
        client.say("psst", to="lina")
        assert lina.who()["kiki"][6] is None


def test_a_struck_line_is_gone_for_both_and_in_the_state_directory(hall: ServerProcess, client: SecondClient) -> None:
    secret = "sandi lemari: 4711-4711"
    join(client, "rina")
    with SecondClient(hall.port, os.urandom(32)) as sari:
        sari.shake_hands()
        join(sari, "sari")
        seq = client.say(secret)
        sari.listen_until(seq)
        with pytest.raises(Refused, match="not_yours"):
            sari.strike(seq)
        assert sari.entries[seq][4] == secret
        line_at = sari.entries[seq][1]
        client.strike(seq)
        sari.listen_for(lambda: seq not in sari.entries)
        (struck,) = (entry for entry in sari.entries.values() if entry[2] == STRUCK)
        assert struck[3:] == ["rina", "", b"", client.tag, "", False, seq, line_at]
        with pytest.raises(Refused, match="struck_already"):
            client.strike(seq)
        sari.leave()
    with SecondClient(hall.port, os.urandom(32)) as tini:
        tini.shake_hands()
        join(tini, "tini")
        tini.read_through(struck[0])
        assert seq not in tini.entries
        tini.leave()
    files = [file for file in hall.state_dir.iterdir() if file.is_file()]
    assert files
    assert [file.name for file in files if secret.encode() in file.read_bytes()] == []


@pytest.mark.slow  # the server tells it once a second
def test_who_is_away_is_told_to_whoever_does_not_ask(hall: ServerProcess, client: SecondClient) -> None:
    join(client, "omar")
    with SecondClient(hall.port, os.urandom(32)) as putri:
        putri.shake_hands()
        join(putri, "putri")
        client.be_away("makan siang")
        putri.listen_for(lambda: putri.presence.get("omar") == (3, "makan siang"))
        client.say("back")
        putri.listen_for(lambda: putri.presence.get("omar") == (0, ""))


def test_a_proof_is_for_the_name_as_it_was_sent_and_the_room_spells_it(client: SecondClient) -> None:
    assert client.ask_for_offer(" Åsa  Öberg").name == " Åsa  Öberg"
    assert client.ask_for_name(" Åsa  Öberg").name == "Åsa_Öberg"
    assert join(client, " Åsa  Öberg").name == "Åsa_Öberg"


def test_a_wrong_password_is_refused_and_proves_nothing(hall: ServerProcess, client: SecondClient) -> None:
    wrong = Proof.make(client.channel, client.ask_for_name("dodi"), "dodi", "not " + PASSWORD)
    with pytest.raises(Refused, match="password_wrong") as refused:
        client.prove(wrong, "dodi")
    assert refused.value.wait_ms == 0
    assert (client.pin, client.ticket, client.entries) == (None, None, {})
    assert join(client, "dodi").name == "dodi"
    asyncio.run(hall.wait_for("member_joined", name="dodi"))
    assert len(hall.events("member_joined", name="dodi")) == 1
    assert not hall.events("password_hash_stolen")


def known_channel(known: dict[str, dict[str, str]]) -> tuple[bytes, Channel]:
    """Return INIT, and the channel that RESP completes."""
    payload = msgspec.msgpack.decode(bytes.fromhex(known["payloads"]["INIT"]))
    private, ephemeral = (
        bytes.fromhex(known["keys"][name]) for name in ("client private", "first client ephemeral private")
    )
    with pytest.warns(UserWarning, match="ephemeral"):  # `noise` warns of one that is not random
        handshake = Handshake(
            private, Cookie.read(bytes.fromhex(known["datagrams"]["COOKIE"])), 0x01020304, payload, ephemeral
        )
    return handshake.init, handshake.finish(bytes.fromhex(known["datagrams"]["RESP"]))


def test_it_computes_the_known_datagrams() -> None:
    known = json.loads(VECTORS.read_text("utf-8"))
    assert hello(bytes.fromhex(known["address"]["nonce"])).hex() == known["datagrams"]["HELLO"]
    init, channel = known_channel(known)
    assert init.hex() == known["datagrams"]["INIT"]
    assert (channel.server_key.hex(), channel.client_key.hex()) == (
        known["keys"]["server public"],
        known["keys"]["client public"],
    )
    assert channel.sid.hex() == known["channel"]["handshake hash"]
    for sent in known["from the client"].values():
        message = msgspec.msgpack.decode(bytes.fromhex(sent["plaintext"]))
        assert channel.seal(message).hex() == sent["datagram"]
    for received in known["from the server"].values():
        message = msgspec.msgpack.decode(bytes.fromhex(received["plaintext"]))
        assert channel.open(bytes.fromhex(received["datagram"])) == message


def test_it_computes_the_known_proof_and_accepts_the_known_confirmation() -> None:
    known = json.loads(VECTORS.read_text("utf-8"))
    proved = known["proof of the password"]
    answers = {name: bytes.fromhex(each["plaintext"]) for name, each in known["from the server"].items()}
    offer = Offer.read(msgspec.msgpack.decode(answers["ANSWER NAME_VALID"])[2])
    _, channel = known_channel(known)
    assert channel_identifier(channel).hex() == proved["CI"]
    assert hash_password(proved["password"], offer.salt, offer.cost).hex() == proved["PRS"]
    scalar, generator = (bytes.fromhex(proved[name]) for name in ("yb", "generator"))
    share = X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(generator))
    exchange = CPace(
        role=CPaceRole.RESPONDER, sid=channel.sid, ad=proved["name"].encode(), scalar=scalar, public_share=share
    )
    proof = Proof(exchange, channel.sid, offer, proved["password"])
    asked = bytes.fromhex(known["from the client"]["CALL JOIN with a proof"]["plaintext"])
    assert msgspec.msgpack.decode(asked)[2][:3] == [JOIN, proved["name"], proof.data]
    welcome = Welcome.read(msgspec.msgpack.decode(answers["ANSWER WELCOME, with a confirmation"])[2])
    assert proof.verify(welcome.confirmation)


def order(hall: ServerProcess, **fields: object) -> dict[str, object]:
    """Give an order at the server's control socket, and return the answer."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(hall.config.parent / "state/control"))
        admin.sendall(json.dumps({"v": 1, **fields}).encode() + b"\n")
        with admin.makefile() as lines:
            answer: dict[str, object] = json.loads(lines.readline())
    assert answer["type"] == "done", answer
    return answer


def test_it_is_muted_hears_the_admin_and_is_kicked_with_a_reason_and_an_end(
    hall: ServerProcess, client: SecondClient
) -> None:
    join(client, "ira")
    order(hall, do="mute", name="ira", **{"for": 60}, reason="hush")
    with pytest.raises(Refused, match="muted") as muted:
        client.say("can anybody hear me?")
    assert (0 < muted.value.wait_ms <= 60_000, muted.value.detail) == (True, "hush")
    with pytest.raises(Refused, match="muted"):
        client.rename("irene")
    order(hall, do="unmute", name="ira")
    seq = order(hall, do="announce", text="soup is ready")["seq"]
    assert isinstance(seq, int)
    client.listen_until(seq)
    entry = client.entries[seq]
    assert (entry[3:5], entry[6], entry[8]) == (["admin", "soup is ready"], "", True)
    kick = order(hall, do="kick", name="ira", **{"for": 60}, reason="enough")
    with pytest.raises(Closed, match="kicked") as closed:
        client.ping()
    assert (0 < closed.value.wait_ms <= 60_000, closed.value.detail) == (True, "enough")
    client.shake_hands()
    with pytest.raises(Refused, match="kicked") as refused:
        client.ask_for_name("somebody_else")
    assert (0 < refused.value.wait_ms <= 60_000, refused.value.detail) == (True, "enough")
    order(hall, do="unban", target=str(kick["seq"]))
    assert client.come_back().name == "ira"


def test_an_offer_is_repeated_until_a_proof_uses_it_and_a_proof_without_one_gets_another(client: SecondClient) -> None:
    first = client.ask_for_name("eka")
    assert client.ask_for_offer("Eka!") == Offer("Eka!", first.share, first.salt, first.cost)
    with pytest.raises(Refused, match="password_wrong"):
        client.prove(Proof.make(client.channel, first, "eka", "a guess"), "eka")
    stale = Proof.make(client.channel, first, "eka", PASSWORD)
    second = Offer.read(client.call([JOIN, "eka", stale.data, None]))
    assert second.share != first.share
    assert client.prove(Proof.make(client.channel, second, "eka", PASSWORD), "eka").name == "eka"


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
        proof = Proof.make(client.channel, client.ask_for_offer(forged), forged, PASSWORD)
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
    proof = Proof.make(client.channel, replace(honest, share=false.public_share), "gita", PASSWORD)
    false.derive(proof.data[:32], b"gita")
    assert not false.verify(proof.data[32:96])
    assert not proof.verify(false.tag())


def test_an_offer_of_low_order_is_none(client: SecondClient) -> None:
    offer = replace(client.ask_for_offer("hadi"), share=bytes(32))
    with pytest.raises(Unproven, match="offer"):
        Proof.make(client.channel, offer, "hadi", PASSWORD)


@pytest.mark.parametrize(
    "spoilt",
    [[0, bytes(31), bytes(16), 10], [0, bytes(32), bytes(17), 10], [0, bytes(32), bytes(16), 15], [1, b"", b"", 0]],
    ids=["share", "salt", "cost", "kind"],
)
def test_an_offer_outside_its_bounds_is_none(spoilt: list[object]) -> None:
    with pytest.raises(Unproven, match="offer"):
        Offer.read([NAME_VALID, "ana", *spoilt])
