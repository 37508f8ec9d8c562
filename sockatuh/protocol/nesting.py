"""How deep a msgpack value is nested, counted in one pass over its bytes before it is decoded.

A decoder recurses once per level, and the depth at which it fails depends on the interpreter and the thread. No message
needs more than a few levels, so a fixed limit is checked before anything is decoded.
"""

from __future__ import annotations

from typing import Final

_FIXED: Final = {
    0xC0: 0, 0xC2: 0, 0xC3: 0,  # nil, false, true
    0xCA: 4, 0xCB: 8,  # floats
    0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,  # integers
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,  # extensions of a fixed size, with their type
}  # fmt: skip
"""Headers of values with a fixed size, and how many bytes follow each."""
_COUNTED: Final = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0),  # bin
    0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),  # extensions, with their type
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),  # str
}  # fmt: skip
"""Headers that a length follows: how many bytes that length takes, and how many follow besides the length itself."""
_CONTAINERS: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Headers of large arrays and maps: how many bytes the count of items takes, and how many values an item has."""
_NO_CONTAINERS: Final = bytes(head for head in range(256) if not 0x80 <= head <= 0x9F and head not in _CONTAINERS)


def is_deeper_untrusted(data: bytes, limit: int) -> bool:
    """Tell whether the first value in `data` has more than `limit` arrays and maps inside each other, itself included.

    Bytes that are not msgpack count as deep as a decoder could get before it fails.
    """
    if len(data.translate(None, _NO_CONTAINERS)) <= limit:
        return False  # true of nearly every message: too few of its bytes could begin an array or a map
    lacking: list[int] = []
    at, end = 0, len(data)
    while at < end:
        head = data[at]
        at += 1
        values = 0
        if head < 0x80 or head >= 0xE0:
            pass
        elif head < 0xA0 or head in _CONTAINERS:
            if len(lacking) >= limit:
                return True
            if head < 0xA0:
                values = (head & 0x0F) * (1 if head >= 0x90 else 2)
            else:
                width, each = _CONTAINERS[head]
                values = int.from_bytes(data[at : at + width], "big") * each
                at += width
        elif head < 0xC0:
            at += head & 0x1F
        elif head in _COUNTED:
            width, more = _COUNTED[head]
            at += width + int.from_bytes(data[at : at + width], "big") + more
        elif head in _FIXED:
            at += _FIXED[head]
        else:
            return False  # 0xC1 means nothing
        if values:
            lacking.append(values)
            continue
        while lacking and lacking[-1] == 1:
            lacking.pop()
        if not lacking:
            return False
        lacking[-1] -= 1
    return False
