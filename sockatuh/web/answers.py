"""The answers: errors with their status, what became of a line, files that a browser keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sockatuh.protocol.constants import ORDER_CODES, PUT_OFF

from .lines import Taken
from .speech import Speech, Trouble

STATUS: Final = {
    "bad_request": 400,
    "not_joined": 401,
    "forbidden": 403,
    "not_found": 404,
    "not_allowed": 405,
    **dict.fromkeys(("name_taken", "name_owned", "name_reserved", "name_unavailable", "name_invalid"), 409),
    **dict.fromkeys(("out_of_order", "number_used"), 409),
    "too_large": 413,
    "not_json": 415,
    **dict.fromkeys(("text_too_long", "text_empty", "text_is_password", "no_such_name", "reads_in_clear"), 422),
    **dict.fromkeys(("too_many_tries", "too_many_streams", "too_fast"), 429),
    **dict.fromkeys((*PUT_OFF, "password_wait", "passwords_guessed", "name_wait"), 429),
    **dict.fromkeys(("full", "not_kept", "disk_unusable", "room_full"), 503),
    **dict.fromkeys(("password_wrong", "name_is_password", *ORDER_CODES), 403),
}
"""The status of each error; 502 for what is not here."""


class Denied(Exception):
    """A request is answered with an error."""

    def __init__(self, trouble: Trouble, **more: object) -> None:
        super().__init__(trouble.error)
        self.trouble, self.more = trouble, more


def refuse(trouble: Trouble, status: int = 0, more: Mapping[str, object] | None = None) -> Response:
    """Return the answer that is an error."""
    headers = {"retry-after": str(max(1, round(trouble.wait)))} if trouble.wait else {}
    return JSONResponse(trouble.as_json() | dict(more or {}), status or STATUS.get(trouble.error, 502), headers)


def tell_said(line: Taken, *, is_answered: bool, speech: Speech) -> Response:
    """Return the answer to a line: it is taken, or what became of it."""
    if not is_answered:
        return JSONResponse({"n": line.n, "state": "taken"}, 202)
    if line.error is not None:
        return JSONResponse({"n": line.n, "state": "refused", **speech.refusal(line.error, line.to).as_json()})
    return JSONResponse({"n": line.n, "state": "stored"} | ({"seq": line.seq} if line.seq is not None else {}))


def cached(request: Request, data: bytes, kind: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a file that a browser may keep, if it asks each time whether it is still the same."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
    more = {"etag": tag, "cache-control": "no-cache", **(headers or {})}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=more)
    return Response(data, media_type=kind, headers=more)
