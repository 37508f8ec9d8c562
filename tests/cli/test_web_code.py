"""`web --qr` in a terminal: the code passes the filter that escapes what others may have put into a sentence."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest
from kit.terminal import Terminal
from machine import free_port

from sockatuh.web.code import draw_code

if os.name != "posix":
    pytest.skip("pseudo-terminals are POSIX's", allow_module_level=True)


@pytest.mark.parametrize(
    ("more", "columns", "is_drawn"), [({}, 80, True), ({"NO_COLOR": "1"}, 80, True), ({}, 30, False)]
)
def test_the_code_is_drawn_where_it_fits(tmp_path: Path, more: dict[str, str], columns: int, is_drawn: bool) -> None:
    port = free_port(socket.SOCK_STREAM)
    url = f"http://127.0.0.1:{port}/"
    args = ["web", "127.0.0.1:1", "--listen", f"127.0.0.1:{port}", "--http", "--qr", "--state", str(tmp_path / "web")]
    environ = os.environ | {"LC_ALL": "C.UTF-8"} | more
    rows = draw_code(url, columns, "utf-8", colour="NO_COLOR" not in more)
    with closing(Terminal(args, environ, columns, 40)) as terminal:
        terminal.wait_for("web_open")
        assert "\r\n".join([*rows, url]) in terminal.written
        assert bool(rows) is is_drawn
        terminal.type("\x03")
        terminal.end()
    assert "\\u001b" not in terminal.written
