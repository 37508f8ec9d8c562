"""docs/JSON.md names the fields that the commands print, no more and no fewer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from sockatuh.cli.box.rows import audit_fields, past_fields
from sockatuh.room import orders
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.store.audit import GivenOrder

PAGE: Final = (Path(__file__).parents[3] / "docs/JSON.md").read_text("utf-8")
ROWS: Final = dict(re.findall(r"^\| `([a-z]+(?: --all)?) --json`[^|]*\| (.*) \|$", PAGE, re.MULTILINE))
PRINTED: Final[dict[str, type[msgspec.Struct]]] = {
    "sessions": SessionItem,
    "names": NameItem,
    "bans": OrderItem,
    "kick": orders.Kicked,
    "ban": orders.BanSet,
    "unban": orders.Lifted,
    "mute": orders.MuteSet,
    "release": orders.NameReleased,
    "announce": orders.Announced,
    "strike": orders.LineStruck,
}
WORDS: Final = {
    # what stands between backquotes and is no field
    "done", "would", "null", "name", "session", "order", "ordered", "member", "script", "reader", "kick", "ban", "mute",
    "unban", "unmute", "release", "announce", "strike", "over", "lifted", "replaced", "key:TAG", "name:NAME",
    "NAME@ADDRESS", "id",
}  # fmt: skip


def named_in(row: str) -> set[str]:
    return {*re.findall(r"`([^`]+)`", ROWS[row])}


@pytest.mark.parametrize("command", PRINTED)
def test_the_row_of_a_command_has_the_fields_of_its_objects(command: str) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(PRINTED[command])}
    named = named_in(command)
    assert fields - named == set()
    assert named - fields - WORDS == set()


def test_the_rows_about_the_database_have_the_fields_of_theirs() -> None:
    given = [
        GivenOrder(9, 0, verb, 0, "tom", "key:k7Qm3xYz", "budi", "k7Qm3xYz", "", text="x")
        for verb in ("kick", "ban", "announce", "strike", "release")
    ]
    given.append(GivenOrder(9, 0, "unban", 0, "tom", "key:k7Qm3xYz", "budi", "k7Qm3xYz", "", lifted=8))
    fields = {name for each in given for name in audit_fields(each)}
    assert fields - named_in("audit") == set()
    assert named_in("audit") - fields - WORDS == set()
    more = {*past_fields(given[1], None)} - {field.encode_name for field in msgspec.structs.fields(OrderItem)}
    assert more == named_in("bans --all") - {"hits", "hit", *WORDS}
