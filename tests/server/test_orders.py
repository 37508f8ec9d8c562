"""The admin's orders in the whole server without network and disk: who is removed, kept out and silenced, and for how
long."""

from __future__ import annotations

from typing import TypeVar

import pytest
from kit.instant_world import InstantWorld
from kit.password_hash import quick_hash
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import MAX_ORDER_MS
from sockatuh.room import orders as o
from sockatuh.room.entries import Banned, Left
from sockatuh.room.log import Append
from sockatuh.room.order_book import InForce
from sockatuh.room.targets import Target
from sockatuh.server.room_server import RoomServerOptions
from sockatuh.server.trusted_clock import BELIEVED_AFTER

TOM = o.Actor(0, "tom")
R = TypeVar("R")


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def order(world: InstantWorld, what: o.Order) -> list[o.Reply]:
    """Give an order; return the answers so far."""
    answers: list[o.Reply] = []
    world.room_server.orders.carry_out(what, TOM, answers.append, world.now)
    world.settle()
    return answers


def carry_out(world: InstantWorld, what: o.Order, kind: type[R]) -> R:
    """Give an order, and return its one answer."""
    answers = order(world, what)
    assert len(answers) == 1
    assert isinstance(answers[0], kind), answers
    return answers[0]


def denied(world: InstantWorld, what: o.Order) -> str:
    return carry_out(world, what, o.OrderDenied).code


def left(world: InstantWorld) -> list[tuple[str, str]]:
    return [(body.name, body.reason) for body in world.bodies() if isinstance(body, Left)]


def in_force(world: InstantWorld) -> list[InForce]:
    return world.room_server.orders.book.in_force(world.wall())


def hits(world: InstantWorld, number: int) -> int:
    order = world.room_server.orders.book.find_id(number, world.wall())
    assert order is not None
    return order.hits


# Kick.


def test_a_kick_removes_all_sessions_and_keeps_the_key_out_for_a_while(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    phone = world.person("budi", key=budi.key)
    reader = world.person("budi", key=budi.key, role=m.READER)
    reply = carry_out(world, o.Kick(name="BUDI", for_=300.0, reason="flooding\x1b[2J"), o.Kicked)
    assert (reply.name, reply.sessions, reply.members, reply.reason) == ("budi", 3, 2, "flooding")
    assert world.kinds()[-2:] == ["removed", "left"]
    assert left(world) == [("budi", "removed")]
    assert ana.story[-1] == "budi left"
    for client in (budi, phone, reader):
        assert client.last(e.Removed) == e.Removed("kicked", 300.0, "flooding")
    world.advance(20.0)
    for again in (world.person("budi", key=budi.key), world.person("other", key=budi.key, transient=True)):
        assert again.last(e.Removed) == e.Removed("kicked", 280.0, "flooding")
    assert ana.who() == ["ana"]
    world.advance(281.0)
    again = world.person("budi", key=budi.key)
    assert again.is_in


def test_a_ban_by_name_is_of_the_key_and_survives_a_restart(world: InstantWorld) -> None:
    world.person("ana")
    world.person("cici")
    budi = world.person("budi")
    reply = carry_out(world, o.Ban(target="budi", for_=None, reason="spam"), o.BanSet)
    assert reply.what == f"key:{budi.fingerprint[:8]}"
    assert (reply.id, reply.until, reply.removed) == (world.log.head - 1, None, ("budi",))
    assert budi.last(e.Removed) == e.Removed("banned", 0.0, "spam")
    assert left(world) == [("budi", "removed")]
    world.begin()
    other = world.person("someone", key=budi.key)
    assert other.last(e.Removed) == e.Removed("banned", 0.0, "spam")


def test_the_end_of_the_longest_ban_is_told_to_the_millisecond(world: InstantWorld) -> None:
    assert o.MAX_SPAN * 1000 == MAX_ORDER_MS
    budi = world.person("budi")
    carry_out(world, o.Ban(target="budi", for_=o.MAX_SPAN), o.BanSet)
    assert budi.last(e.Removed) == e.Removed("banned", o.MAX_SPAN, "")
    world.advance(1.0)
    assert world.person("budi", key=budi.key).last(e.Removed) == e.Removed("banned", o.MAX_SPAN - 1.0, "")


def test_an_unban_by_id_lets_the_key_back_in(world: InstantWorld) -> None:
    world.person("ana")
    budi = world.person("budi")
    ban = carry_out(world, o.Ban(target="budi"), o.BanSet)
    lifted = carry_out(world, o.Unban(target=str(ban.id)), o.Lifted)
    assert (lifted.id, lifted.order, lifted.what, lifted.seq) == (ban.id, "ban", ban.what, world.log.head)
    assert world.person("budi", key=budi.key).is_in
    assert denied(world, o.Unban(target=str(ban.id))) == "no_such_order"
    again = carry_out(world, o.Ban(target="budi"), o.BanSet)
    assert again.replaced == 0


# Mute.


def test_a_muted_member_stays_and_says_nothing(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    mute = carry_out(world, o.Mute(name="budi", for_=60.0, reason="spam"), o.MuteSet)
    ana_saw = len(ana.story)
    number = budi.say("hello")
    whisper = budi.say("psst", to="ana")
    assert [(refused.number, refused.code) for refused in budi.all(e.LineRefused)] == [
        (number, "muted"), (whisper, "muted")]  # fmt: skip
    assert len(ana.story) == ana_saw
    assert hits(world, mute.id) == 2
    world.advance(60.0)
    assert budi.say("hello again") in budi.stored


# Names.


def test_a_released_name_is_free_for_another_key(world: InstantWorld) -> None:
    old = world.person("tom")
    old.leave()
    new = world.person("tom")
    assert new.refusals == ["name_owned"]
    reply = carry_out(world, o.Release(name="TOM"), o.NameReleased)
    assert (reply.name, reply.key) == ("tom", old.fingerprint[:8])
    assert world.person("tom", key=new.key).is_in
    assert denied(world, o.Release(name="tom")) == "present"
    assert denied(world, o.Release(name="zoe")) == "name_free"


# Announcements.


def test_an_announcement_is_told_to_everybody_in_the_admins_name(world: InstantWorld) -> None:
    ana = world.person("ana")
    reply = carry_out(world, o.Announce(text="lunch\x1b[2J at noon"), o.Announced)
    assert (reply.name, reply.text, reply.members) == ("admin", "lunch at noon", 1)
    entry = ana.entries[-1]
    assert (entry.seq, entry.name, entry.text, entry.official, entry.tag) == (
        reply.seq,
        "admin",
        "lunch at noon",
        True,
        "",
    )
    assert world.person("Admin").refusals == ["name_reserved"]
    assert world.diary.of("announcement_made")[0]["by"] == 0


# Orders and the log.


def test_an_order_is_answered_once_it_is_stored(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.person("cici")
    world.writer_busy = True
    answers = order(world, o.Ban(target="budi", reason="spam"))
    assert answers == []
    number = budi.say("one more")
    assert budi.last(e.LineRefused) == e.LineRefused(number, "banned", 86_400.0, "spam"), "decided is decided"
    assert world.person("other", key=budi.key).last(e.Removed).code == "banned"
    assert not budi.all(e.Removed), "its session stays until the order is in the log"
    world.writer_busy = False
    world.settle()
    assert isinstance(answers[0], o.BanSet)
    assert budi.last(e.Removed).code == "banned"
    assert world.kinds()[-2:] == ["banned", "left"]
    assert "one more" not in ana.texts


def test_what_was_said_before_an_order_stands_before_it(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.writer_busy = True
    budi.say("before")
    answers = order(world, o.Kick(name="budi"))
    world.writer_busy = False
    world.settle()
    assert len(answers) == 1
    assert world.kinds()[-3:] == ["message", "removed", "left"]
    assert ana.story[-2:] == ["budi: before", "budi left"]


def test_after_five_seconds_an_order_is_not_stored_and_is_stored_later(world: InstantWorld) -> None:
    budi = world.person("budi")
    world.log.full = True
    answers = order(world, o.Ban(target="budi"))
    world.advance(4.0)
    assert answers == []
    world.advance(2.0)
    assert answers == [o.OrderDenied(code="not_stored")]
    world.log.full = False
    world.advance(5.0)
    assert answers == [o.OrderDenied(code="not_stored")], "it is answered once"
    assert world.kinds().count("banned") == 1
    assert budi.last(e.Removed).code == "banned"


def test_a_kick_that_is_stored_after_its_end_still_removes_its_member(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.log.full = True
    order(world, o.Kick(name="budi", for_=10.0))
    world.advance(12.0)
    budi.say("and another thing")
    world.log.full = False
    world.advance(5.0)
    assert left(world) == [("budi", "removed")]
    assert budi.last(e.Removed).code == "kicked"
    assert ana.story[-1] == "budi left"
    assert ana.who() == ["ana"]
    assert world.person("budi", key=budi.key).is_in


def test_so_many_orders_wait_for_the_disk(world: InstantWorld) -> None:
    world.log.full = True
    waiting = [order(world, o.Ban(target=f"10.9.0.{number}")) for number in range(o.MAX_UNDER_WAY)]
    assert order(world, o.Ban(target="10.9.1.1")) == [o.OrderDenied(code="busy")], "it is not queued"
    world.log.full = False
    world.advance(10.0)
    assert {len(answers) for answers in waiting} == {1}
    assert world.kinds().count("banned") == o.MAX_UNDER_WAY


def test_two_bans_of_one_target_at_once_are_one_entry_each_and_the_second_replaces(world: InstantWorld) -> None:
    world.person("budi")
    world.writer_busy = True
    first = order(world, o.Ban(target="budi", reason="one"))
    second = order(world, o.Ban(target="budi", reason="two"))
    world.writer_busy = False
    world.settle()
    assert isinstance(first[0], o.BanSet)
    assert isinstance(second[0], o.BanSet)
    assert (first[0].replaced, second[0].replaced) == (0, first[0].id)
    assert world.kinds().count("banned") == 2
    assert [each.body.reason for each in in_force(world)] == ["two"]


def test_two_kicks_of_one_member_at_once_are_one_leave(world: InstantWorld) -> None:
    world.person("budi")
    world.writer_busy = True
    first, second = order(world, o.Kick(name="budi")), order(world, o.Kick(name="budi", for_=300.0))
    world.writer_busy = False
    world.settle()
    assert isinstance(first[0], o.Kicked)
    assert isinstance(second[0], o.Kicked)
    assert world.kinds() == ["joined", "removed", "left", "removed"]
    assert world.room_server.unwritten == 0


def test_a_kick_after_one_that_was_lifted_removes_the_member_again(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Kick(name="budi"), o.Kicked)
    carry_out(world, o.Unban(target="budi"), o.Lifted)
    again = world.person("budi", key=budi.key)
    assert again.is_in
    carry_out(world, o.Kick(name="budi"), o.Kicked)
    assert again.last(e.Removed).code == "kicked"
    assert left(world) == [("budi", "removed")] * 2
    assert world.person("ana").who() == ["ana"]


def test_a_kick_whose_member_is_being_renamed_removes_it_under_its_new_name(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.writer_busy = True
    budi.rename("tom")
    answers = order(world, o.Kick(name="budi"))
    world.writer_busy = False
    world.settle()
    assert isinstance(answers[0], o.Kicked)
    assert left(world)[-1] == ("tom", "removed")
    assert budi.last(e.Removed).code == "kicked"
    assert ana.who() == ["ana"]


def test_a_dry_run_changes_nothing(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Ban(target="budi", dry_run=True), o.BanSet)
    carry_out(world, o.Kick(name="budi", dry_run=True), o.Kicked)
    carry_out(world, o.Mute(name="budi", dry_run=True), o.MuteSet)
    assert world.kinds() == ["joined"]
    assert in_force(world) == []
    assert budi.say("still here") in budi.stored


# Joins under way.


def test_a_ban_keeps_out_whoever_is_still_being_checked(world: InstantWorld) -> None:
    world.person("ana").leave()
    world.begin(quick_hash(PASSWORD))
    world.bcrypt.held = True
    budi = world.person("budi")
    assert len(world.bcrypt.waiting) == 1
    carry_out(world, o.Ban(target=budi.address[0], reason="spam"), o.BanSet)
    world.bcrypt.held = False
    world.advance(1.0)
    assert not budi.is_in
    assert budi.last(e.Removed) == e.Removed("banned", 86_400.0, "spam")
    assert "budi" not in [name for name, _ in left(world)]
    assert world.ledger.open() == []


@pytest.mark.parametrize("target", ["key", "address", "name:budi"])
def test_a_ban_that_comes_while_a_join_is_written_does_not_let_it_in(world: InstantWorld, target: str) -> None:
    ana = world.person("ana")
    world.person("cici")
    world.writer_busy = True
    budi = world.person("budi")
    text = {"key": f"key:{budi.fingerprint}", "address": str(budi.address[0])}.get(target, target)
    answers = order(world, o.Ban(target=text))
    world.writer_busy = False
    world.settle()
    world.advance(3.0)
    assert isinstance(answers[0], o.BanSet)
    assert not budi.is_in
    assert world.kinds()[-3:] == ["joined", "banned", "left"]
    assert left(world) == [("budi", "removed")]
    assert ana.who() == ["ana", "cici"]
    assert len(world.ledger.open()) == 2
    assert world.room_server.unwritten == 0


def test_a_right_password_is_of_no_use_once_a_ban_was_decided(world: InstantWorld) -> None:
    world.bcrypt.held = True
    budi = world.person("budi")
    world.writer_busy = True
    order(world, o.Ban(target=str(budi.address[0])))
    world.bcrypt.held = False
    world.settle()
    assert budi.last(e.Removed).code == "banned"
    world.writer_busy = False
    world.settle()
    assert world.kinds() == ["banned"]


def test_a_join_that_is_stored_before_the_order_that_was_decided_is_not_let_in(world: InstantWorld) -> None:
    ana, cici = world.person("ana"), world.person("cici")
    world.server.disk = 1.0, 1.0
    budi = world.person("budi")
    phone = world.person("ana", key=ana.key)
    world.advance(0.5)
    order(world, o.Ban(target=str(budi.address[0])))
    order(world, o.Ban(target=str(phone.address[0])))
    world.advance(0.7)
    assert world.kinds() == ["joined"] * 3
    assert budi.last(e.Removed).code == phone.last(e.Removed).code == "banned"
    world.advance(5.0)
    assert not budi.is_in
    assert not phone.is_in
    assert world.kinds() == ["joined"] * 3 + ["banned"] * 2 + ["left"]
    assert left(world) == [("budi", "removed")]
    assert cici.who() == ["ana", "cici"]


def test_a_guest_whose_session_is_being_recorded_is_kept_out(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.writer_busy = True
    reader = world.person("ana", key=ana.key, role=m.READER)
    order(world, o.Kick(name="ana"))
    world.writer_busy = False
    world.settle()
    assert not reader.is_in
    assert reader.last(e.Removed).code == "kicked"
    assert world.ledger.open() == []


def test_a_ban_is_told_before_the_password_is_looked_at(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Ban(target="budi"), o.BanSet)
    asked = len(world.bcrypt.asked)
    guesser = world.person(key=budi.key)
    guesser.join("budi", "a wrong password")
    asker = world.person(key=budi.key)
    asker.ask("budi")
    for client in (guesser, asker):
        assert client.last(e.Removed).code == "banned"
        assert not client.all(e.JoinRefused)
    assert len(world.bcrypt.asked) == asked
    assert hits(world, in_force(world)[0].id) == 2
    noted = world.diary.of("join_refused")
    assert [(line["reason"], line["id"], line["name"], line["key"]) for line in noted] == [
        ("ban", in_force(world)[0].id, "budi", budi.fingerprint[:8])] * 2  # fmt: skip


def test_a_ticket_does_not_let_anybody_in_who_is_banned(world: InstantWorld) -> None:
    budi = world.person("budi")
    budi.cut_off = True
    carry_out(world, o.Ban(target="budi"), o.BanSet)
    budi.cut_off = False
    world.until(lambda: bool(budi.all(e.Removed)), 120.0)
    assert budi.last(e.Removed).code == "banned"
    assert left(world) == [("budi", "removed")]


# Addresses.


def test_known_keys_may_come_from_an_address_that_strangers_may_not(world: InstantWorld) -> None:
    ana = world.person("ana", host="10.9.0.1")
    ana.leave()
    carry_out(world, o.Ban(target="10.9.0.0/16", strangers=True), o.BanSet)
    assert world.person("ana", key=ana.key, host="10.9.0.2").is_in
    stranger = world.person("zoe", host="10.9.0.3")
    assert stranger.last(e.Removed).code == "banned"
    elsewhere = world.person("zoe", key=stranger.key, host="10.8.0.3")
    assert elsewhere.is_in
    elsewhere.leave()
    assert not world.person("zoe", key=stranger.key, host="10.9.0.3").is_in, "it was not known before the ban"
    world.begin()
    assert world.person("ana", key=ana.key, host="10.9.0.2").is_in
    assert not world.person("zoe", key=stranger.key, host="10.9.0.3").is_in


def test_a_member_with_another_session_loses_only_the_one_that_is_banned(world: InstantWorld) -> None:
    world.person("budi")
    laptop = world.person("ana", host="10.9.0.1")
    phone = world.person("ana", host="10.8.0.1", key=laptop.key)
    reply = carry_out(world, o.Ban(target="10.9.0.0/16"), o.BanSet)
    assert reply.removed == ()
    assert laptop.last(e.Removed).code == "banned"
    assert phone.say("still here") in phone.stored
    assert left(world) == []


# Names.


def test_a_banned_name_is_nobodys_and_its_bearer_may_take_another(world: InstantWorld) -> None:
    ana = world.person("ana")
    budi = world.person("budi")
    world.person("cici")
    carry_out(world, o.Ban(target="name:budi", for_=60.0), o.BanSet)
    assert left(world) == [("budi", "removed")]
    assert budi.last(e.ContactLost).reason == "name_reserved"
    world.until(lambda: bool(budi.refusals), 30.0)
    assert budi.refusals[0] == "name_reserved"
    assert world.person("BUDI").refusals == ["name_reserved"]
    assert world.person("bud\N{LATIN SMALL LETTER DOTLESS I}").refusals == ["name_reserved"]
    ana.rename("budi")
    assert ana.last(e.RequestRefused).why.code == "name_reserved"
    assert world.person("tom", key=budi.key).is_in
    world.advance(60.0)
    assert world.person("budi", key=budi.key).is_in


def test_a_rename_that_is_written_when_its_name_is_banned_does_not_stand(world: InstantWorld) -> None:
    budi = world.person("budi")
    world.person("ana")
    world.person("cici")
    world.writer_busy = True
    budi.rename("tom")
    order(world, o.Ban(target="name:tom"))
    world.writer_busy = False
    world.settle()
    assert left(world)[-1] == ("tom", "removed")
    assert budi.last(e.ContactLost).reason == "name_reserved"


@pytest.mark.parametrize("name", ["admin", "ADMIN", "Adm1n", "\N{FULLWIDTH LATIN SMALL LETTER A}dmin"])
def test_nobody_bears_the_admins_name(world: InstantWorld, name: str) -> None:
    assert world.person(name).refusals == ["name_reserved"]
    asker = world.person()
    asker.ask(name)
    assert asker.refusals == ["name_reserved"]
    ana = world.person("ana")
    ana.rename(name)
    assert ana.last(e.RequestRefused).why.code == "name_reserved"


def test_whoever_asked_for_a_reserved_name_may_take_another(world: InstantWorld) -> None:
    ana = world.person("admin")
    ana.join("ana")
    assert ana.last(e.Admitted).name == "ana"


def test_another_admins_name_counts_from_now_on(world: InstantWorld) -> None:
    boss = world.person("boss")
    world.room_server.replace_options(RoomServerOptions(log_texts=False, text_bytes=1000, announce_as="boss"))
    assert denied(world, o.Announce(text="lunch")) == "name_taken"
    boss.leave()
    assert carry_out(world, o.Announce(text="lunch"), o.Announced).name == "boss"
    assert world.person("boss", key=boss.key).refusals == ["name_reserved"], "although it owns the name"
    assert world.person("admin").is_in


def test_an_order_that_is_refused_after_its_answer_is_in_the_servers_log(world: InstantWorld) -> None:
    old = world.person("tom")
    old.leave()
    world.log.full = True
    world.person("tom", key=old.key)
    answers = order(world, o.Release(name="tom"))
    world.advance(o.STORED_WITHIN + 1)
    assert answers == [o.OrderDenied(code="not_stored")]
    world.log.full = False
    world.advance(10.0)
    assert len(answers) == 1
    assert world.diary.of("order_dropped") == [
        {"order": "release", "target": "tom", "code": "present", "by": 0, "as": "tom"}
    ]


def test_a_release_that_comes_after_a_join_is_denied(world: InstantWorld) -> None:
    old = world.person("tom")
    old.leave()
    world.writer_busy = True
    world.person("tom", key=old.key)
    answers = order(world, o.Release(name="tom"))
    world.writer_busy = False
    world.settle()
    assert answers == [o.OrderDenied(code="present", name="tom")]
    assert world.kinds() == ["joined", "left", "joined"]


# Mutes.


def test_somebody_muted_gives_nothing_else_to_read(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    carry_out(world, o.Mute(name="budi", for_=60.0, reason="spam"), o.MuteSet)
    budi.rename("soup at one")
    assert budi.last(e.RequestRefused).why.code == "muted"
    budi.set_away("soup at one")
    assert budi.last(e.RequestRefused).why.code == "muted"
    budi.set_away("")
    budi.set_away(None)
    assert len(budi.all(e.RequestRefused)) == 2
    assert budi.who() == ["ana", "budi"]
    ana.say("hello")
    assert budi.story[-1] == "ana: hello"
    script = world.person("budi", key=budi.key, transient=True)
    number = script.say("let me")
    assert script.last(e.LineRefused) == e.LineRefused(number, "muted", 60.0, "spam")


def test_somebody_muted_does_not_come_in_under_a_name_that_says_something(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    budi.rename("tono")
    mute = carry_out(world, o.Mute(name="tono", for_=60.0, reason="spam"), o.MuteSet)
    ana_saw = len(ana.story)
    assert world.person("soup_at_one", key=budi.key).refusals == ["muted"]
    assert len(ana.story) == ana_saw
    assert hits(world, mute.id) == 1
    assert world.person("budi", key=budi.key).is_in
    assert world.person("soup_at_two", key=budi.key, transient=True).is_in, "guests are told to nobody"
    world.advance(60.0)
    assert world.person("soup_at_one", key=budi.key).is_in


def test_a_mute_survives_a_restart_and_is_lifted(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Mute(name="budi", for_=None), o.MuteSet)
    world.begin()
    world.until(lambda: len(budi.all(e.Admitted)) == 2)
    number = budi.say("hello")
    assert budi.last(e.LineRefused) == e.LineRefused(number, "muted", 0.0, "")
    carry_out(world, o.Unmute(name="budi"), o.Lifted)
    assert budi.say("hello") in budi.stored


# Restarts and clocks.


def test_a_kick_outlives_the_server_and_ends_in_time(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Kick(name="budi", for_=60.0), o.Kicked)
    world.advance(30.0)
    world.begin()
    assert world.person("budi", key=budi.key).last(e.Removed) == e.Removed("kicked", 30.0, "")
    world.advance(30.0)
    assert world.person("budi", key=budi.key).is_in


def test_a_member_of_whom_a_killed_server_had_only_stored_the_ban_is_removed_by_the_next(world: InstantWorld) -> None:
    budi = world.person("budi")
    budi.cut_off = True
    body = Banned("budi", budi.fingerprint, "", 0, "tom", "", None)
    world.log.write(Append(b"b" * 16, body, Target(owner=budi.fingerprint).log_key("ban"), 0), world.wall())
    world.begin()
    world.settle()
    assert left(world) == [("budi", "removed")]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_jump_of_the_clock_neither_ends_nor_prolongs_an_order(world: InstantWorld, hours: int) -> None:
    budi = world.person("budi")
    carry_out(world, o.Kick(name="budi", for_=BELIEVED_AFTER + 60.0), o.Kicked)
    world.advance(10.0)
    world.server.wall_ahead = hours * 3_600_000
    world.advance(10.0)
    assert world.person("budi", key=budi.key).last(e.Removed).wait == pytest.approx(BELIEVED_AFTER + 40.0, abs=1.1)
    world.advance(BELIEVED_AFTER)
    assert world.person("budi", key=budi.key).last(e.Removed).wait == pytest.approx(40.0, abs=1.1)
    world.advance(42.0)
    assert world.person("budi", key=budi.key).is_in


def test_an_order_of_before_ends_by_the_clock_once_that_is_right(world: InstantWorld) -> None:
    budi = world.person("budi")
    carry_out(world, o.Ban(target="budi", for_=86_400.0), o.BanSet)
    world.server.wall_ahead = -10 * 365 * 86_400_000  # the machine boots without a battery for its clock
    world.begin()
    assert not world.person("budi", key=budi.key).is_in
    world.server.wall_ahead = 0
    world.advance(BELIEVED_AFTER + 2.0)
    left_of_it = 86_400.0 - BELIEVED_AFTER
    assert world.person("budi", key=budi.key).last(e.Removed).wait == pytest.approx(left_of_it, abs=3.0)


# The classic dialect.


def test_a_classic_member_is_kicked_without_a_word(world: InstantWorld) -> None:
    ana, typist = world.person("ana"), world.teletype()
    typist.join("budi")
    heard = list(typist.received)
    carry_out(world, o.Kick(name="budi"), o.Kicked)
    assert ana.story[-1] == "budi left"
    typist.send(b"Username:budi")
    typist.send(b"still here?")
    assert typist.received == heard
    assert ana.story[-1] == "budi left"
    typist.send(b"Username:tom")
    assert typist.received[-1] == b"Username valid!", "nothing is known of it but its name at its address"


def test_a_banned_address_gets_no_answer_to_its_name_and_a_wrong_password(world: InstantWorld) -> None:
    world.person("ana")
    typist = world.teletype()
    typist.send(b"Username:budi")
    assert typist.received == [b"Username valid!"]
    carry_out(world, o.Ban(target=str(typist.address[0])), o.BanSet)
    typist.send(b"Password:" + PASSWORD.encode())
    assert typist.received[1:] == [b"Password salah! Silakan coba lagi."]
    typist.send(b"Username:budi")
    assert len(typist.received) == 2
    assert world.kinds() == ["joined", "banned"]


def test_a_classic_member_is_muted_at_its_address(world: InstantWorld) -> None:
    ana, typist = world.person("ana"), world.teletype()
    typist.join("budi")
    carry_out(world, o.Mute(name="budi"), o.MuteSet)
    typist.send(b"hello")
    assert ana.story[-1] == "budi joined"


def test_a_reserved_name_is_one_in_use_to_a_classic_client(world: InstantWorld) -> None:
    typist = world.teletype()
    typist.send(b"Username:admin")
    assert typist.received == [b"Username sudah dipakai! Gunakan username lain."]


# The log of the server.


def test_each_order_is_a_line_of_the_servers_log(world: InstantWorld) -> None:
    ana = world.person("ana")
    budi = world.person("budi")
    carry_out(world, o.Kick(name="budi", for_=1.0, reason="spam"), o.Kicked)
    ban = carry_out(world, o.Ban(target="10.9.0.0/16", for_=None), o.BanSet)
    carry_out(world, o.Unban(target=str(ban.id)), o.Lifted)
    carry_out(world, o.Mute(name="ana"), o.MuteSet)
    carry_out(world, o.Unmute(name="ana"), o.Lifted)
    carry_out(world, o.Release(name="budi"), o.NameReleased)
    by = {"by": 0, "as": "tom"}
    (kicked,) = world.diary.of("member_kicked")
    about = {"seq": 3, "target": f"key:{budi.fingerprint[:8]}", "name": "budi"}
    assert kicked == {**about, "reason": "spam", "until": kicked["until"], **by}
    (banned,) = world.diary.of("target_banned")
    assert (banned["target"], banned["until"], banned["strangers"]) == ("10.9.0.0/16", "forever", False)
    assert world.diary.of("ban_lifted")[0]["lifted"] == ban.id
    assert world.diary.of("target_muted")[0]["target"] == f"key:{ana.fingerprint[:8]}"
    assert len(world.diary.of("mute_lifted")) == 1
    assert world.diary.of("name_released") == [
        {"seq": world.log.head, "name": "budi", "key": budi.fingerprint[:8], **by}
    ]
