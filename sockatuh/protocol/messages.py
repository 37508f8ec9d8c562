"""The messages inside DATA, and the values inside them (docs/PROTOCOL.md §5, §6, §8).

Each is a msgpack array whose first element is its type number.
`decode_*_untrusted` raise ProtocolError and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from sockatuh.errors import ProtocolError

from .constants import (
    MAX_CHANGES,
    MAX_NAME_BYTES,
    MAX_NESTING,
    MAX_NODE_CHARACTERS,
    MAX_NODES,
    MAX_PARTS,
    MAX_TICKET_BYTES,
)
from .nesting import is_deeper_untrusted

T = TypeVar("T")

Count: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""A seq, a line's number, milliseconds."""
Part: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_PARTS)]
Token: TypeAlias = Annotated[bytes, Meta(min_length=8, max_length=8)]
Bytes16: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]
Name: TypeAlias = Annotated[str, Meta(max_length=MAX_NAME_BYTES)]
"""A name as the server writes it."""
Ticket: TypeAlias = Annotated[bytes, Meta(max_length=MAX_TICKET_BYTES)]
Node: TypeAlias = Annotated[str, Meta(max_length=MAX_NODE_CHARACTERS)]
"""A further address of a room: `host:port`."""
ClientCid: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
ServerCid: TypeAlias = Annotated[int, Meta(ge=1, le=(1 << 56) - 1)]


class _Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The base of all messages: an immutable msgpack array. Decoding ignores elements after the declared ones."""


# Bodies of CALL.
class UnknownCall(_Message, frozen=True, tag=0):
    """A call with a number this version does not know. Never sent; `decode_client_message_untrusted` returns it."""


class Join(_Message, frozen=True, tag=1):
    """Request to join the room. Without a name, the client joins under the one in its ticket.

    `proof` shows that the client knows the password (password_proof.py). None: the client asks whether it could have
    the name; empty: it asks for an offer to prove itself by. `history` is the number of earlier lines to begin with.
    """

    name: str | None
    proof: bytes | None
    history: Count | None


class Who(_Message, frozen=True, tag=2):
    """Request for the page of members whose names follow `after`, in order of name."""

    after: str


class Leave(_Message, frozen=True, tag=3):
    """Request to leave the room."""


class Rename(_Message, frozen=True, tag=4):
    """Request of a member for another name."""

    name: str


class Away(_Message, frozen=True, tag=5):
    """A member is away, with a text that says why or until when ("": without one), or (None) is back."""

    text: str | None


class Strike(_Message, frozen=True, tag=6):
    """Request to remove the text of the client's own line `seq`."""

    seq: Count


CallBody = Join | Who | Leave | Rename | Away | Strike


# Bodies of ANSWER.
class Welcome(_Message, frozen=True, tag=16):
    """The client has joined under `name`. Its cursor is `start`; the log ends at `head`.

    `ticket` lets it join again without the password; `nodes` are further addresses of the same room. `confirmation`
    shows that the server knows the password's hash; it is empty if the client joined by a ticket.
    """

    name: Name
    log_id: Bytes16
    start: Count
    head: Count
    ticket: Ticket
    nodes: Annotated[tuple[Node, ...], Meta(max_length=MAX_NODES)] = ()
    confirmation: bytes = b""


class NameValid(_Message, frozen=True, tag=17):
    """The name is free at the moment, unless the JOIN had a proof; the client proves next that it knows the password.

    `kind` says how, and is 0 (password_proof.py). The others are the server's share, and the salt and the cost with
    which the client makes the hash.
    """

    name: Name
    kind: Count
    share: bytes
    salt: bytes
    cost: Count


class Refused(_Message, frozen=True, tag=18):
    """The call was refused, for the reason that `code` names (§5); `wait_ms` is the time to wait before another try.

    `suggestion` is a similar name that is legal. If the name belongs to somebody, `tag` is the tag of that key, and
    `since` the time (ms since 1970) when its owner joined or last used it.
    """

    code: str
    wait_ms: Count = 0
    detail: str = ""
    suggestion: str = ""
    tag: str = ""
    since: Count = 0


MEMBER: Final = 0
SCRIPT: Final = 1
READER: Final = 2
"""The roles in which a client can connect. Scripts and readers are guests: they are not members of the room."""


class MemberInfo(_Message, frozen=True):
    """One member or guest: `present` tells whether it is in contact, `since` when it joined (ms since 1970).

    `away` is the text of its AWAY, None if it is not away.
    """

    name: str
    tag: str
    dialect: str
    present: bool
    since: Count
    role: Count = MEMBER
    away: str | None = None


class Members(_Message, frozen=True, tag=19):
    """One page of the list of members and guests; `more` tells whether another page follows."""

    members: tuple[MemberInfo, ...]
    more: bool


class Goodbye(_Message, frozen=True, tag=20):
    """The client has left the room."""


class NameChanged(_Message, frozen=True, tag=21):
    """The member has another name now, as the room writes it, and a ticket for that name.

    `seq` is the place in the log up to which the name takes account of renames: that of this one, if it is an entry.
    """

    name: Name
    ticket: Ticket
    seq: Count


class Noted(_Message, frozen=True, tag=22):
    """What the call said was noted."""


AnswerBody = Welcome | NameValid | Refused | Members | Goodbye | NameChanged | Noted


# Client to server.
class Call(_Message, frozen=True, tag=1):
    """A request that gets exactly one ANSWER, which has the same number."""

    number: Count
    body: CallBody | UnknownCall


class Say(_Message, frozen=True, tag=2):
    """Part `index` of the `count` parts of line `number`. `oldest` is the lowest line number without an answer.

    `to` names the addressee of a private line, in the part with index 0; "": the line is for everybody.
    """

    number: Count
    oldest: Count
    action: bool
    index: Part
    count: Part
    piece: bytes
    to: Name = ""


class Ack(_Message, frozen=True, tag=3):
    """The client has received every entry up to `seq`."""

    seq: Count


class Get(_Message, frozen=True, tag=4):
    """Request for the entries in (after, through], and in each pair of `more`; `after` acknowledges, as in ACK."""

    after: Count
    through: Count
    more: tuple[tuple[Count, Count], ...] = ()


class Ping(_Message, frozen=True, tag=5):
    """Check whether the server is still there; it answers PONG with the same nonce."""

    nonce: Token


class PathResponse(_Message, frozen=True, tag=6):
    """Answer to PATH_CHALLENGE, with its token: the client receives datagrams at its new address."""

    token: Token


class Rekey(_Message, frozen=True, tag=7):
    """Request for new keys: Noise message 1 of a new channel, and the client's new connection id."""

    client_cid: ClientCid
    noise: bytes


ClientMessage = Call | Say | Ack | Get | Ping | PathResponse | Rekey


# Server to client.
class Answer(_Message, frozen=True, tag=16):
    """Answer to the CALL with this number."""

    number: Count
    body: AnswerBody


class Stored(_Message, frozen=True, tag=17):
    """These lines are durable: pairs of a line's number and its seq in the log."""

    pairs: tuple[tuple[Count, Count], ...]


class Unsaid(_Message, frozen=True, tag=18):
    """Line `number` was refused, for the reason that `code` names, and will never be stored.

    `wait_ms` is the time after which another line may be said (0: unknown), `detail` what the admin gave as the reason.
    """

    number: Count
    code: str
    wait_ms: Count = 0
    detail: str = ""


LOG_REFUSES: Final = 1
"""The `reason` in PROGRESS while the log can store nothing; otherwise it is 0."""


class Progress(_Message, frozen=True, tag=19):
    """How far the server has got: it expects line `next`, and has the parts in the bit mask `have` of line `number`.

    `wait_ms` > 0: the client is over its rate, and its lines wait that long.
    """

    next: Count
    number: Count
    have: Count
    wait_ms: Count
    reason: Count = 0


class Entries(_Message, frozen=True, tag=20):
    """All entries in (after, through] that are still kept, in order. Each item is an encoded Entry or Unshown.

    `end` marks the last message of an answer to GET.
    """

    after: Count
    through: Count
    end: bool
    items: tuple[msgspec.Raw, ...]


class EntryPart(_Message, frozen=True, tag=21):
    """Part `index` of `count` of an encoded Entry that is too long for one datagram."""

    seq: Count
    index: Part
    count: Part
    piece: bytes
    end: bool


class Head(_Message, frozen=True, tag=22):
    """The last entry shown to this client is `seq`; a client that is behind asks for what it lacks."""

    seq: Count


class Pong(_Message, frozen=True, tag=23):
    """Answer to PING: the log ends at `head`, and the room has `here` members."""

    nonce: Token
    head: Count
    here: Count = 0


class PathChallenge(_Message, frozen=True, tag=24):
    """Check whether the client is really at the new address from which its datagrams come."""

    token: Token


class Rekeyed(_Message, frozen=True, tag=25):
    """Answer to REKEY: Noise message 2 of the new channel."""

    noise: bytes


class Closed(_Message, frozen=True, tag=26):
    """The session has ended, for the reason that `code` names; `wait_ms` is the time to wait before the next one.

    `detail` is what the admin gave as the reason, for `kicked` and `banned`.
    """

    code: str
    wait_ms: Count
    detail: str = ""


IN_CONTACT: Final = 0
CONTACT_LOST: Final = 1
GONE: Final = 2
AWAY: Final = 3
"""The states in PRESENCE. A client ignores those it does not know."""


class Change(_Message, frozen=True):
    """One member's new state: one of those above, with the member's name, key tag, and a text that goes with it."""

    name: str
    tag: str
    state: Count
    text: str = ""


class Presence(_Message, frozen=True, tag=27):
    """How many members the room has, and whose state has changed. It is not retransmitted if it is lost."""

    here: Count
    changed: Annotated[tuple[Change, ...], Meta(max_length=MAX_CHANGES)]


ServerMessage = (
    Answer
    | Stored
    | Unsaid
    | Progress
    | Entries
    | EntryPart
    | Head
    | Pong
    | PathChallenge
    | Rekeyed
    | Closed
    | Presence
)


# Entries of the log, and their kinds.
JOINED: Final = 1
LEFT: Final = 2
MESSAGE: Final = 3
ACTION: Final = 4
CLAIMED: Final = 5
PRIVATE: Final = 6
RENAMED: Final = 7
STRUCK: Final = 8


class Entry(_Message, frozen=True):
    """One entry of the room's log as clients receive it (§8). `at` is ms since 1970, `mark` identifies a client's line.

    `to` is the addressee of a private line; `official` marks a line of the room's admin. `line` and `line_at` are the
    seq and the time (ms since 1970) of the line that was struck.
    """

    seq: Count
    at: Count
    kind: Count
    name: str
    text: str = ""
    mark: bytes = b""
    tag: str = ""
    to: str = ""
    official: bool = False
    line: Count = 0
    line_at: Count = 0


class Unshown(_Message, frozen=True):
    """A run of `count` entries, from `seq` on, that are not shown to this client; it skips their numbers."""

    seq: Count
    count: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]

    @property
    def last(self) -> int:
        """The seq of the last entry in the run."""
        return self.seq + self.count - 1


Item: TypeAlias = Entry | Unshown
"""One item of ENTRIES."""


# Payloads of the Noise messages (§4).
FLAG_SCRIPT: Final = 1
FLAG_READER: Final = 2
FLAGS: Final = {MEMBER: 0, SCRIPT: FLAG_SCRIPT, READER: FLAG_READER}
"""The flags in INIT for each role."""


def role_of(flags: int) -> int:
    """Return the role that the flags in INIT name; unknown flags are ignored."""
    return SCRIPT if flags & FLAG_SCRIPT else READER if flags & FLAG_READER else MEMBER


class InitPayload(_Message, frozen=True):
    """Payload of Noise message 1: what the client is, and where it left off."""

    client_version: str
    stream: Token
    flags: Count
    log_id: Bytes16 | None
    cursor: Count
    ticket: Ticket | None


class RespPayload(_Message, frozen=True):
    """Payload of Noise message 2: the session's parameters."""

    server_cid: ServerCid
    ping_s: Count
    idle_s: Count
    max_text: Count
    ack_ms: Count
    reset_token: Bytes16
    room: str
    resumed: bool


class _UnknownCallFrame(_Message, frozen=True, tag=1):
    """A CALL whose body is decoded only as far as its type number."""

    number: Count
    body: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1)]


_CALLS: Final = frozenset({1, 2, 3, 4, 5, 6})
_PAIR: Final = b"\x92"
"""First byte of a msgpack array of two elements. Among the items of ENTRIES, only an Unshown has two."""
_encoder: Final = msgspec.msgpack.Encoder()
_client_decoder: Final[msgspec.msgpack.Decoder[ClientMessage]] = msgspec.msgpack.Decoder(ClientMessage)
_server_decoder: Final[msgspec.msgpack.Decoder[ServerMessage]] = msgspec.msgpack.Decoder(ServerMessage)
_unknown_call_decoder: Final = msgspec.msgpack.Decoder(_UnknownCallFrame)
_count_decoder: Final[msgspec.msgpack.Decoder[int]] = msgspec.msgpack.Decoder(Count)
_entry_decoder: Final = msgspec.msgpack.Decoder(Entry)
_unshown_decoder: Final = msgspec.msgpack.Decoder(Unshown)
_init_decoder: Final = msgspec.msgpack.Decoder(InitPayload)
_resp_decoder: Final = msgspec.msgpack.Decoder(RespPayload)

encode = _encoder.encode


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes | memoryview) -> T:
    if is_deeper_untrusted(bytes(data), MAX_NESTING):
        raise ProtocolError("nested too deep")
    try:
        return decoder.decode(data)
    # msgspec also raises a bare UnicodeDecodeError (a ValueError) and RecursionError.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(str(error)) from None


def decode_client_message_untrusted(data: bytes) -> ClientMessage:
    """Return a client's message, or raise ProtocolError. The body of a call with an unknown number is UnknownCall."""
    try:
        return _decode(_client_decoder, data)
    except ProtocolError:
        call = _decode(_unknown_call_decoder, data)
        if _decode(_count_decoder, bytes(call.body[0])) in _CALLS:
            raise
        return Call(call.number, UnknownCall())


def decode_server_message_untrusted(data: bytes) -> ServerMessage:
    """Return a server's message, or raise ProtocolError."""
    return _decode(_server_decoder, data)


def decode_entry_untrusted(data: bytes | msgspec.Raw) -> Entry:
    """Return one entry of the log, or raise ProtocolError."""
    return _decode(_entry_decoder, bytes(data))


def decode_item_untrusted(data: bytes | msgspec.Raw) -> Item:
    """Return one item of ENTRIES, or raise ProtocolError."""
    encoded = bytes(data)
    return _decode(_unshown_decoder, encoded) if encoded[:1] == _PAIR else _decode(_entry_decoder, encoded)


def encode_padded(message: ClientMessage, size: int) -> bytes:
    """Return a message in `size` bytes: zeros in an element behind its last one, which the receiver ignores (§5).

    ValueError if `size` is too small, or too large for one element.
    """
    body = encode(message)
    spare = size - len(body) - 3
    if not 0 <= spare <= 0xFFFF:
        raise ValueError(f"a message of {len(body)} bytes cannot be padded to {size}")
    return bytes([body[0] + 1]) + body[1:] + b"\xc5" + spare.to_bytes(2, "big") + bytes(spare)


def pad_payload(payload: InitPayload | RespPayload, size: int) -> bytes:
    """Return length (2 bytes, LE) ‖ msgpack ‖ zeros, `size` bytes in all; ValueError if that is too short."""
    body = encode(payload)
    if len(body) + 2 > size:
        raise ValueError(f"payload of {len(body)} bytes does not fit {size}")
    return (len(body).to_bytes(2, "little") + body).ljust(size, b"\0")


def _unpad(data: bytes) -> bytes:
    length = int.from_bytes(data[:2], "little")
    if length + 2 > len(data):
        raise ProtocolError("payload longer than its message")
    return data[2 : 2 + length]


def decode_init_payload_untrusted(data: bytes) -> InitPayload:
    """Return the payload of Noise message 1, or raise ProtocolError."""
    return _decode(_init_decoder, _unpad(data))


def decode_resp_payload_untrusted(data: bytes) -> RespPayload:
    """Return the payload of Noise message 2, or raise ProtocolError."""
    return _decode(_resp_decoder, _unpad(data))
