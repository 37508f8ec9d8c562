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
"""A name the client says again when it comes back."""
Ticket: TypeAlias = Annotated[bytes, Meta(max_length=MAX_TICKET_BYTES)]
Node: TypeAlias = Annotated[str, Meta(max_length=MAX_NODE_CHARACTERS)]
"""An address of a server as people write it: `host:port`."""
ClientCid: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
ServerCid: TypeAlias = Annotated[int, Meta(ge=1, le=(1 << 56) - 1)]


class _Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all messages share: an immutable msgpack array. Elements beyond the declared ones are passed over."""


# Bodies of CALL.
class UnknownCall(_Message, frozen=True, tag=0):
    """A call whose number this version does not know. It is never sent; `decode_client_message_untrusted` makes it."""


class Join(_Message, frozen=True, tag=1):
    """Ask to be a member; without a name: as the ticket in the handshake says."""

    name: str | None
    password: str | None
    history: Count | None


class Who(_Message, frozen=True, tag=2):
    """Ask who is in the room, a page at a time, in order of name."""

    after: str


class Leave(_Message, frozen=True, tag=3):
    """Leave the room."""


CallBody = Join | Who | Leave


# Bodies of ANSWER.
class Welcome(_Message, frozen=True, tag=16):
    """You are in, under this name; your cursor is `start`, the log ends at `head`.

    `nodes` are further addresses of the same room, each `host:port`.
    """

    name: Name
    log_id: Bytes16
    start: Count
    head: Count
    ticket: Ticket
    nodes: Annotated[tuple[Node, ...], Meta(max_length=MAX_NODES)] = ()


class NameValid(_Message, frozen=True, tag=17):
    """The name can be had at the moment; say the password."""

    name: Name


class Refused(_Message, frozen=True, tag=18):
    """No; `code` is one of the codes of the protocol, `wait_ms` how long to wait, `suggestion` a name that would do.

    Of a name that is somebody's: `tag` begins his key's fingerprint, `since` is when he has it or has used it last.
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
"""As what somebody is here: scripts and readers are guests, who are no members."""


class MemberInfo(_Message, frozen=True):
    """One who is here: name, key tag, dialect, in contact or not, since when (ms since 1970), as what."""

    name: str
    tag: str
    dialect: str
    present: bool
    since: Count
    role: Count = MEMBER


class Members(_Message, frozen=True, tag=19):
    """One page of the members; `more` follow."""

    members: tuple[MemberInfo, ...]
    more: bool


class Goodbye(_Message, frozen=True, tag=20):
    """You have left."""


AnswerBody = Welcome | NameValid | Refused | Members | Goodbye


# Client to server.
class Call(_Message, frozen=True, tag=1):
    """A question with exactly one ANSWER."""

    number: Count
    body: CallBody | UnknownCall


class Say(_Message, frozen=True, tag=2):
    """Part `index` of `count` of line `number`; `oldest` is the lowest unanswered number."""

    number: Count
    oldest: Count
    action: bool
    index: Part
    count: Part
    piece: bytes


class Ack(_Message, frozen=True, tag=3):
    """I have every entry up to `seq`."""

    seq: Count


class Get(_Message, frozen=True, tag=4):
    """I have every entry up to `after`; send me those up to `through`, and those of each (after, through] of `more`."""

    after: Count
    through: Count
    more: tuple[tuple[Count, Count], ...] = ()


class Ping(_Message, frozen=True, tag=5):
    """Are you there?"""

    nonce: Token


class PathResponse(_Message, frozen=True, tag=6):
    """I am here, and got your challenge here."""

    token: Token


class Rekey(_Message, frozen=True, tag=7):
    """Noise message 1 of a new channel, with the client's new connection id."""

    client_cid: ClientCid
    noise: bytes


ClientMessage = Call | Say | Ack | Get | Ping | PathResponse | Rekey


# Server to client.
class Answer(_Message, frozen=True, tag=16):
    """The answer to CALL `number`."""

    number: Count
    body: AnswerBody


class Stored(_Message, frozen=True, tag=17):
    """These lines are durable: pairs of (number, seq)."""

    pairs: tuple[tuple[Count, Count], ...]


class Unsaid(_Message, frozen=True, tag=18):
    """Line `number` was refused and will never be stored."""

    number: Count
    code: str


LOG_REFUSES: Final = 1
"""Why something waits (PROGRESS): the log can store nothing now. 0: for no reason of the log's."""


class Progress(_Message, frozen=True, tag=19):
    """The next line waited for, the parts (bit mask) there of line `number`, and why what is there waits."""

    next: Count
    number: Count
    have: Count
    wait_ms: Count
    reason: Count = 0


class Entries(_Message, frozen=True, tag=20):
    """Every entry kept in (after, through], in order: each item an encoded Entry, or an Unshown for a run of them."""

    after: Count
    through: Count
    end: bool
    items: tuple[msgspec.Raw, ...]


class EntryPart(_Message, frozen=True, tag=21):
    """Part of the encoding of one long entry."""

    seq: Count
    index: Part
    count: Part
    piece: bytes
    end: bool


class Head(_Message, frozen=True, tag=22):
    """The log has come this far."""

    seq: Count


class Pong(_Message, frozen=True, tag=23):
    """I am; the log has come to `head`, and so many members are here."""

    nonce: Token
    head: Count
    here: Count = 0


class PathChallenge(_Message, frozen=True, tag=24):
    """Show that you are at this address."""

    token: Token


class Rekeyed(_Message, frozen=True, tag=25):
    """Noise message 2 of the new channel."""

    noise: bytes


class Closed(_Message, frozen=True, tag=26):
    """The session is over."""

    code: str
    wait_ms: Count


IN_CONTACT: Final = 0
CONTACT_LOST: Final = 1
GONE: Final = 2
"""States in PRESENCE. Others are to come, and are passed over."""


class Change(_Message, frozen=True):
    """The state of a member that has changed: name, key tag, one of the states above, and a text of the member's."""

    name: str
    tag: str
    state: Count
    text: str = ""


class Presence(_Message, frozen=True, tag=27):
    """How many members are here, and what has changed beside the log. It may be lost, and is not sent again."""

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


# Entries of the log, as members see them.
JOINED: Final = 1
LEFT: Final = 2
MESSAGE: Final = 3
ACTION: Final = 4
CLAIMED: Final = 5


class Entry(_Message, frozen=True):
    """One entry of the room's log on the wire (§8); `at` is ms since 1970.

    `to` is the addressee of a private line, `official` marks what the room's admin says.
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


class Unshown(_Message, frozen=True):
    """`count` entries from `seq` on that are not shown to this client; its cursor passes over them."""

    seq: Count
    count: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]

    @property
    def last(self) -> int:
        """The last of them."""
        return self.seq + self.count - 1


Item: TypeAlias = Entry | Unshown
"""What ENTRIES holds."""


# Payloads of the Noise messages (§4).
FLAG_SCRIPT: Final = 1
FLAG_READER: Final = 2
FLAGS: Final = {MEMBER: 0, SCRIPT: FLAG_SCRIPT, READER: FLAG_READER}
"""What INIT says for each role."""


def role_of(flags: int) -> int:
    """Return as what a client comes; flags that are not known are passed over."""
    return SCRIPT if flags & FLAG_SCRIPT else READER if flags & FLAG_READER else MEMBER


class InitPayload(_Message, frozen=True):
    """What the client says of itself in Noise message 1."""

    client_version: str
    stream: Token
    flags: Count
    log_id: Bytes16 | None
    cursor: Count
    ticket: Ticket | None


class RespPayload(_Message, frozen=True):
    """What the server says in Noise message 2."""

    server_cid: ServerCid
    ping_s: Count
    idle_s: Count
    max_text: Count
    ack_ms: Count
    reset_token: Bytes16
    room: str
    resumed: bool


class _UnknownCallFrame(_Message, frozen=True, tag=1):
    """A CALL of which only the number of its body is read."""

    number: Count
    body: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1)]


_CALLS: Final = frozenset({1, 2, 3})
_PAIR: Final = b"\x92"
"""How a msgpack array of two elements begins: among the items of ENTRIES, only an Unshown has two."""
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
    # msgspec also lets a bare UnicodeDecodeError (a ValueError) and RecursionError out.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(str(error)) from None


def decode_client_message_untrusted(data: bytes) -> ClientMessage:
    """Return what a client sent, or raise ProtocolError; a call this version does not know is an UnknownCall."""
    try:
        return _decode(_client_decoder, data)
    except ProtocolError:
        call = _decode(_unknown_call_decoder, data)
        if _decode(_count_decoder, bytes(call.body[0])) in _CALLS:
            raise
        return Call(call.number, UnknownCall())


def decode_server_message_untrusted(data: bytes) -> ServerMessage:
    """Return what a server sent, or raise ProtocolError."""
    return _decode(_server_decoder, data)


def decode_entry_untrusted(data: bytes | msgspec.Raw) -> Entry:
    """Return one entry of the log, or raise ProtocolError."""
    return _decode(_entry_decoder, bytes(data))


def decode_item_untrusted(data: bytes | msgspec.Raw) -> Item:
    """Return one item of ENTRIES, or raise ProtocolError."""
    encoded = bytes(data)
    return _decode(_unshown_decoder, encoded) if encoded[:1] == _PAIR else _decode(_entry_decoder, encoded)


def pad_payload(payload: InitPayload | RespPayload, size: int) -> bytes:
    """Return length (2, LE) ‖ msgpack ‖ zeros, `size` bytes; ValueError when it does not fit."""
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
