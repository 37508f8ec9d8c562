"""The server under hostile bytes: before and behind the seal, at every state of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, cast

from kit.bare_room import ELSEWHERE, HOME, START, STRANGER, BareRoom
from kit.datagram_world import DatagramWorld
from kit.footprint import footprint
from kit.raw_client import RawClient
from kit.server import HASH
from kit.world import PASSWORD
from protocol import vectors

from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import (
    DATA,
    MAX_DATAGRAM,
    MAX_PARTS,
    MAX_PIECE,
    MAX_PLAINTEXT,
    PASSWORD_FIELD_SIZE,
    RESP,
)
from sockatuh.protocol.password_proof import PROOF_SIZE
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.roaming import AMPLIFICATION
from sockatuh.protocol.server.tickets import password_generation
from sockatuh.room.orders import Actor, Order
from sockatuh.server.control_lines import decode_request_untrusted

from .decoders import forge_ticket
from .steps import read_steps, seconds, vary

CLASSIC: Final[tuple[Address, ...]] = (("10.0.4.1", 50_000), ("10.0.4.2", 50_000), ("10.0.4.1", 50_001))
STRANGERS: Final = (HOME, ELSEWHERE, STRANGER)
MESSAGES: Final = [m.encode(message) for message in vectors.client_messages(bytes(96)).values()]
GENERATION: Final = password_generation(HASH)
MAX_KEPT: Final = 40_000
"""Elements of all containers together, two thirds of which are the constant arrays that count strangers."""


class Stage:
    """One server and its clients, made on demand; each step is a method."""

    def __init__(self) -> None:
        self.world, self.now = DatagramWorld(), START
        self._house = cast(BareRoom, self.world)  # as far as guests need one
        self.recorded: list[bytes] = []
        self.came, self.answered, self.challenged = Counter[Address](), Counter[Address](), Counter[Address]()
        """Bytes from and to each address; a path challenge is no answer, and has a limit of its own."""
        self._guests: dict[str, RawClient] = {}
        self._made = 0

    def guest(self, kind: str) -> RawClient:
        """Return who is a `member`, a `script` (transient) or somebody who has not joined (`open`)."""
        if kind not in self._guests:
            self._guests[kind] = self._make(kind)
        guest = self._guests[kind]
        guest.now = self.now
        return guest

    def _make(self, kind: str) -> RawClient:
        self._made += 1
        guest = RawClient(self._house, (f"10.0.1.{self._made}", 40_000), seed=f"{kind} {self._made}", now=self.now)
        guest.shake(flags=m.FLAG_SCRIPT if kind == "script" else 0)
        guest.send(m.Ping(bytes(8)))
        if kind != "open":
            name = {"member": "ana", "script": "bot"}[kind]
            guest.call(m.Join(name, b"", None))
            guest.call(self._proof(guest, name, PASSWORD.encode()))
        return guest

    def _proof(self, guest: RawClient, name: str, password: bytes) -> m.Join:
        """Return the JOIN with a proof for the last offer that a guest got; without one, with bytes of that size."""
        offers = [each.body for each in guest.received if isinstance(each, m.Answer)]
        offer = next((body for body in reversed(offers) if isinstance(body, m.NameValid)), None)
        return m.Join(name, bytes(PROOF_SIZE), None) if offer is None else guest.prove_by(offer, name, password)

    # Steps.

    def seal(self, kind: str, plaintext: bytes, address: Address | None = None) -> None:
        """Send any plaintext in a member's channel."""
        guest = self.guest(kind)
        if 0 < len(plaintext) <= MAX_PLAINTEXT:
            self.throw(guest.channel.seal(plaintext), address or guest.address)

    def vary(self, some: bytes) -> None:
        """Send a well-formed message as the member, with any numbers in it."""
        if some:
            self.seal("member", vary(MESSAGES[some[0] % len(MESSAGES)], some[1:]))

    def throw(self, data: bytes, address: Address) -> Sequence[tuple[bytes, Address]]:
        """Send any datagram from anywhere, and return what the server sends."""
        self.recorded.append(data)
        self.came[address] += len(data)
        sent = self.world.receive(data, address, self.now)
        self.take(sent)
        return sent

    def replay(self, some: bytes) -> None:
        """Send again what was sent before, from somewhere: as it was, with a bit flipped, or cut short."""
        if len(some) < 2 or not self.recorded:
            return
        data = bytearray(self.recorded[some[0] % len(self.recorded)])
        if len(some) > 2 and data:
            at = some[2] % len(data)
            data[at] ^= 1
            data = data[:at] if some[2] % 2 else data
        self.throw(bytes(data), (*STRANGERS, self.guest("member").address)[some[1] % 4])

    def shake(self, payload: bytes) -> None:
        """Go through the handshake with any payload; whoever is let in is the one who has not joined from then on."""
        self._made += 1
        guest = RawClient(self._house, (f"10.0.2.{self._made}", 40_000), seed=self._made, now=self.now)
        answers = guest.send_raw(guest.hello())
        if not answers:
            return
        padded = payload.ljust(128, b"\0")[:128] if len(payload) <= 128 else payload.ljust(384, b"\0")[:384]
        init, initiator = guest.make_init(answers[0][2], answers[0][12:28], payload=padded)
        self.recorded.append(init)
        for resp in guest.send_raw(init):
            if resp[0] == RESP:
                answer = m.decode_resp_payload_untrusted(initiator.read_message_untrusted(resp[8:]))
                guest.channel = Channel(*initiator.split(), guest.cid, answer.server_cid, self.now)
                guest.send(m.Ping(bytes(8)))
                self._guests["open"] = guest

    def bring_ticket(self, sealed: bytes) -> None:
        """Come with a ticket that holds any bytes, under the server's own key."""
        self._made += 1
        guest = RawClient(self._house, (f"10.0.3.{self._made}", 40_000), seed=self._made, now=self.now)
        guest.shake(ticket=forge_ticket(sealed[:200], guest.key, GENERATION))
        guest.call(m.Join(None, None, None))
        self._guests["member"] = guest

    def join(self, some: bytes) -> None:
        """Ask for any name and prove the right password, or, after a NUL, any; after two, the proof is any bytes."""
        before, nul, given = some.partition(b"\0")
        name, password = before.decode("utf-8", "replace"), given[:PASSWORD_FIELD_SIZE] if nul else PASSWORD.encode()
        guest = self.guest("open")
        self._call(guest, m.Join(name, b"", None))
        if given.startswith(b"\0"):
            self._call(guest, m.Join(name, given[1:], None))
        else:
            self._call(guest, self._proof(guest, name, password or b"?"))

    def _call(self, guest: RawClient, join: m.Join) -> None:
        guest.calls += 1
        encoded = m.encode(m.Call(guest.calls, join))
        if len(encoded) <= MAX_PLAINTEXT:
            guest.read(self.throw(guest.channel.seal(encoded), guest.address))

    def say(self, some: bytes) -> None:
        """Say any text as the member's next line."""
        guest = self.guest("member")
        pieces = [some[at : at + MAX_PIECE] for at in range(0, len(some), MAX_PIECE)][:MAX_PARTS] or [b""]
        number = guest.calls = guest.calls + 1
        for index, piece in enumerate(pieces):
            self.seal("member", m.encode(m.Say(number, number, False, index, len(pieces), piece)))

    def whisper(self, some: bytes) -> None:
        """Say a text of one piece to anybody: the name stands before a NUL."""
        to, _, text = some.partition(b"\0")
        guest = self.guest("member")
        number = guest.calls = guest.calls + 1
        self.seal("member", m.encode(m.Say(number, number, False, 0, 1, text[:MAX_PIECE], to.decode(errors="replace"))))

    def rename(self, some: bytes) -> None:
        """Ask for any name as the member."""
        self.call("member", m.Rename(some.decode("utf-8", "replace")))

    def go_away(self, some: bytes) -> None:
        """Be away with any text, or back, as the member."""
        self.call("member", m.Away(some.decode("utf-8", "replace") if some else None))

    def strike(self, some: bytes) -> None:
        """Ask for any line to be struck as the member."""
        self.call("member", m.Strike(int.from_bytes(some[:8], "little")))

    def order(self, line: bytes) -> None:
        """Give an order as the admin, if the line is one; it is answered once at most."""
        request = decode_request_untrusted(line)
        if isinstance(request, Order):
            answers: list[object] = []
            self.world.room_server.orders.carry_out(request, Actor(0, "tom"), answers.append, self.now)
            self.take(self.world.timer(self.now))
            assert len(answers) <= 1, "an order was answered twice"

    def call(self, kind: str, body: m.CallBody) -> None:
        """Make a call in somebody's session."""
        guest = self.guest(kind)
        guest.calls += 1
        self.seal(kind, m.encode(m.Call(guest.calls, body)))

    def rekey(self, noise: bytes) -> None:
        """Ask for new keys, rightly or with any bytes."""
        guest = self.guest("member")
        if noise:
            self.seal("member", m.encode(m.Rekey(7, noise[:1100])))
            return
        rekey, initiator = guest.make_rekey(99)
        for answer in guest.send(rekey):
            if isinstance(answer, m.Rekeyed):
                guest.finish_rekey(rekey, initiator, answer)

    def wait(self, some: bytes) -> None:
        """Let time pass."""
        self.now += seconds(some)
        self.take(self.world.timer(self.now))

    def fill(self, some: bytes) -> None:
        """Make the disk fail, or recover."""
        self.world.log.full = bool(some) and some[0] % 2 == 1

    def crash(self, _some: bytes) -> None:
        """Start the server anew."""
        self.world.begin()
        self._guests.clear()
        for counter in (self.came, self.answered, self.challenged):
            counter.clear()

    def take(self, sent: Sequence[tuple[bytes, Address]]) -> None:
        """Look at what the server sends."""
        known = {guest.address for guest in self._guests.values()}
        for data, address in sent:
            assert len(data) <= MAX_DATAGRAM, "a datagram too long"
            if address in STRANGERS and address not in known:
                counts = self.challenged if data[0] == DATA else self.answered
                counts[address] += len(data)
                assert self.answered[address] <= self.came[address], "a stranger got back more than he sent"
                assert self.challenged[address] <= AMPLIFICATION * self.came[address], "challenges to a stranger"


def server() -> Callable[[bytes], None]:
    """Return the target: a server, and a story of what is sent to it."""

    def run(data: bytes) -> None:
        stage = Stage()
        doings: tuple[Callable[[bytes], object], ...] = (
            lambda some: stage.seal("member", some),
            lambda some: stage.seal("open", some),
            lambda some: stage.seal("script", some),
            lambda some: stage.throw(some, STRANGER),
            lambda some: stage.throw(some, stage.guest("member").address),
            lambda some: stage.seal("member", some, ELSEWHERE),
            stage.shake,
            stage.bring_ticket,
            stage.join,
            stage.say,
            stage.rekey,
            stage.replay,
            stage.wait,
            stage.fill,
            stage.crash,
            lambda some: stage.throw(some[1:], CLASSIC[(some or b"\0")[0] % len(CLASSIC)]),
            stage.vary,
            stage.whisper,
            stage.rename,
            stage.go_away,
            stage.strike,
            stage.order,
        )
        for what, some in read_steps(data):
            doings[what % len(doings)](some)
        assert footprint(stage.world.endpoint) < MAX_KEPT, "the server keeps more than it may"

    return run
