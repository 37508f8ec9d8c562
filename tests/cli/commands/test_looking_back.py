from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cli.wall import Chat
from client.session_double import entry, joined
from hostile import TEXTS, forbidden_in

from sockatuh.protocol.client.events import CaughtUp
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording


def in_a_chat(story: Callable[[Chat], Awaitable[None]], *texts: str) -> None:
    """Run a story in a chat in which ana has said these texts, from seq 5 on."""

    async def run() -> None:
        chat = Chat()
        await chat.hear(CaughtUp(), *(entry(seq, text=text) for seq, text in enumerate(texts, 5)))
        await story(chat)
        await chat.close()

    asyncio.run(run())


def test_a_search_shows_what_it_finds_or_says_where_it_looked() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/search  SÖUP ") == ["found SÖUP: [7, 5]"]
        assert await chat.type("/search tea") == ['no: "tea" is not in the 3 lines here']
        assert await chat.type('/search "x\\') == [r'no: "\"x\\" is not in the 3 lines here']
        assert await chat.type("/search") == [f"no: {wording.SEARCH_WHAT}"]

    in_a_chat(story, "soup at one", "bread", "soup!")


def test_history_and_links_and_copy_look_at_the_newest() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/history") == ["earlier: 20"]
        assert await chat.type("/history 3") == ["earlier: 3"]
        assert await chat.type("/links") == ["https://a/b"]
        assert await chat.type("/copy") == ["— copied 1 line, if your terminal allows it"]
        assert await chat.type("/copy 2") == ["— copied 2 lines, if your terminal allows it"]
        assert chat.wall.copied == ["two", "see https://a/b\ntwo"]
        chat.wall.copies = False
        assert await chat.type("/copy") == [f"no: {wording.NO_COPYING}"]

    in_a_chat(story, "one", "see https://a/b", "two")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1 2", "99999", "9" * 5000, "١"])
def test_what_is_no_number_is_refused(number: str) -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type(f"/history {number}") == ["no: /history takes a number"]
        assert await chat.type(f"/copy {number}") == ["no: /copy takes a number"]

    in_a_chat(story, "one")


def test_where_there_are_no_lines_nothing_is_shown() -> None:
    async def story(chat: Chat) -> None:
        for line in ("/history", "/copy"):
            assert await chat.type(line) == [f"no: {wording.NO_LINES}"]
        assert await chat.type("/links") == [f"no: {wording.NO_LINKS}"]

    in_a_chat(story)


def test_no_more_is_copied_than_terminals_take() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/copy 3") == [f"no: {wording.copy_too_long(72_002, 65_536)}"]
        assert chat.wall.copied == []
        assert len(await chat.type("/copy 2")) == 1

    in_a_chat(story, *["é" * 12_000] * 3)


def test_a_text_is_shown_whole_by_its_number() -> None:
    async def story(chat: Chat) -> None:
        assert len(await chat.type("/show 5")) == 200
        await chat.hear(joined(6, "budi"))
        assert await chat.type("/show 6") == ["· budi joined"]
        assert await chat.type("/show 9") == [f"no: {wording.no_line(9)}"]
        for what in ("", "x", "0", "9" * 5000):
            assert await chat.type(f"/show {what}") == [f"no: {phrases.SHOW_WHAT}"]

    in_a_chat(story, "\n".join(map(str, range(200))))


def test_a_text_is_saved_in_a_new_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    async def story(chat: Chat) -> None:
        assert await chat.type("/save 5 ~/my notes.txt") == ["— 6 bytes saved in ~/my notes.txt"]
        assert (tmp_path / "my notes.txt").read_text() == "é\ntwo"[:0] + "é\nto\n"
        if os.name == "posix":
            assert stat.S_IMODE((tmp_path / "my notes.txt").stat().st_mode) == 0o600
        assert await chat.type("/save 5 my notes.txt") == ["no: my notes.txt is there already"]

    in_a_chat(story, "é\nto")


def test_nothing_is_overwritten_and_no_link_followed(tmp_path: Path) -> None:
    victim, link, dangling = tmp_path / "victim", tmp_path / "link", tmp_path / "dangling"
    victim.write_text("dear")
    link.symlink_to(victim)
    dangling.symlink_to(tmp_path / "nothing")

    async def story(chat: Chat) -> None:
        for path in (victim, link, dangling):
            assert await chat.type(f"/save 5 {path}") == [f"no: {path} is there already"]
        (why,) = await chat.type(f"/save 5 {tmp_path}/none/x")
        assert why == f"no: {tmp_path}/none/x: No such file or directory"
        for line in ("/save", "/save 5", "/save x y", "/save 5 a\0b"):
            assert await chat.type(line) == [f"no: {wording.SAVE_WHAT}"]
        assert await chat.type(f"/save 6 {tmp_path}/y") == [f"no: {wording.no_line(6)}"]

    in_a_chat(story, "text")
    assert victim.read_text() == "dear"
    assert not (tmp_path / "nothing").exists()


def test_hostile_texts_are_found_copied_and_saved_clean(tmp_path: Path) -> None:
    short = [text[:300] for text in TEXTS.values()]

    async def story(chat: Chat) -> None:
        for at, text in enumerate(short):
            for shown in [*await chat.type(f"/search {text}"), *await chat.type(f"/save 5 {tmp_path}/{text[:9]}{at}")]:
                assert not forbidden_in(shown)
        await chat.type("/copy 9999")
        for number in range(len(TEXTS)):
            await chat.type(f"/save {5 + number} {tmp_path}/{number}")
        for path in tmp_path.iterdir():
            assert not forbidden_in(path.read_text().replace("\t", ""))
        for copied in chat.wall.copied:
            assert not forbidden_in(copied.replace("\t", ""))
        for link in await chat.type("/links"):
            assert not forbidden_in(link)

    in_a_chat(story, *short)
