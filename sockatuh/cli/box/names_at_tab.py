"""Prints the names that a shell offers at Tab: of people who are here, are remembered, or are kept out or muted.

The scripts of `completion` run this for such arguments alone. It loads next to nothing where the room is this machine's
service, and says nothing if there is no server, or if only root may ask it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

Line: TypeAlias = dict[str, Any]

VARIABLE: Final = "SOCKATUH_CONTROL"
NAMES_A_ROOM: Final = ("SOCKATUH_CONFIG", "SOCKATUH_STATE_DIR", "STATE_DIRECTORY")
RUNTIME: Final = "/run/sockatuh/control"
"""The same as in `control` and `which_room`, which take long to load."""
ANSWERS_WITHIN: Final = 0.5
"""Seconds for one question."""
MOST: Final = 500
"""Names that are offered; a shell would ask before it shows that many."""
MOST_BYTES: Final = 16 << 20
_CHUNK: Final = 65_536


def print_names(words: Sequence[str]) -> None:
    """Print the names of a kind that begin with a text, one a line; whatever is wrong, print nothing."""
    kind, begin = [*words, "", ""][:2]
    if kind not in _KINDS:
        return
    with contextlib.suppress(OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        begin = begin.casefold()
        found = {name for name in _KINDS[kind]() if name.casefold().startswith(begin) and _can_be_typed(name)}
        sys.stdout.write("".join(f"{name}\n" for name in sorted(found)[:MOST]))
        sys.stdout.flush()


def _can_be_typed(name: str) -> bool:
    return name != "" and name.isprintable() and not name.startswith("-")


def _here() -> set[str]:
    return {line["name"] for line in _ask("sessions", "session")}


def _known() -> set[str]:
    return _here() | {line["name"] for line in _ask("names", "name")}


def _kept_out() -> set[str]:
    return _targets({"kick", "ban"})


def _muted() -> set[str]:
    return _targets({"mute"})


def _targets(kinds: Iterable[str]) -> set[str]:
    """Return whom the orders of some kinds are about: a key is named by its name."""
    in_force = [line for line in _ask("bans", "order") if line["order"] in kinds]
    return {line["name"] if line["key"] and line["name"] else line["what"] for line in in_force}


_KINDS: Final[dict[str, Callable[[], set[str]]]] = {
    "here": _here,
    "known": _known,
    "kept-out": _kept_out,
    "muted": _muted,
}


def _ask(what: str, kind: str) -> list[Line]:
    """Ask the server, and return the lines of a kind that it answers; raises OSError or ValueError."""
    with _connect() as connection:
        deadline = time.monotonic() + ANSWERS_WITHIN
        connection.sendall(json.dumps({"v": 1, "do": what}).encode() + b"\n")
        answer = bytearray()
        while len(answer) < MOST_BYTES:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            data = connection.recv(_CHUNK)
            answer += data
            last = answer.rstrip(b"\n").rpartition(b"\n")[2]
            if not data or (data.endswith(b"\n") and _ends(last)):
                break
    lines: list[Line] = [json.loads(line) for line in answer.splitlines()]
    return [line for line in lines if line.get("type") == kind]


def _ends(line: bytearray) -> bool:
    return json.loads(line).get("type") in ("done", "error")


def _connect() -> socket.socket:
    given = os.environ.get(VARIABLE, "")
    if given == "off":
        raise FileNotFoundError
    if given not in ("", "auto"):
        return _opened(given)
    if not any(map(os.environ.get, NAMES_A_ROOM)):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return _opened(RUNTIME)
    return _opened(_place_in_settings())


def _place_in_settings() -> str:
    """Return where the room of the settings has its socket; loading them takes longer than everything else."""
    from pathlib import Path

    from sockatuh.errors import SockAtuhError
    from sockatuh.settings.sources import load

    try:
        settings = load({}, os.environ, Path.cwd(), serving=False)
    except SockAtuhError:
        raise FileNotFoundError from None
    if settings.control not in ("auto", "off"):
        return settings.control
    return str(settings.state_dir / "control")


def _opened(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWERS_WITHIN)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
