"""docs/CONTROL.md has each verb, field, code and trouble, and its examples are what the socket takes and says."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from sockatuh.cli.control import EXIT_CODES
from sockatuh.cli.errors import ExitCode
from sockatuh.room import orders
from sockatuh.server import box_report
from sockatuh.server.control_lines import (
    ANSWERED_WITH,
    MESSAGES,
    Item,
    decode_request_untrusted,
    encode_item,
    encode_reply,
)

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs/CONTROL.md").read_text("utf-8")
VERBS: Final[dict[str, Any]] = {
    each.__name__.lower(): each for each in (*get_args(orders.Order), *get_args(box_report.Query))
}
EXAMPLES: Final = [block.splitlines() for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


def fields_of(struct: Any) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def table(*heads: str) -> list[list[str]]:
    """Return the rows of the table with these column heads."""
    head = r" \| ".join(map(re.escape, heads))
    found = re.search(rf"^\| {head} \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found, f"no table has the columns {heads}"
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in found[1].splitlines()]


def named(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def test_every_order_is_there_with_its_fields_and_what_its_answer_has() -> None:
    rows = {named(do)[0]: (named(fields), named(done)) for do, fields, _, done in table(
        "do", "fields", "what is done", "`done` has"
    )}  # fmt: skip
    assert rows.keys() == ANSWERED_WITH.keys()
    for verb, (fields, done) in rows.items():
        assert fields == [name for name in fields_of(VERBS[verb]) if name != "as"], verb
        assert done == fields_of(ANSWERED_WITH[verb]), verb


def test_every_query_is_there_with_its_fields() -> None:
    rows = {named(do)[0]: named(fields) for do, fields, _ in table("do", "fields", "items")}
    assert {**rows, "reload": []}.keys() == {each.__name__.lower() for each in get_args(box_report.Query)}
    for verb, fields in rows.items():
        assert fields == [name for name in fields_of(VERBS[verb]) if name != "as"], verb


def test_the_usual_spans_are_those_in_force() -> None:
    for seconds in (orders.KICK_SECONDS, orders.BAN_SECONDS, orders.MUTE_SECONDS):
        assert f"`for` ({seconds:.0f}" in PAGE


def test_every_code_is_there_with_its_meaning_and_exit_code() -> None:
    rows = [[named(code)[0], meaning, int(exit_code)] for code, meaning, exit_code in table(
        "code", "meaning", "exit code"
    )]  # fmt: skip
    assert rows == [[code, meaning, int(EXIT_CODES.get(code, ExitCode.REFUSED))] for code, meaning in MESSAGES.items()]


SOURCES: Final = [
    ast.parse(path.read_text("utf-8"))
    for directory in ("room", "server")
    for path in (ROOT / "sockatuh" / directory).glob("*.py")
]


def codes_given_to(*callables: str) -> set[str]:
    """Return the constants that the source gives as `code` to some callables."""
    calls = [node for source in SOURCES for node in ast.walk(source) if isinstance(node, ast.Call)]
    return {
        keyword.value.value
        for call in calls
        if isinstance(call.func, ast.Name | ast.Attribute)
        and (call.func.id if isinstance(call.func, ast.Name) else call.func.attr) in callables
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }


def test_every_code_that_the_server_gives_is_on_the_page() -> None:
    only_for_members = {"not_yours", "too_late"}
    given = codes_given_to("OrderDenied")
    assert len(given) > 15
    assert given - only_for_members - MESSAGES.keys() == set()


def test_every_trouble_is_on_the_page() -> None:
    troubles = {code for cell, _ in table("trouble", "meaning") for code in named(cell)}
    topics = {"not_storing", "guessing", "datagrams_unread", "control_unusable"}
    assert troubles == codes_given_to("Trouble") | topics
    told = {node.value for source in SOURCES for node in ast.walk(source) if isinstance(node, ast.Constant)}
    assert topics <= told


def test_each_verb_has_an_example() -> None:
    assert {json.loads(request)["do"] for request, *_ in EXAMPLES} == VERBS.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: json.loads(example[0])["do"])
def test_an_example_is_what_the_socket_takes_and_says(example: list[str]) -> None:
    first, *items, last = example
    request = decode_request_untrusted(first.encode())
    assert not isinstance(request, orders.OrderDenied), request
    for line in items:
        assert encode_item(msgspec.json.decode(line, type=Item)) == line.encode() + b"\n"
    verb, said = json.loads(first)["do"], json.loads(last)
    if said["type"] == "error":
        denied = msgspec.convert(said, orders.OrderDenied)
        assert encode_reply(denied) == last.encode() + b"\n"
    elif verb in ANSWERED_WITH:
        done: Any = msgspec.convert(said, ANSWERED_WITH[verb])
        assert encode_reply(done, dry_run=said["type"] == "would") == last.encode() + b"\n"
        assert (said["type"] == "would") == getattr(request, "dry_run", False)
    else:
        assert last.encode() + b"\n" == encode_reply(None)
        wanted = {"status": 1, "metrics": 1}.get(verb, len(items))
        assert len(items) == wanted
        assert {json.loads(line)["type"] for line in items} <= {"status", "session", "name", "order", "metrics"}


def test_the_example_at_the_top_is_one_of_those_below() -> None:
    found = re.search(r"\$ echo '(\{.*?\})'.*\n(\{.*\})\n", PAGE)
    assert found
    assert decode_request_untrusted(found[1].encode()) == orders.Kick(name="budi", reason="flooding", as_="tom")
    assert found[2] == EXAMPLES[0][-1]


def test_the_limits_are_those_in_force() -> None:
    from sockatuh.server import control, control_lines

    assert control_lines.MAX_LINE == 64 * 1024
    assert (control.MAX_CONNECTIONS, control.LINE_TIMEOUT, control.IDLE_TIMEOUT) == (8, 5.0, 10.0)
    assert box_report.MAX_HERE == 50
    assert orders.MAX_REASON == 200
    assert orders.MAX_IN_FORCE == 10_000
    assert control.RELOAD_TIMEOUT == 30.0
