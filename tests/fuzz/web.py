"""What the web door reads of strangers before it knows them: bodies, and the headers of requests."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final

from sockatuh.web.bodies import parse_object_untrusted
from sockatuh.web.checked import ONCE, fault_of_untrusted
from sockatuh.web.cookies import cookie_name, find_token_untrusted, hash_of
from sockatuh.web.origins import is_admitted, is_own_host
from sockatuh.web.speech import choose_language_untrusted
from sockatuh.wording import LANGUAGES

from .decoders import Target

NAMES: Final = frozenset({"kitchen-pi", "kitchen-pi.local"})


def web_body() -> Target:
    """Return the target: the body of a request."""

    def run(data: bytes) -> None:
        if (body := parse_object_untrusted(data)) is None:
            return
        written = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        assert parse_object_untrusted(written) == body, "a body that does not come back"

    return run


def web_headers() -> Target:
    """Return the target: a request's method and path in its first line, then a header `name: value` in each line."""

    def run(data: bytes) -> None:
        first, *lines = data.decode("latin-1").split("\n")
        method, _, path = first.partition(" ")
        rows = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers, counts = dict(rows), Counter(name for name, _ in rows)
        if not fault_of_untrusted(headers, counts):
            assert all(counts[name] < 2 for name in ONCE)
        host, origin, site = headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
        for scheme in ("http", "https"):
            if is_admitted(method, path, headers, scheme=scheme, names=NAMES):
                assert is_own_host(host, NAMES)
                assert origin is None or origin.lower() == f"{scheme}://{host.lower()}"
                assert method in ("GET", "HEAD") or origin is not None or site == "same-origin"
                assert site in (None, "same-origin", "none") or (method, path) == ("GET", "/")
            cookies, secure = headers.get("cookie", ""), scheme == "https"
            if (token := find_token_untrusted(cookies, secure=secure)) is not None:
                assert find_token_untrusted(f"{cookie_name(secure=secure)}={token}", secure=secure) == token
                assert len(hash_of(token)) == 64
        assert choose_language_untrusted(headers.get("accept-language", "")) in LANGUAGES

    return run
