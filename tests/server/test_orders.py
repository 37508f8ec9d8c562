"""The admin's orders in the whole server without network and disk: who is removed, kept out and silenced, and for how
long."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld
from kit.orders import carry_out, denied, hits, in_force, left, order

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import MAX_ORDER_MS
from sockatuh.room import orders as o
from sockatuh.room.entries import Banned
from sockatuh.room.log import Append
from sockatuh.room.targets import Target
from sockatuh.server.trusted_clock import BELIEVED_AFTER


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


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


def test_what_is_not_in_the_table_of_who_may_ask_for_what_is_no_order(world: InstantWorld) -> None:
    class Pardon(o.Unban, frozen=True):
        """An unban of which the table knows nothing."""

    budi = world.person("budi")
    carry_out(world, o.Ban(target="budi"), o.BanSet)
    assert denied(world, Pardon(target="budi")) == "unknown"
    assert not world.person("budi", key=budi.key).is_in


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


# Addresses.


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


def test_a_classic_member_is_muted_at_its_address(world: InstantWorld) -> None:
    ana, typist = world.person("ana"), world.teletype()
    typist.join("budi")
    carry_out(world, o.Mute(name="budi"), o.MuteSet)
    typist.send(b"hello")
    assert ana.story[-1] == "budi joined"


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
