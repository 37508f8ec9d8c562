"""What is fuzzed: a name, and what makes, with a directory to write to, the function that is given the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from . import control, decoders, files, web
from .decoders import Target
from .peer import peer
from .server import server

CORPUS: Final = Path(__file__).parent / "corpus"

TARGETS: Final[Mapping[str, Callable[[Path], Target]]] = {
    "message": lambda _: decoders.message(),
    "entry": lambda _: decoders.entry(),
    "payload": lambda _: decoders.payload(),
    "proof": lambda _: decoders.proof(),
    "ticket": lambda _: decoders.ticket(),
    "invite": lambda _: decoders.invite(),
    "server_address": lambda _: decoders.server_address(),
    "name": lambda _: decoders.name(),
    "text": lambda _: decoders.text(),
    "password": lambda _: decoders.password(),
    "line": lambda _: decoders.line(),
    "body": lambda _: decoders.body(),
    "control_line": lambda _: decoders.control_line(),
    "span": lambda _: decoders.span(),
    "client_files": files.client_files,
    "key_files": files.key_files,
    "settings_file": files.settings_file,
    "settings_environment": lambda _: files.settings_environment(),
    "history_row": files.history_row,
    "control_socket": control.socket_of_a_room,
    "control_answer": lambda _: control.answer_to_a_command(),
    "web_body": lambda _: web.web_body(),
    "web_headers": lambda _: web.web_headers(),
    "server": lambda _: server(),
    "peer": lambda _: peer(),
}
"""Each takes any bytes; whatever it raises is a fault."""
