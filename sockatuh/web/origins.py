"""Which requests come from our own page: decided by what a browser says about each, before anything else is looked at.

Three things are kept out. A name that an attacker's DNS points to this machine after its page was loaded (rebinding):
the browser then takes us for the attacker's own site, but still says in Host which name it uses. That needs a name, so
any address is fine there, also one that a router or a container has translated. Another site's page that sends requests
here: the browser says so in Sec-Fetch-Site, which it leaves out over plain HTTP, and in Origin, which it sends with
each POST; a POST that says neither is no page's. And the same from a page on this very host at another port: that is
another Origin.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Final

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?")
_OURS: Final = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site: our own page, and what a person typed or scanned."""
LOCAL: Final = "localhost"
_READING: Final = frozenset({"GET", "HEAD"})


def is_admitted(method: str, path: str, headers: Mapping[str, str], *, scheme: str, names: Collection[str]) -> bool:
    """Tell whether a request may be answered; `headers` by lower-case name, `names` are ours, in lower case."""
    host = headers.get("host", "")
    if not path.startswith("/") or not is_own_host(host, names):  # no path: a proxy is asked, not a server
        return False
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin.lower() != f"{scheme}://{host.lower()}":
        return False
    if method not in _READING and origin is None and site != "same-origin":
        return False
    return site is None or site in _OURS or _is_link(method, path, headers)


def is_own_host(host: str, names: Collection[str]) -> bool:
    """Tell whether a Host header holds an address, or one of our names."""
    if (found := _HOST.fullmatch(host)) is None:
        return False
    in_brackets, plain, port = found.groups()
    if port is not None and int(port) > 65_535:
        return False
    if _is_address(in_brackets or plain, bracketed=in_brackets is not None):
        return True
    name = plain.lower().removesuffix(".") if plain is not None else ""
    return name == LOCAL or name in names


def _is_address(name: str, *, bracketed: bool) -> bool:
    try:
        return (ipaddress.ip_address(name).version == 6) is bracketed
    except ValueError:
        return False


def _is_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a whole tab is led to the page, as by a link elsewhere; that shows nothing of the room."""
    is_tab = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_tab and method == "GET" and path == "/"
