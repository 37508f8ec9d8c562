"""docs/ADMIN.md shows what the admin's commands print, names commands that exist, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.admin_page import PAGE, PROMPT, carried_out, plain, room_of_the_page

from sockatuh.cli.app import all_commands

TEXT = PAGE.read_text("utf-8")


@pytest.mark.slow
def test_every_screen_of_the_page_is_the_programs(tmp_path: Path) -> None:
    count = 0
    with room_of_the_page(tmp_path) as (admin, screens):
        for written, printed in carried_out(TEXT, admin, screens):
            assert plain(printed) == plain(written)
            count += 1
    assert count == TEXT.count(f"```console\n{PROMPT}") + TEXT.count("<!-- screen of ")


def test_every_command_of_the_page_exists() -> None:
    commands = set(all_commands().commands)
    named = set(re.findall(r"(?:sudo |bin/|`)sockatuh ([a-z-]+)", TEXT))
    assert named - commands == set()
    assert {"kick", "ban", "unban", "bans", "mute", "unmute", "strike", "release", "announce", "audit"} <= named


def test_what_differs_each_time_and_nothing_else_is_left_out_of_the_comparison() -> None:
    assert plain("budi (key mgAKwQan) until 2026-11-30 01:44") == plain("budi (key 9uho4wT2) until 2026-12-01 23:59")
    assert plain("ID  ORDER\n12  ban") == plain("ID ORDER\n3   ban")
    assert plain("budi (key mgAKwQan) is banned") != plain("budi (key mgAKwQan) is muted")
    assert plain("until forever") != plain("until 01:44")
