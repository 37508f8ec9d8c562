from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from client.session_double import ADMITTED

from cli.fullscreen.shown import Shown, shown


def on(
    directory: Path, act: Callable[[Shown], Awaitable[None]], columns: int = 80, rows: int = 24, **options: object
) -> Shown:
    """Show the screen while something is done, and return it as it was left."""

    async def show() -> Shown:
        async with shown(directory, columns, rows, **options) as it:  # type: ignore[arg-type]
            await act(it)
        return it

    return asyncio.run(show())


def test_the_screen_has_header_log_hint_and_input(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.say("soup at one")
        it.type("half ty")
        await it.see("ana  soup at one", "> half ty")
        header, *log, above, last, hint, typed = it.rows
        assert header.startswith(" kitchen · 127.0.0.1:9")
        assert header.endswith("3 ms")
        assert (above, last[5:], hint, typed) == ("— you are here —", " ana  soup at one", "", "> half ty")
        assert not any(log)
        assert all(it.terminal.cell(0, column).reverse for column in range(80))
        assert it.terminal.is_alternate

    it = on(tmp_path, act)
    assert not it.terminal.is_alternate
