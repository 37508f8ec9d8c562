"""Public keys as people compare and pass them on: fingerprints, words and invites (docs/PROTOCOL.md §10)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from sockatuh.errors import ProtocolError

from .constants import MAX_NODE_CHARACTERS, MAX_NODES, MAX_ROOM_BYTES, TAG_LENGTH
from .seam import bracketed

_WORD_BITS: Final = 11
_WORD_MASK: Final = (1 << _WORD_BITS) - 1
_WORDS: Final = 8

_SCHEME: Final = "sockatuh://"
_KEY_MARK: Final = "#k="
_NODES_MARK: Final = "n="
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_AUTHORITY: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*:[^\[\]]*)\]|(?P<name>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_NOT_IN_HOSTS: Final = frozenset(" /?#[]@\\")


def fingerprint(key: bytes) -> str:
    """Return the SHA-256 of a public key in base64 without padding (43 characters), as ssh shows it."""
    return base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def tag(key: bytes) -> str:
    """Return the short form of a fingerprint that is shown after names."""
    return fingerprint(key)[:TAG_LENGTH]


def words(key: bytes) -> tuple[str, ...]:
    """Return the eight words for comparing a key aloud: 88 bits of its BLAKE2s, most significant first."""
    bits = int.from_bytes(hashlib.blake2s(key).digest()[: _WORDS * _WORD_BITS // 8], "big")
    word_list = _word_list()
    return tuple(word_list[bits >> _WORD_BITS * place & _WORD_MASK] for place in reversed(range(_WORDS)))


def passphrase(random_bytes: Callable[[int], bytes], count: int = 4) -> str:
    """Return a password of `count` random words joined by hyphens, 11 bits each."""
    word_list = _word_list()
    # 65,536 is a multiple of 2,048, so masking two bytes down to 11 bits makes no word more likely.
    return "-".join(word_list[int.from_bytes(random_bytes(2), "big") & _WORD_MASK] for _ in range(count))


def _word_list() -> Sequence[str]:
    # Imported here because few commands show words, and every start would pay for it.
    from mnemonic import Mnemonic

    return Mnemonic("english").wordlist


class Invite(msgspec.Struct, frozen=True):
    """Where a room is, and its server's key (32 bytes): all one needs to join, except the password.

    `nodes` are further addresses of the same room, at most MAX_NODES. A parsed invite's hosts have no control
    characters; its `room` may have any, so clean it before showing it.
    """

    host: str
    port: int
    room: str
    key: bytes
    nodes: tuple[tuple[str, int], ...] = ()

    def encode(self) -> str:
        """Return the invite as text: sockatuh://host:port/room?n=host:port,…#k= and 43 characters."""
        nodes = ",".join(_format_authority(*node) for node in self.nodes)
        query = f"?{_NODES_MARK}{nodes}" if nodes else ""
        key = base64.urlsafe_b64encode(self.key).decode().rstrip("=")
        authority = _format_authority(self.host, self.port)
        return f"{_SCHEME}{authority}/{quote(self.room, safe='')}{query}{_KEY_MARK}{key}"

    @classmethod
    def parse_untrusted(cls, text: str) -> Invite:
        """Return the invite in `text`, or raise ProtocolError that says what is wrong with it."""
        if not text.startswith(_SCHEME):
            raise ProtocolError(f"an invite begins with {_SCHEME}")
        place, mark, key = text.removeprefix(_SCHEME).partition(_KEY_MARK)
        if not mark or not _KEY.fullmatch(key):
            raise ProtocolError(f"an invite ends with {_KEY_MARK} and the 43 characters of the server's key")
        authority, slash, room = place.partition("/")
        if not slash:
            raise ProtocolError("an invite has a / and the room's name behind the port")
        host, port = _parse_authority(authority)
        room, _, query = room.partition("?")
        return cls(host, port, _parse_room(room), base64.urlsafe_b64decode(key + "="), _parse_nodes(query))


def _format_authority(host: str, port: int) -> str:
    return f"{bracketed(quote(host, safe=':'))}:{port}"


def _parse_nodes(query: str) -> tuple[tuple[str, int], ...]:
    lists = [part.removeprefix(_NODES_MARK) for part in query.split("&") if part.startswith(_NODES_MARK)]
    if len(lists) > 1:
        raise ProtocolError("an invite has one list of further addresses")
    texts = lists[0].split(",", MAX_NODES) if lists else []
    if len(texts) > MAX_NODES:
        raise ProtocolError(f"an invite names at most {MAX_NODES} further addresses")
    nodes = tuple(_parse_authority(text) for text in texts)
    if any(len(f"{bracketed(host)}:{port}") > MAX_NODE_CHARACTERS for host, port in nodes):
        raise ProtocolError(f"a further address in an invite has at most {MAX_NODE_CHARACTERS} characters")
    return nodes


def _parse_authority(text: str) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise ProtocolError("an invite names host:port, an IPv6 address in brackets")
    host, port = _unquote(match["ipv6"] or match["name"]), int(match["port"])
    is_ipv6 = match["ipv6"] is not None
    if not host.isprintable() or not _NOT_IN_HOSTS.isdisjoint(host) or (":" in host) is not is_ipv6:
        raise ProtocolError("the invite's host has characters that no host has")
    if not 0 < port <= 0xFFFF:
        raise ProtocolError("the invite's port is not between 1 and 65535")
    return host, port


def _parse_room(text: str) -> str:
    room = _unquote(text)
    try:
        size = len(room.encode())
    except UnicodeEncodeError:
        raise ProtocolError("the invite is not UTF-8") from None
    if size > MAX_ROOM_BYTES:
        raise ProtocolError(f"the invite's room has a name of more than {MAX_ROOM_BYTES} bytes")
    return room


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ProtocolError("the invite is not UTF-8") from None
