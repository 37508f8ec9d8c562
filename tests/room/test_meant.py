"""Whom a text means: a name, a key's tag, an address or a network."""

from __future__ import annotations

import pytest
from kit.order_stage import AT, BUDI, BUDI_TOO, Stage, furnished_stage, intent, reply

from sockatuh.room import orders as o
from sockatuh.room.entries import Muted
from sockatuh.room.moments import rfc3339


@pytest.fixture
def stage() -> Stage:
    return furnished_stage()


@pytest.mark.parametrize(("name", "nearest"), [("budy", ("budi",)), ("zzz", ()), ("b" * 5000, ()), ("", ())])
def test_nobody_here_is_called_that(stage: Stage, name: str, nearest: tuple[str, ...]) -> None:
    denied = stage.denied(o.Kick(name=name))
    assert (denied.code, denied.nearest) == ("no_such_member", nearest)
    assert len(denied.name) <= 128


@pytest.mark.parametrize(("text", "key", "removed"), [
    ("budi", f"\1ban:key:{BUDI}", ["budi"]),
    ("key:BudisKey", f"\1ban:key:{BUDI}", ["budi"]),
    ("10.0.0.2", "\1ban:address:10.0.0.2", ["budi", "cici"]),
    ("::ffff:10.0.0.1", "\1ban:address:10.0.0.1", ["ana"]),
    ("2001:db8::/32", "\1ban:address:2001:db8::/32", ["eka"]),
    ("10.0.0.9", "\1ban:address:10.0.0.9", ["dewi"]),
    ("name:BUDI", None, ["budi"]),
    ("name:visitor", None, []),
])  # fmt: skip
def test_a_target_is_recognised_by_its_form(stage: Stage, text: str, key: str | None, removed: list[str]) -> None:
    decided = stage.decided(o.Ban(target=text))
    assert sorted(reply(decided, o.BanSet).removed) == removed
    assert intent(decided).key == key or f"\1ban:name:{stage.room.key_of(text[5:])}"


def test_somebody_who_has_left_is_remembered_by_key_and_address(stage: Stage) -> None:
    stage.leave("budi")
    decided = stage.decided(o.Ban(target="budi"))
    banned = reply(decided, o.BanSet)
    assert intent(decided).key == f"\1ban:key:{BUDI}"
    assert (banned.removed, banned.addresses, banned.others) == ((), ("10.0.0.2",), ("cici",))


def test_a_tag_of_two_keys_is_ambiguous(stage: Stage) -> None:
    stage.enter("budi2", BUDI_TOO, "10.0.0.8")
    denied = stage.denied(o.Ban(target="key:BudisKey"))
    assert (denied.code, denied.nearest) == ("ambiguous", (f"key:{BUDI}", f"key:{BUDI_TOO}"))
    assert intent(stage.decided(o.Ban(target=f"key:{BUDI_TOO}"))).key.endswith(BUDI_TOO)


def test_an_address_that_somebody_has_for_a_name_is_ambiguous(stage: Stage) -> None:
    stage.enter("10.0.0.9", BUDI_TOO, "10.0.0.8")
    here = stage.denied(o.Ban(target="10.0.0.9"))
    stage.leave("10.0.0.9")
    remembered = stage.denied(o.Ban(target="10.0.0.9"))
    for denied in (here, remembered):
        assert (denied.code, denied.nearest) == ("ambiguous", (f"key:{BUDI_TOO[:8]}", "10.0.0.9/32"))
    assert reply(stage.decided(o.Ban(target="10.0.0.9/32")), o.BanSet).what == "10.0.0.9"
    stage.enter("10.9.9.9", "", "10.0.0.8")
    assert stage.denied(o.Ban(target="10.9.9.9")).nearest == ("name:10.9.9.9", "10.9.9.9/32")


@pytest.mark.parametrize(("text", "what"), [
    ("budi", "key:BudisKey"), ("key:BudisKey", "key:BudisKey"), ("dewi", "dewi@10.0.0.9"), ("name:budi", "name:budi"),
])  # fmt: skip
def test_a_mute_is_about_a_key_a_name_or_a_classic_member(stage: Stage, text: str, what: str) -> None:
    decided = stage.decided(o.Mute(name=text, reason="spam"))
    muted = reply(decided, o.MuteSet)
    assert (muted.what, muted.until, muted.reason) == (what, rfc3339(AT + 600_000), "spam")
    body = intent(decided).body
    assert isinstance(body, Muted)
    number = stage.store(decided)
    lifting = stage.decided(o.Unmute(name=text))
    assert lifting.reply == o.Lifted(seq=0, id=number, order="mute", what=what)


def test_somebody_whose_name_looks_like_an_address_is_meant_by_it(stage: Stage) -> None:
    stage.enter("10.0.0", "T" * 43, "10.0.0.4")
    assert reply(stage.decided(o.Ban(target="10.0.0")), o.BanSet).name == "10.0.0"
    assert reply(stage.decided(o.Mute(name="10.0.0")), o.MuteSet).name == "10.0.0"
