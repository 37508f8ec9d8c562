"""What the room decides about each order: from values, without server, log or clock."""

from __future__ import annotations

import pytest
from kit.order_stage import ANA, AT, BUDI, BUDI_TOO, TOM, Stage, furnished_stage, intent, reply

from sockatuh.room import orders as o
from sockatuh.room.decisions import Intent
from sockatuh.room.entries import ADMIN_OWNER, Banned, Message, Released, Removed, Unbanned
from sockatuh.room.moments import rfc3339
from sockatuh.room.order_decisions import Given, Unkeyed


@pytest.fixture
def stage() -> Stage:
    return furnished_stage()


# Kick.


def test_a_kick_is_one_entry_with_the_leave(stage: Stage) -> None:
    decided = stage.decided(o.Kick(name="Budi", for_=300.0, reason=" too\nloud "))
    end = rfc3339(AT + 300_000)
    assert intent(decided).body == Removed("budi", BUDI, "", 1000, "tom", "too ⏎ loud", end)
    assert (intent(decided).key, intent(decided).expect) == (f"\1kick:key:{BUDI}", 0)
    assert decided.leaving == (stage.room.key_of("budi"),)
    assert decided.reply == o.Kicked(
        seq=0, name="budi", key="BudisKey", sessions=1, addresses=("10.0.0.2",), until=end, reason="too ⏎ loud",
        members=5, removed=("budi",),
    )  # fmt: skip


def test_a_classic_member_is_its_name_at_its_address(stage: Stage) -> None:
    decided = stage.decided(o.Kick(name="dewi"))
    assert intent(decided).key == f"\1kick:classic:{stage.room.key_of('dewi')}@10.0.0.9"
    assert intent(decided).body == Removed("dewi", "", "10.0.0.9", 1000, "tom", "", rfc3339(AT + 60_000))


def test_a_kick_counts_all_sessions_of_the_key_under_any_name(stage: Stage) -> None:
    stage.enter("budi", BUDI, "10.0.0.3")
    stage.enter("budis-phone", BUDI, "10.0.0.3")
    stage.read("budi", BUDI, "10.0.0.2")
    decided = stage.decided(o.Kick(name="budi"))
    assert reply(decided, o.Kicked).sessions == 4
    assert reply(decided, o.Kicked).addresses == ("10.0.0.2", "10.0.0.3")
    assert len(decided.leaving) == 2
    assert reply(decided, o.Kicked).removed == ("budi", "budis-phone")


def test_a_lost_member_is_kicked(stage: Stage) -> None:
    stage.lose(2)
    decided = stage.decided(o.Kick(name="budi"))
    assert reply(decided, o.Kicked).sessions == 0
    assert decided.leaving == (stage.room.key_of("budi"),)


def test_a_reader_alone_is_kicked(stage: Stage) -> None:
    stage.read("watcher", "W" * 43, "10.0.0.4")
    decided = stage.decided(o.Kick(name="watcher"))
    assert reply(decided, o.Kicked).sessions == 1
    assert decided.leaving == ()


def test_a_kick_that_is_decided_again_follows_its_member(stage: Stage) -> None:
    stage.decide(o.Kick(name="budi"))
    stage.leave("budi")
    stage.enter("budi", BUDI_TOO, "10.0.0.8")  # somebody else has taken the name
    again = stage.decided(o.Kick(name="budi"))
    assert intent(again).key == f"\1kick:key:{BUDI}"
    assert again.leaving == ()


# Ban.


def test_a_ban_lasts_a_day_or_as_long_as_it_says(stage: Stage) -> None:
    assert reply(stage.decided(o.Ban(target="budi")), o.BanSet).until == rfc3339(AT + 86_400_000)
    assert reply(stage.decided(o.Ban(target="budi", for_=1.5)), o.BanSet).until == rfc3339(AT + 1_500)
    assert reply(stage.decided(o.Ban(target="budi", for_=None)), o.BanSet).until is None
    assert reply(stage.decided(o.Ban(target="budi", for_=o.MAX_SPAN)), o.BanSet).until is not None


def test_a_ban_of_a_key_names_its_addresses_and_who_else_is_there(stage: Stage) -> None:
    banned = reply(stage.decided(o.Ban(target="budi")), o.BanSet)
    assert (banned.addresses, banned.others) == (("10.0.0.2",), ("cici",))
    assert (banned.what, banned.name, banned.key, banned.members) == ("key:BudisKey", "budi", "BudisKey", 5)


def test_a_second_ban_of_a_target_replaces_the_first(stage: Stage) -> None:
    first = stage.store(stage.decided(o.Ban(target="budi", for_=60.0)))
    decided = stage.decided(o.Ban(target="key:BudisKey", for_=None))
    assert reply(decided, o.BanSet).replaced == first
    assert intent(decided).expect == first
    stage.store(decided)
    assert len(stage.book.in_force(AT)) == 1
    ended = stage.decided(o.Ban(target="10.9.9.9", for_=1.0))
    stage.store(ended)
    later = Given(TOM.actor, AT + 5_000)
    assert reply(stage.decided(o.Ban(target="10.9.9.9"), later), o.BanSet).replaced == 0


def test_a_member_with_a_session_elsewhere_stays(stage: Stage) -> None:
    stage.enter("budi", BUDI, "10.0.0.77")
    assert reply(stage.decided(o.Ban(target="10.0.0.2")), o.BanSet).removed == ("cici",)


def test_a_lost_member_is_removed_by_its_last_address(stage: Stage) -> None:
    stage.lose(2)
    assert reply(stage.decided(o.Ban(target="10.0.0.2")), o.BanSet).removed == ("budi", "cici")


def test_strangers_are_those_who_were_never_here(stage: Stage) -> None:
    decided = stage.decided(o.Ban(target="10.0.0.0/8", strangers=True))
    assert reply(decided, o.BanSet).removed == ("dewi",), "nothing shows who a classic member is"
    assert stage.denied(o.Ban(target="budi", strangers=True)).code == "not_an_address"


@pytest.mark.parametrize(("text", "code", "nearest"), [
    ("0.0.0.0/0", "everybody", ()), ("::/0", "everybody", ()), ("::ffff:0:0/96", "everybody", ()),
    ("127.0.0.1", "own_loopback", ()), ("::1", "own_loopback", ()), ("127.0.0.0/8", "own_loopback", ()),
    ("127.5.0.0/24", "own_loopback", ()), ("126.0.0.0/7", "own_loopback", ()), ("::/120", "own_loopback", ()),
    ("::ffff:127.0.0.1", "own_loopback", ()),
    ("10.0.0.5/8", "host_bits", ("10.0.0.0/8", "10.0.0.5")),
    ("10.0.0.5/255.0.0.0", "host_bits", ("10.0.0.0/8", "10.0.0.5")),
    ("::ffff:10.0.0.5/104", "host_bits", ("10.0.0.0/8", "10.0.0.5")),
    ("fe80::1%\x1b[2J/64", "host_bits", ("fe80::/64", "fe80::1")),
    ("0.0.0.1/0", "everybody", ()), ("127.0.0.5/8", "own_loopback", ()),
    ("dewi", "no_key", ("10.0.0.9",)), ("buddi", "no_such_name", ("budi",)),
    ("key:BudisKe", "no_such_key", ()), ("key:", "no_such_key", ()), ("key:ZZZZZZZZZ", "no_such_key", ()),
    ("name:a!b", "name_invalid", ("ab",)), ("name:", "name_invalid", ()),
    *((text, "address_invalid", ()) for text in (
        "10.0.0.0/33", "1.2.3.4:80", "10.0.0", "10.0.0.256", "10.0.0.*", "10.0.0.1-10.0.0.9", "10/8", "[::1]:80",
        "fe80::1::2", "fe80::/129", "10.0.0.0/x", "1.2.3.4.5",
    )),
    *((text, "no_such_name", ()) for text in ("1.5", "a.b.c", "10", "localhost:80")),
    ("", "no_such_name", ()), ("x" * 16_384, "no_such_name", ()),
])  # fmt: skip
def test_a_ban_that_is_refused(stage: Stage, text: str, code: str, nearest: tuple[str, ...]) -> None:
    denied = stage.denied(o.Ban(target=text, yes=True))
    assert (denied.code, denied.nearest) == (code, nearest)


def test_one_loopback_address_of_a_browser_may_be_banned(stage: Stage) -> None:
    assert reply(stage.decided(o.Ban(target="127.9.8.7")), o.BanSet).what == "127.9.8.7"


def test_half_the_room_is_only_removed_by_who_means_it(stage: Stage) -> None:
    denied = stage.denied(o.Ban(target="10.0.0.0/8"))
    assert (denied.code, denied.name, denied.count, denied.members) == ("half_the_room", "10.0.0.0/8", 4, 5)
    assert len(reply(stage.decided(o.Ban(target="10.0.0.0/8", yes=True)), o.BanSet).removed) == 4


def test_in_a_room_of_two_nobody_is_asked() -> None:
    stage = Stage()
    stage.enter("ana", ANA, "10.0.0.1")
    stage.enter("budi", BUDI, "10.0.0.2")
    assert reply(stage.decided(o.Ban(target="budi")), o.BanSet).removed == ("budi",)
    stage.enter("cici", "C" * 43, "10.0.0.3")
    assert reply(stage.decided(o.Ban(target="budi")), o.BanSet).removed == ("budi",), "one of three is not half"


def test_there_are_ten_thousand_orders_at_most(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(o, "MAX_IN_FORCE", 2)
    stage.store(stage.decided(o.Ban(target="10.9.0.1")))
    stage.store(stage.decided(o.Mute(name="ana", for_=1.0)))
    assert stage.denied(o.Ban(target="10.9.0.2")).code == "too_many_orders"
    stage.decided(o.Ban(target="10.9.0.1"))
    stage.decided(o.Ban(target="10.9.0.2"), Given(TOM.actor, AT + 2_000))


@pytest.mark.parametrize("order", [
    o.Kick(name="budi", reason="x" * 201), o.Ban(target="budi", reason="é" * 201),
    o.Mute(name="budi", reason="x" + "\t" * 50 + "x"),
    o.Release(name="budi", reason="x" * 201),
])  # fmt: skip
def test_a_reason_has_at_most_200_characters(stage: Stage, order: o.RoomOrder) -> None:
    assert stage.denied(order).code == "text_too_long"


# Unban and unmute.


@pytest.mark.parametrize("text", ["1", "budi", "BUDI", "key:BudisKey"])
def test_a_ban_is_lifted_by_its_id_or_its_target(stage: Stage, text: str) -> None:
    number = stage.store(stage.decided(o.Ban(target="budi")))
    lifting = stage.decided(o.Unban(target=str(number) if text == "1" else text))
    assert lifting.reply == o.Lifted(seq=0, id=number, order="ban", what="key:BudisKey")
    assert intent(lifting).body == Unbanned("budi", BUDI, "", 1000, "tom", "", number)
    assert (intent(lifting).key, intent(lifting).expect) == (f"\1ban:key:{BUDI}", number)
    stage.store(lifting)
    assert stage.book.in_force(AT) == []
    assert stage.denied(o.Unban(target="budi")).code == "no_such_order"


@pytest.mark.parametrize(("target", "text"), [
    ("10.0.0.0/8", "10.1.2.3/8"), ("10.9.0.1", "::ffff:10.9.0.1"), ("name:budi", "name:BUDI"),
])  # fmt: skip
def test_an_address_or_a_name_is_lifted_as_it_may_be_written(stage: Stage, target: str, text: str) -> None:
    stage.store(stage.decided(o.Ban(target=target, yes=True)))
    stage.store(stage.decided(o.Unban(target=text)))
    assert stage.book.in_force(AT) == []


def test_the_kick_of_a_target_is_lifted_with_its_ban(stage: Stage) -> None:
    stage.store(stage.decided(o.Kick(name="budi")))
    number = stage.store(stage.decided(o.Ban(target="budi")))
    lifting = stage.decided(o.Unban(target="budi"))
    assert reply(lifting, o.Lifted).id == number
    also = intent(lifting).also
    assert also is not None
    assert also.key == f"\1kick:key:{BUDI}"


def test_a_classic_kick_is_lifted_by_name_or_as_it_is_listed(stage: Stage) -> None:
    for text in ("dewi", "dewi@10.0.0.9"):
        stage.store(stage.decided(o.Kick(name="dewi")))
        stage.store(stage.decided(o.Unban(target=text)))
        assert stage.book.in_force(AT) == []


def test_a_name_under_which_two_keys_are_banned_is_ambiguous(stage: Stage) -> None:
    stage.store(stage.decided(o.Ban(target="budi")))
    stage.leave("budi")
    stage.store(stage.decided(o.Release(name="budi")))
    stage.enter("budi", "Z" * 43, "10.0.0.6")
    stage.store(stage.decided(o.Ban(target="budi")))
    denied = stage.denied(o.Unban(target="budi"))
    assert (denied.code, denied.nearest) == ("ambiguous", ("key:BudisKey", "key:ZZZZZZZZ"))


def test_what_is_not_banned_cannot_be_lifted(stage: Stage) -> None:
    stage.store(stage.decided(o.Ban(target="name:budi")))
    stage.store(stage.decided(o.Mute(name="ana")))
    for text in ("ana", "99", "10.0.0.1", "", "9" * 30, "x" * 16_384, "key:A", "key:AAAAAAAA"):
        assert stage.denied(o.Unban(target=text)).code == "no_such_order"
    assert stage.denied(o.Unban(target="budi")).nearest == ("name:budi",), "a ban of the name is another order"


def test_an_id_of_another_order_is_told_to_be_that(stage: Stage) -> None:
    ban, mute = stage.store(stage.decided(o.Ban(target="cici"))), stage.store(stage.decided(o.Mute(name="ana")))
    assert stage.denied(o.Unban(target=str(mute))) == o.OrderDenied(code="is_mute", name=str(mute))
    assert stage.denied(o.Unmute(name=str(ban))) == o.OrderDenied(code="is_ban", name=str(ban))


# Mute.


def test_an_address_is_nobody_to_mute(stage: Stage) -> None:
    for text in ("10.0.0.2", "10.0.0.0/24", "::1", "10.0.0.0/33"):
        assert stage.denied(o.Mute(name=text)) == o.OrderDenied(code="address_muted", name=text)


# Names.


def test_a_name_is_released_from_the_key_that_used_it_last(stage: Stage) -> None:
    assert stage.denied(o.Release(name="BUDI")).code == "present"
    stage.leave("budi")
    decided = stage.decided(o.Release(name="BUDI", reason="new laptop"))
    key = stage.room.key_of("budi")
    assert intent(decided) == Intent(
        "released", Released("budi", BUDI, 1000, "tom", "new laptop"), key, stage.room.last_seq(key)
    )
    assert reply(decided, o.NameReleased).key == "BudisKey"
    stage.store(decided)
    assert stage.room.owner_of(key, AT) == ""
    denied = stage.denied(o.Release(name="budi"))
    assert denied.code == "name_free"
    assert stage.denied(o.Release(name="any")).nearest == ("ana",)


def test_a_name_whose_time_is_over_is_free_already(stage: Stage) -> None:
    stage.leave("budi")
    decided = stage.decide(o.Release(name="budi"), Given(TOM.actor, AT + 91 * 86_400_000))
    assert isinstance(decided, o.OrderDenied)
    assert decided.code == "name_free"


# Announcements.


def test_an_announcement_is_a_line_in_the_admins_name(stage: Stage) -> None:
    decided = stage.decided(o.Announce(text="lunch\r\n\x1b[2Jat noon  "))
    assert decided.entry == Unkeyed(Message("admin", ADMIN_OWNER, "lunch\nat noon", action=False, by=1000, as_="tom"))
    assert reply(decided, o.Announced).members == 5


@pytest.mark.parametrize(("text", "code"), [(" \n\x1b[2J", "text_empty"), ("x" * 101, "text_too_long")])
def test_a_text_is_as_a_line_may_be(stage: Stage, text: str, code: str) -> None:
    assert stage.denied(o.Announce(text=text)).code == code


def test_somebody_who_has_the_admins_name_is_to_be_removed_first(stage: Stage) -> None:
    stage.enter("Admin", "D" * 43, "10.0.0.5")
    denied = stage.denied(o.Announce(text="lunch"))
    assert (denied.code, denied.name) == ("name_taken", "Admin")


# Who gives them.


@pytest.mark.parametrize(("claimed", "kept"), [("tom\x1b]0;x\x07", "tom"), ("x" * 256, "x" * 64), ("a\nb", "a ⏎ b")])
def test_the_claimed_name_is_cleaned(stage: Stage, claimed: str, kept: str) -> None:
    decided = stage.decided(o.Ban(target="10.9.0.1"), Given(o.Actor(0, claimed), AT))
    body = intent(decided).body
    assert isinstance(body, Banned)
    assert body.as_ == kept
