"""What the body of a request holds: one JSON object, and nothing that two readers could understand differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Never

from starlette.requests import Request

from .answers import Denied
from .speech import Speech

LARGEST_BODY: Final = 65_536


def is_json(content_type: str) -> bool:
    """Tell whether a Content-Type is JSON's. No form has it, and no script of another site may send it unasked."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def parse_object_untrusted(data: bytes) -> dict[str, Any] | None:
    """Return the object that a body holds; None for everything else.

    Refused are also other encodings than UTF-8, a name that is there twice, numbers that are none (`NaN`) or too
    large, and texts that are no Unicode (half a surrogate pair), at any depth: they cannot be written anywhere
    (RFC 8259 §4, §6, §8).
    """
    try:
        text = data.decode()
        body = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
        if not isinstance(body, dict):
            return None
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return body


async def read_body(request: Request, speech: Speech) -> dict[str, Any]:
    """Return the object that a request holds; Denied if it holds none, or is too large, before it is read."""
    if not is_json(request.headers.get("content-type", "")):
        raise Denied(speech.trouble("not_json"))
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(LARGEST_BODY)) or int(length) > LARGEST_BODY):
        raise Denied(speech.trouble("too_large"))
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_BODY:
            raise Denied(speech.trouble("too_large"))
    if (body := parse_object_untrusted(bytes(data))) is None:
        raise Denied(speech.trouble("bad_request"))
    return body


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refuse(constant: str) -> Never:
    raise ValueError(constant)
