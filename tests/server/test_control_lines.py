"""Requests and answers of the control socket as lines."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room import orders
from sockatuh.server import box_report
from sockatuh.server.box_report import NameItem
from sockatuh.server.control_lines import (
    ANSWERED_WITH,
    MESSAGES,
    decode_request_untrusted,
    encode_item,
    encode_reply,
    encode_request,
)


def denial_of(line: bytes) -> orders.OrderDenied:
    found = decode_request_untrusted(line)
    assert isinstance(found, orders.OrderDenied), f"{line!r} is a request"
    return found


REQUESTS = (
    orders.Kick(name="budi", for_=300.0, reason="flooding", as_="tom"),
    orders.Ban(target="10.0.0.0/8", for_=None, strangers=True, yes=True, dry_run=True),
    orders.Unban(target="812"),
    orders.Mute(name="budi"),
    orders.Unmute(name="budi"),
    orders.Release(name="tom"),
    orders.Announce(text="Soup is ready"),
    orders.Strike(seq=5),
    orders.Strike(last="budi", reason="a key"),
    box_report.Reload(),
    box_report.Status(),
    box_report.Sessions(name="budi"),
    box_report.Names(unused=86_400.0),
    box_report.Bans(),
    box_report.Metrics(),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_survives_its_line(request_: Any) -> None:
    line = encode_request(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_request_untrusted(line) == request_


def test_fields_that_are_left_out_have_their_defaults() -> None:
    assert decode_request_untrusted(b'{"v":1,"do":"kick","name":"budi"}') == orders.Kick(name="budi")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"\n", "Input data was truncated"),
        (b"status", "JSON is malformed"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"\xff\xfe", "JSON is malformed"),
        (b"[" * 60_000, "Expected `object`"),
        (b'{"v":1,"do":"kick","name":' + b"[" * 60_000, ""),
        (b'{"do":"status"}', "v should be 1"),
        (b'{"v":2,"do":"status"}', "v should be 1"),
        (b'{"v":true,"do":"status"}', "v should be 1"),
        (b'{"v":1}', "do"),
        (b'{"v":1,"do":"rename","name":"x"}', "Invalid value 'rename'"),
        (b'{"v":1,"do":"Kick","name":"x"}', "Invalid value 'Kick'"),
        (b'{"v":1,"do":"kick"}', "name"),
        (b'{"v":1,"do":"kick","nam":"budi"}', "nam"),
        (b'{"v":1,"do":"kick","name":"budi","for":0}', "> 0"),
        (b'{"v":1,"do":"kick","name":"budi","for":null}', "for"),
        (b'{"v":1,"do":"kick","name":"budi","for":NaN}', "malformed"),
        (b'{"v":1,"do":"kick","name":"budi","for":1e999}', "out of range"),
        (b'{"v":1,"do":"kick","name":"budi","for":3153600001}', "<= 3153600000"),
        (b'{"v":1,"do":"kick","name":"budi","yes":1}', "yes"),
        (b'{"v":1,"do":"kick","name":"\\ud800"}', ""),
        (b'{"v":1,"do":"strike","seq":0}', "seq"),
        (b'{"v":1,"do":"strike","seq":9223372036854775808}', "seq"),
        (b'{"v":1,"do":"status","name":"budi"}', "name"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_denied_whole_with_the_reason(line: bytes, reason: str) -> None:
    denied = denial_of(line)
    assert denied.code == "unknown"
    assert reason in denied.problems[0]


def test_a_denial_repeats_little_of_a_request_and_none_of_its_controls() -> None:
    said = denial_of(json.dumps({"v": 1, "do": "kick", "\x1b[31mname" + "x" * 5_000: "budi"}).encode())
    assert len(said.problems[0]) <= 200
    assert "\x1b" not in said.problems[0]


@given(line=st.binary(max_size=300))
def test_any_bytes_are_a_request_or_a_denial(line: bytes) -> None:
    found = decode_request_untrusted(line)
    assert not isinstance(found, orders.OrderDenied) or encode_reply(found).endswith(b"\n")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3),
)


@given(
    fields=st.dictionaries(
        st.sampled_from(["v", "do", "name", "target", "for", "reason", "as", "seq", "last", "yes", "text", "unused"]),
        st.sampled_from([1, 2, "kick", "ban", "strike", "names", "budi"]) | _JSON,
    )
)
def test_any_object_is_a_request_or_a_denial(fields: dict[str, object]) -> None:
    found = decode_request_untrusted(json.dumps(fields).encode())
    if not isinstance(found, orders.OrderDenied):
        assert decode_request_untrusted(encode_request(found)) == found


def test_an_item_has_its_version_and_type() -> None:
    line = encode_item(NameItem(name="budi", key="9Pq2Lm3x", used="2026-11-28T10:05:00.000Z", here=True))
    assert json.loads(line) == {
        "v": 1,
        "type": "name",
        "name": "budi",
        "key": "9Pq2Lm3x",
        "used": "2026-11-28T10:05:00.000Z",
        "here": True,
    }


def test_the_last_line_says_what_was_done_or_would_be() -> None:
    done = orders.Lifted(seq=813, id=812, order="ban", what="key:9Pq2Lm3x")
    fields = {"v": 1, "seq": 813, "id": 812, "order": "ban", "what": "key:9Pq2Lm3x"}
    assert json.loads(encode_reply(done)) == {"type": "done", **fields}
    assert json.loads(encode_reply(done, dry_run=True)) == {"type": "would", **fields}
    assert json.loads(encode_reply(None)) == {"v": 1, "type": "done"}


def test_a_denial_has_its_code_a_sentence_and_its_facts() -> None:
    said = json.loads(encode_reply(orders.OrderDenied(code="half_the_room", count=23, members=31)))
    assert said == {
        "v": 1,
        "type": "error",
        "code": "half_the_room",
        "message": MESSAGES["half_the_room"],
        "name": "",
        "nearest": [],
        "count": 23,
        "members": 31,
        "problems": [],
    }


@pytest.mark.parametrize("verb", ANSWERED_WITH)
def test_each_order_has_its_answer(verb: str) -> None:
    names = {each.__name__.lower() for each in (*orders.Order.__args__, box_report.Reload)}
    assert verb in names
    assert issubclass(ANSWERED_WITH[verb], msgspec.Struct)
    assert names == ANSWERED_WITH.keys()
