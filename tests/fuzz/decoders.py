"""Every decoder of bytes or text: it returns a value with certain properties, or raises its one error."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from kit.bare_room import TICKET_KEY, Dice
from kit.server import HASH, name_rules

from sockatuh.cli.jsonlines import read_line
from sockatuh.cli.slash import parse as parse_slash
from sockatuh.errors import ProtocolError, RowUnreadable
from sockatuh.net.address import format_address, parse_server
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.identity import Invite
from sockatuh.protocol.password_proof import PROOF_SIZE, Binding, Offer, PasswordHash, prove_untrusted
from sockatuh.protocol.server.tickets import Tickets, password_generation
from sockatuh.room.entries import Body, decode_body, encode_body
from sockatuh.room.log import Row
from sockatuh.room.moments import find_rfc3339
from sockatuh.room.names import MAX_NAME_BYTES, NameInvalid, same_as_password
from sockatuh.room.order_book import OrderBook
from sockatuh.room.orders import OrderDenied
from sockatuh.room.password import PasswordUnusable, prepare_password
from sockatuh.room.targets import Who
from sockatuh.room.text import clean_line, clean_text, lines_of
from sockatuh.server.control_lines import decode_request_untrusted, encode_reply, encode_request
from sockatuh.server.entry_encoding import encode_entry
from sockatuh.settings.values import format_span, parse_span

Target: TypeAlias = Callable[[bytes], None]

KINDS: Final = (
    "joined", "left", "claimed", "message", "private", "renamed", "struck", "released", "removed", "banned", "unbanned",
    "muted", "unmuted", "no such kind",
)  # fmt: skip
ORDER_KEYS: Final = (
    "ana",
    *(f"\1{kind}:{to}" for kind in ("kick", "ban", "mute") for to in ("key:k", "address:10.0.0.0/8")),
)
MAX_TEXT: Final = 16_384
CLIENT_KEY: Final = bytes(range(32))


def forge_ticket(content: bytes, client_key: bytes, generation: bytes) -> bytes:
    """Return a ticket that verifies, whatever it holds."""
    nonce, associated = bytes(12), TICKET_KEY.key_id + client_key + generation
    return TICKET_KEY.key_id + nonce + ChaCha20Poly1305(TICKET_KEY.key).encrypt(nonce, content, associated)


def message() -> Target:
    """Return the target: what stands in a DATA datagram, for either side."""

    def run(data: bytes) -> None:
        for decode in (m.decode_client_message_untrusted, m.decode_server_message_untrusted):
            try:
                value = decode(data)
            except ProtocolError:
                continue
            assert decode(m.encode(value)) == value, "a message that does not come back"

    return run


def entry() -> Target:
    """Return the target: one entry of the log as members get it."""

    def run(data: bytes) -> None:
        try:
            value = m.decode_entry_untrusted(data)
        except ProtocolError:
            return
        assert m.decode_entry_untrusted(m.encode(value)) == value, "an entry that does not come back"
        find_rfc3339(value.at)

    return run


def payload() -> Target:
    """Return the target: what is inside the Noise messages."""

    def run(data: bytes) -> None:
        for decode, size in ((m.decode_init_payload_untrusted, 512), (m.decode_resp_payload_untrusted, 4096)):
            try:
                value = decode(data)
            except ProtocolError:
                continue
            if len(m.encode(value)) + 2 <= size:
                assert decode(m.pad_payload(value, size)) == value, "a payload that does not come back"

    return run


def proof() -> Target:
    """Return the target: a client's proof as the server gets it, a server's share, and the hash in the settings."""
    known, binding = PasswordHash.parse(HASH), Binding(bytes(32), bytes(32), CLIENT_KEY)
    made = Offer(known, binding, Dice("server"))
    whole = prove_untrusted(made.share, known.text, b"word", "ana", binding, Dice("client")).encoded

    def run(data: bytes) -> None:
        for each in (data, data.ljust(PROOF_SIZE, b"\0")[:PROOF_SIZE], data[:32] + whole[len(data[:32]) :]):
            opened = made.open_untrusted(each, "ana")
            assert opened is None or each[:96] == whole[:96], "a proof by somebody who does not know the hash"
        with contextlib.suppress(ProtocolError):  # of low order
            share = data[:32].ljust(32, b"\0")
            answer = prove_untrusted(share, known.text, b"word", "ana", binding, Dice("client"))
            assert len(answer.encoded) == PROOF_SIZE
        try:
            parsed = PasswordHash.parse(data.decode("utf-8", "replace"))
        except ValueError:
            return
        assert PasswordHash.parse(parsed.text.decode()) == parsed, "a hash that does not come back"

    return run


def ticket() -> Target:
    """Return the target: a ticket as it comes, and one that the server's own key has sealed over any bytes."""
    generation = password_generation("the hash")
    tickets = Tickets([TICKET_KEY], generation)

    def run(data: bytes) -> None:
        for each in (data, forge_ticket(data, CLIENT_KEY, generation)):
            try:
                tickets.open_untrusted(each, CLIENT_KEY).name.encode()
            except ProtocolError:
                continue

    return run


def invite() -> Target:
    """Return the target: an invite that somebody was sent."""

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        try:
            value = Invite.parse_untrusted(text)
        except ProtocolError:
            return
        assert Invite.parse_untrusted(value.encode()) == value, "an invite that does not come back"

    return run


def server_address() -> Target:
    """Return the target: where a person says the server is."""

    def run(data: bytes) -> None:
        try:
            place = parse_server(data.decode("utf-8", "surrogateescape"), DEFAULT_PORT)
        except ValueError:
            return
        again = parse_server(format_address(place), DEFAULT_PORT)
        assert again == place, "an address that does not come back"

    return run


def name() -> Target:
    """Return the target: a name that somebody asks for, and a page of members that somebody asks for after it."""
    rules = name_rules()

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        key = rules.key(text)
        assert rules.key(text) == key
        shown = rules.enforce(text)
        if isinstance(shown, NameInvalid):
            assert shown.suggestion in ("", rules.enforce(shown.suggestion)), "a suggestion that is no name"
            return
        assert len(shown.encode()) <= MAX_NAME_BYTES
        assert clean_line(shown) == shown, "a name that is not shown as it is written"
        assert rules.enforce(shown) == shown, "a name that changes when it is enforced again"
        assert rules.key(shown) == key.replace(" ", "_"), "a name that is another name when it is enforced"
        assert ":" not in shown

    return run


def text() -> Target:
    """Return the target: what somebody says."""

    def run(data: bytes) -> None:
        said = data[:MAX_TEXT].decode("utf-8", "surrogateescape")
        cleaned = clean_text(said)
        assert clean_text(cleaned) == cleaned, "a text that changes when it is cleaned again"
        cleaned.encode()
        for line in (clean_line(said), *lines_of(said)):
            assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line), "a line that acts"

    return run


def password() -> Target:
    """Return the target: a password as it is typed, and as it comes."""

    def run(data: bytes) -> None:
        typed = data.decode("utf-8", "surrogateescape")
        same_as_password(typed[: len(typed) // 2], typed[len(typed) // 2 :])
        try:
            assert 1 <= len(prepare_password(typed)) <= 72
        except PasswordUnusable:
            return

    return run


def line() -> Target:
    """Return the target: a line that a script or a person types."""

    def run(data: bytes) -> None:
        parse_slash(data.decode("utf-8", "replace"))
        try:
            said, _, to = read_line(data.decode())
        except ValueError:
            return
        clean_text(said).encode()
        assert not to or data.decode().lstrip().startswith("{")

    return run


def body() -> Target:
    """Return the target: the body of an entry, as it stands in the database; the first byte is its kind."""

    def run(data: bytes) -> None:
        kind = KINDS[data[0] % len(KINDS)] if data else KINDS[0]
        try:
            value = decode_body(kind, data[1:])
        except RowUnreadable:
            return
        assert decode_body(kind, encode_body(value)) == value, "a body that does not come back"
        if (entry := encode_entry(Row(1, bytes(16), 0, value))).is_shown:
            m.decode_entry_untrusted(entry.encoding)
        _fold(value)

    return run


def _fold(body: Body) -> None:
    """Let an entry be the whole log, under the key of an order about anybody: what is in force ends, or does not."""
    for key in ORDER_KEYS:
        book = OrderBook()
        order = book.apply(1, 0, body, key)
        assert len(book) == (order is not None)
        for at in (0, 1_800_000_000_000):
            book.find_bar(Who("k", "10.0.0.2", "ana"), at, lambda _owner, _seq: False)
            assert len(book.in_force(at)) == book.count(at)


def control_line() -> Target:
    """Return the target: a request at the control socket."""

    def run(data: bytes) -> None:
        request = decode_request_untrusted(data)
        if isinstance(request, OrderDenied):
            encode_reply(request)
        else:
            assert decode_request_untrusted(encode_request(request)) == request, "a request that does not come back"

    return run


def span() -> Target:
    """Return the target: a span of time as it is written in the settings."""

    def run(data: bytes) -> None:
        try:
            seconds = parse_span(data.decode("utf-8", "surrogateescape"))
        except ValueError:
            return
        assert parse_span(format_span(seconds)) == seconds, "a span that does not come back"

    return run
