from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from sockatuh.cli import external_editor
from sockatuh.cli.external_editor import EditorFailed, edit, find_editor

needs_posix = pytest.mark.skipif(os.name != "posix", reason="editors are shell scripts here")


@needs_posix
@pytest.mark.parametrize(
    ("environ", "there", "found"),
    [
        ({"VISUAL": "code -w", "EDITOR": "ed"}, [], ["code", "-w"]),
        ({"VISUAL": " ", "EDITOR": "'my editor' +1"}, [], ["my editor", "+1"]),
        ({"EDITOR": "un'balanced"}, [], ["un'balanced"]),
        ({}, ["nano", "vi"], ["nano"]),
        ({}, ["vi"], ["vi"]),
        ({}, [], None),
    ],
)
def test_the_editor_is_the_first_there_is(environ: dict[str, str], there: list[str], found: list[str] | None) -> None:
    assert find_editor(environ, lambda name: name if name in there else None) == found


def script(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return [str(path)]


@needs_posix
def test_a_text_comes_back_edited_and_its_file_is_private_and_removed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    editor = script(tmp_path, f'echo "$1" > {note}; stat -c %a "$1" "$(dirname "$1")" >> {note}; echo more >> "$1"')
    assert asyncio.run(edit("héllo", editor)) == "héllo\nmore"
    path, *modes = note.read_text().split()
    assert modes == ["600", "700"]
    assert not Path(path).parent.exists()


@needs_posix
@pytest.mark.parametrize("body", ["echo x > $1; exit 1", 'rm "$1"', "kill -9 $$"])
def test_an_editor_that_fails_is_no_edit(tmp_path: Path, body: str) -> None:
    with pytest.raises(EditorFailed):
        asyncio.run(edit("text", script(tmp_path, body)))


@pytest.mark.parametrize("command", [["/nonexistent/editor"], ["a\0b"]])
def test_an_editor_that_does_not_start_is_no_edit(command: list[str]) -> None:
    with pytest.raises(EditorFailed):
        asyncio.run(edit("text", command))


@needs_posix
def test_what_is_no_unicode_is_replaced(tmp_path: Path) -> None:
    assert asyncio.run(edit("", script(tmp_path, r'printf "a\377b\r\nc\r\n" > "$1"'))) == "a\ufffdb\nc"


@needs_posix
@pytest.mark.parametrize("last_words", ["", "trap '' TERM;"], ids=["usual", "stubborn"])
def test_giving_up_ends_the_editor(tmp_path: Path, last_words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external_editor, "LAST_MOMENTS", 0.05)
    started = tmp_path / "started"
    os.mkfifo(started)
    editor = script(
        tmp_path, f"{last_words} echo $$ > {started}; exec {sys.executable} -c 'import signal; signal.pause()'"
    )

    async def give_up() -> int:
        editing = asyncio.create_task(edit("text", editor))
        number = int(await asyncio.to_thread(started.read_text))
        editing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await editing
        return number

    number = asyncio.run(give_up())  # which waits for the thread that waits for the editor
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@needs_posix
@pytest.mark.parametrize("text", ["", "one", "one\n", "one\n\n", "\n"])
def test_what_is_not_changed_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    assert asyncio.run(edit(text, script(tmp_path, "true"))) == text
