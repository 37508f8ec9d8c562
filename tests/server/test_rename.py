"""Renames at the whole server: what the log, the sessions, the tickets and the others get of one."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.password_hash import quick_hash
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Joined, Left, Renamed
from sockatuh.server.entry_rate import ENTRIES_BURST

GRACE = Limits().grace_seconds
IDLE = Limits().idle_seconds


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def names(world: InstantWorld) -> list[str]:
    return [member.name for member in world.room.members]


def come_back(world: InstantWorld, key: bytes, ticket: bytes) -> str:
    """Join by a ticket, leave again, and return the name under which the client was let in."""
    back = world.person(key=key, ticket=ticket)
    back.peer.join("tom", None, world.now)
    world.settle()
    back.leave()
    return back.last(e.Admitted).name


def refused(client: Client) -> str:
    return client.last(e.RequestRefused).why.code


def test_a_rename_is_answered_shown_to_everybody_and_keeps_the_member(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    before = world.room.members[-1]
    request = tom.rename("tomas")
    changed = tom.last(e.NameChanged)
    assert (changed.name, changed.request) == ("tomas", request)
    assert changed.ticket
    assert budi.story[-1] == tom.story[-1] == "tom is now tomas"
    assert budi.entries[-1].tag == before.owner[:8]
    after = world.room.members[-1]
    assert (after.name, after.joined_at, after.sessions) == ("tomas", before.joined_at, before.sessions)
    tom.say("hello")
    assert budi.story[-1] == "tomas: hello"
    assert budi.who() == ["budi", "tomas"]


def test_both_entries_are_one_write_and_the_old_names_end_is_shown_to_nobody(world: InstantWorld) -> None:
    tom = world.person("tom")
    budi = world.person("budi")
    tom.rename("tomas")
    renamed, left = world.log.rows[-2:]
    assert renamed.key == world.room.members[-1].key != left.key
    assert isinstance(renamed.body, Renamed)
    assert isinstance(left.body, Left)
    assert (left.body.reason, left.body.renamed_to, left.body.unshown) == ("renamed", "tomas", True)
    assert budi.story == ["tom is now tomas"]
    budi.say("hi")
    assert tom.story[-2:] == ["tom is now tomas", "budi: hi"]
    assert not tom.all(e.EntriesGone)


def test_another_spelling_of_the_own_name_is_one_entry(world: InstantWorld) -> None:
    tom = world.person("tom")
    head = world.log.head
    tom.rename("Tom")
    assert world.log.head == head + 1
    assert tom.story[-1] == "tom is now Tom"
    assert names(world) == ["Tom"]
    tom.leave()
    assert isinstance(left := world.bodies()[-1], Left)
    assert (left.name, left.reason) == ("Tom", "left")


def test_the_name_one_has_is_answered_and_nothing_appended(world: InstantWorld) -> None:
    tom = world.person("tom")
    head = world.log.head
    tom.rename("tom")
    assert tom.last(e.NameChanged).name == "tom"
    assert world.log.head == head


@pytest.mark.parametrize("name", ["a:b", "", "x" * 33, "BUDI", "Budı", "eva", "oldpi"])
def test_a_name_is_refused_as_in_joining(world: InstantWorld, name: str) -> None:
    tom, eva = world.person("tom"), world.person("eva")
    world.person("budi")
    world.teletype().join("oldpi")
    eva.leave()
    head = world.log.head
    tom.rename(name)
    asked = world.person()
    asked.join(name)
    assert refused(tom) == asked.refusals[-1]
    assert world.log.head == head
    assert len(world.diary.of("name_refused")) == 2


@pytest.mark.parametrize("name", [PASSWORD, PASSWORD.upper(), PASSWORD.replace(" ", "_")])
def test_a_name_that_is_the_password_is_refused_and_not_logged(world: InstantWorld, name: str) -> None:
    tom = world.person("tom")
    tom.rename(name)
    assert refused(tom) == "name_is_password"
    assert not any(name in str(each.fields) for each in world.diary.logged)


def test_who_is_in_under_an_earlier_password_is_told_nothing_about_the_next(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.server.desk.forget_password()
    world.person("budi")
    tom.rename(PASSWORD.replace(" ", "_"))
    assert tom.last(e.NameChanged).name == PASSWORD.replace(" ", "_"), "it may guess, but learns nothing"


def test_who_is_in_under_an_earlier_password_gets_no_ticket_that_stands_in_for_the_next(world: InstantWorld) -> None:
    tom = world.person("tom")
    first = tom.last(e.Admitted).ticket
    world.parts.secure.replace_password(quick_hash("another password"))
    tom.rename("tomas")
    assert tom.last(e.NameChanged) == e.NameChanged("tomas", b"", 1)
    assert tom.peer._credentials.ticket == first, "a void one, but no empty one"
    back = world.person(key=tom.key, ticket=first)
    back.peer.join("tomas", None, world.now)
    world.settle()
    assert not back.is_in


def test_a_session_that_is_let_in_while_the_spelling_changes_speaks_in_the_new_one(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    world.writer_busy = True
    phone = world.person("tom", key=tom.key)
    tom.rename("Tom")
    world.writer_busy = False
    world.settle()
    assert phone.last(e.Admitted).name == "Tom"
    phone.say("hello")
    assert budi.story[-1] == "Tom: hello"


def test_one_key_is_not_renamed_to_another_of_its_own_members(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.person("tomas", key=tom.key)
    tom.rename("tomas")
    assert refused(tom) == "name_taken"
    assert names(world) == ["tom", "tomas"]


def test_guests_are_not_renamed(world: InstantWorld) -> None:
    robot, screen = world.person("robot", role=m.SCRIPT), world.person("screen", role=m.READER)
    for guest in (robot, screen):
        guest.rename("another")
        assert refused(guest) == "only_members"


def test_before_joining_there_is_nobody_to_rename(world: InstantWorld) -> None:
    outlaw = world.outlaw()
    outlaw.send(m.Call(1, m.Rename("tomas")))
    outlaw.send(m.Call(2, m.Away("lunch")))
    assert outlaw.answers() == [m.Refused("not_joined"), m.Refused("not_joined")]


def test_all_sessions_of_the_member_speak_under_the_new_name(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    phone = world.person("tom", key=tom.key)
    tom.rename("tomas")
    phone.say("from the phone")
    assert budi.story[-1] == "tomas: from the phone"
    assert phone.last(e.NameChanged) == e.NameChanged("tomas", None, None)
    assert [record.name for record in world.ledger.open()] == ["tomas", "budi", "tomas"]


def test_the_old_name_stays_the_keys(world: InstantWorld) -> None:
    tom, eva = world.person("tom"), world.person("eva")
    tom.rename("tomas")
    eva.rename("tom")
    assert refused(eva) == "name_owned"
    tom.rename("tom")
    assert names(world) == ["eva", "tom"]


def test_of_two_who_want_a_name_at_once_the_log_decides(world: InstantWorld) -> None:
    tom, eva = world.person("tom"), world.person("eva")
    world.writer_busy = True
    tom.rename("ana")
    eva.rename("ana")
    newcomer = world.person("ana")
    world.writer_busy = False
    world.settle()
    assert names(world) == ["ana", "eva"]
    assert tom.last(e.NameChanged).name == "ana"
    assert refused(eva) == "name_taken"
    assert newcomer.refusals == ["name_taken"]


def test_a_name_that_was_taken_first_is_not_half_taken(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.writer_busy = True
    newcomer = world.person("ana")
    tom.rename("ana")
    world.writer_busy = False
    world.settle()
    assert newcomer.is_in
    assert refused(tom) == "name_taken"
    assert names(world) == ["ana", "tom"]
    assert not [body for body in world.bodies() if isinstance(body, Renamed)]


def test_two_sessions_of_one_member_that_rename_at_once_are_renamed_one_after_the_other(world: InstantWorld) -> None:
    tom = world.person("tom")
    phone = world.person("tom", key=tom.key)
    world.writer_busy = True
    tom.rename("tomas")
    phone.rename("thomas")
    world.writer_busy = False
    world.settle()
    assert names(world) == ["thomas"]
    assert list(dict.fromkeys(event.name for event in tom.all(e.NameChanged))) == ["tomas", "thomas"]
    assert phone.story[-2:] == ["tom is now tomas", "tomas is now thomas"]


@pytest.mark.parametrize("waits", [False, True])
def test_leaving_while_the_rename_is_written_ends_the_membership_under_the_new_name(
    world: InstantWorld, waits: bool
) -> None:
    tom = world.person("tom")
    world.writer_busy = True
    tom.rename("tomas")
    if waits:
        world.advance(0.5)
    tom.leave()
    world.writer_busy = False
    world.settle()
    assert names(world) == []
    assert isinstance(left := world.bodies()[-1], Left)
    assert (left.name, left.reason) == ("tomas", "left")


def test_who_loses_contact_while_renamed_leaves_at_graces_end_under_the_new_name(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.writer_busy = True
    tom.rename("tomas")
    tom.cut_off = True
    world.advance(IDLE + 2)
    world.writer_busy = False
    world.settle()
    assert names(world) == ["tomas"]
    world.advance(GRACE + 2)
    assert isinstance(left := world.bodies()[-1], Left)
    assert (left.name, left.reason) == ("tomas", "lost")
    assert world.log.rows[-1].key == world.log.rows[-3].key


def test_a_room_that_closes_while_somebody_is_renamed_is_empty_in_the_log(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.person("budi")
    world.writer_busy = True
    tom.rename("tomas")
    world.room_server.empty_room()
    tom.rename("thomas")
    world.writer_busy = False
    world.settle()
    left = [(body.name, body.reason) for body in world.bodies() if isinstance(body, Left)]
    assert left == [("tom", "renamed"), ("budi", "closed"), ("tomas", "closed")]
    assert names(world) == []


def test_a_ticket_for_the_old_name_leads_to_the_new_one(world: InstantWorld) -> None:
    tom = world.person("tom")
    phone = world.person("tom", key=tom.key)
    phone.cut_off = True
    old = phone.last(e.Admitted).ticket
    world.advance(IDLE + 2)
    tom.rename("tomas")
    tom.rename("thomas")
    assert come_back(world, tom.key, old) == "thomas"
    tom.leave()
    assert not world.room.members
    assert come_back(world, tom.key, old) == "thomas", "also after it has left"
    assert [body.name for body in world.bodies() if isinstance(body, Joined)] == ["tom", "thomas"]


@pytest.mark.parametrize("taken", ["tomas", "tom"])
@pytest.mark.parametrize("restarts", [False, True])
def test_it_does_so_even_where_somebody_else_has_taken_a_name_on_the_way(taken: str, restarts: bool) -> None:
    world = InstantWorld(ownership=0.0)
    tom, eva = world.person("tom"), world.person("eva")
    phone = world.person("tom", key=tom.key)
    phone.cut_off = True
    old = phone.last(e.Admitted).ticket
    world.advance(IDLE + 2)
    tom.rename("tomas")
    tom.rename("thomas")
    eva.rename(taken)
    if restarts:
        world.begin()
    assert come_back(world, tom.key, old) == "thomas"
    assert [body.name for body in world.bodies() if isinstance(body, Joined)] == ["tom", "eva"]


def test_a_restart_finds_the_member_under_the_new_name_and_lets_it_return(world: InstantWorld) -> None:
    tom = world.person("tom")
    tom.rename("tomas")
    world.begin()
    assert names(world) == ["tomas"]
    world.until(lambda: len(tom.all(e.Admitted)) == 2)
    assert tom.last(e.Admitted).name == "tomas"
    assert [body for body in world.bodies() if isinstance(body, Joined)] == [world.bodies()[0]]
    tom.leave()
    assert isinstance(left := world.bodies()[-1], Left)
    assert left.seconds > 0
    assert names(world) == []


def test_a_crash_before_the_write_leaves_the_old_name(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.writer_busy = True
    tom.rename("tomas")
    world.writer_busy = False
    world.begin()
    assert names(world) == ["tom"]
    world.until(lambda: bool(tom.all(e.NameChanged)))
    assert names(world) == ["tomas"], "the client asked again"


def test_while_the_log_refuses_the_rename_waits_and_the_client_is_told(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.log.full = True
    tom.rename("tomas")
    world.advance(10)
    assert not tom.all(e.NameChanged)
    assert not tom.all(e.ContactLost)
    world.log.full = False
    world.until(lambda: bool(tom.all(e.NameChanged)))
    assert world.kinds().count("renamed") == 1


def test_a_lying_disk_renames_once(world: InstantWorld) -> None:
    tom = world.person("tom")
    world.log.lying = True
    tom.rename("tomas")
    world.log.lying = False
    world.until(lambda: bool(tom.all(e.NameChanged)))
    assert world.kinds() == ["joined", "renamed", "left"]
    assert names(world) == ["tomas"]


def test_renames_share_the_rate_of_joins(world: InstantWorld) -> None:
    tom = world.person("tom")
    for number in range(ENTRIES_BURST + 5):
        tom.rename(f"tom{number}")
        world.advance(0.2)
    assert refused(tom) == "busy"
    assert world.kinds().count("renamed") == ENTRIES_BURST - 1, "its join counted as well"
    assert tom.last(e.RequestRefused).why.wait > 0


def test_classic_members_read_it_in_plain_text(world: InstantWorld) -> None:
    tom, oldpi = world.person("tom"), world.teletype()
    oldpi.join("oldpi")
    tom.rename("tomas")
    assert oldpi.received[-1] == b"tom is now tomas"


def test_a_member_nobody_was_shown_is_renamed_for_everybody_and_leaves_unshown() -> None:
    world = InstantWorld(join_lines_up_to=1)
    ana, tom = world.person("ana"), world.person("tom")
    assert "tom joined" not in ana.story
    world.advance(2)
    tom.rename("tomas")
    assert ana.story[-1] == "tom is now tomas"
    world.advance(2)
    tom.leave()
    world.advance(2)
    assert ana.story[-1] == "tom is now tomas"
    gone = [change for event in ana.all(e.PresenceChanged) for change in event.changed if change.state == m.GONE]
    assert [change.name for change in gone] == ["tomas"]


def test_the_log_of_events_names_both_names_and_no_leave(world: InstantWorld) -> None:
    tom = world.person("tom")
    tom.rename("tomas")
    [renamed] = world.diary.of("member_renamed")
    assert (renamed["name"], renamed["new"], renamed["seq"]) == ("tom", "tomas", world.log.head - 1)
    assert not world.diary.of("member_left")
