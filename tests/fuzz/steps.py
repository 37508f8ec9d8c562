"""Decodes a fuzzer's bytes as a sequence of steps, each with bytes of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

MAX_STEPS: Final = 64
SMALL: Final = 128
LARGE: Final = (
    128,
    255,
    512,
    1024,
    1025,
    65_535,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**56 - 1,
    2**62,
    2**63 - 1,
    2**63,
    -1,
)
_HEADER: Final = 3


def read_steps(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (what, bytes) of each `what 1 ‖ length 2, little-endian ‖ bytes`; the last may be cut short."""
    for _ in range(MAX_STEPS):
        if len(data) < _HEADER:
            return
        end = _HEADER + int.from_bytes(data[1:_HEADER], "little")
        yield data[0], data[_HEADER:end]
        data = data[end:]


def write_steps(steps: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the bytes that `read_steps` reads as these steps."""
    return b"".join(bytes([what]) + len(some).to_bytes(2, "little") + some for what, some in steps)


def seconds(some: bytes) -> float:
    """Return a span that a step asks for: up to a second in small steps, or up to seventy minutes in large ones."""
    number = int.from_bytes(some[:2], "little")
    return number / 65_536 if len(some) < 3 else number / 16.0


def vary(message: bytes, some: bytes) -> bytes:
    """Return a message whose numbers, from the first on, are what each byte says: small ones, or where limits lie."""
    source = iter(some)
    kind, *fields = msgspec.msgpack.decode(message)
    return msgspec.msgpack.encode([kind, *(_vary(field, source) for field in fields)])


def _vary(value: Any, source: Iterator[int]) -> Any:
    if isinstance(value, list):
        return [_vary(each, source) for each in value]
    number = next(source, None) if isinstance(value, int) else None
    if number is None:
        return value
    if isinstance(value, bool):
        return number % 2 == 1
    return number if number < SMALL else LARGE[number % len(LARGE)]
