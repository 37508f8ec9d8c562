"""Edits a text in the editor of the person's choice, in a private file that nobody sees and that is removed."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

CHOSEN_BY: Final = ("VISUAL", "EDITOR")
FALLBACKS: Final = ("nano", "vi")
LAST_MOMENTS: Final = 1.0
"""Seconds for which an editor may go on after SIGTERM; then it is killed."""
_LARGEST: Final = 4_194_304
"""The most bytes that are read of what the editor has written; a line may have 16 KiB."""


class EditorFailed(Exception):
    """The editor did not start, or it said that it failed, so the text is as it was."""


def find_editor(environ: Mapping[str, str], which: Callable[[str], str | None] = shutil.which) -> list[str] | None:
    """Return the command of $VISUAL, else of $EDITOR, else nano or vi if there is one, else None."""
    for name in CHOSEN_BY:
        if (chosen := environ.get(name, "")).strip():
            return _split(chosen)
    return next(([each] for each in FALLBACKS if which(each)), None)


async def edit(text: str, command: Sequence[str]) -> str:
    """Run an editor on a text and return what it has made of it; in the file, a text ends with a line end.

    The terminal must be the editor's while this waits. Raises EditorFailed.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="sockatuh-") as directory:  # only its owner can enter it
            path = Path(directory, "line.txt")
            path.write_bytes((text and f"{text}\n").encode("utf-8", "replace"))
            path.chmod(0o600)
            await _run([*command, str(path)])
            with path.open("rb") as file:
                written = file.read(_LARGEST).decode(errors="replace")
    except (OSError, ValueError) as error:
        raise EditorFailed from error
    return written.replace("\r\n", "\n").removesuffix("\n")


async def _run(command: Sequence[str]) -> None:
    process = subprocess.Popen(command)  # noqa: S603 - the person's own choice
    # In a thread, because the selector loop runs no processes on Windows.
    ending = asyncio.get_running_loop().run_in_executor(None, process.wait)
    try:
        code = await asyncio.shield(ending)
    except asyncio.CancelledError:
        process.terminate()
        await asyncio.wait({ending}, timeout=LAST_MOMENTS)
        process.kill()  # which does nothing to one that has ended
        raise
    if code:
        raise EditorFailed


def _split(chosen: str) -> list[str]:
    if os.name == "nt":
        return [chosen]
    try:
        return shlex.split(chosen)
    except ValueError:  # a quotation mark is missing
        return [chosen]
