"""Private lines at the whole server: who is shown them, who can be addressed, and what the admin reads."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Whispered

GRACE = Limits().grace_seconds
IDLE = Limits().idle_seconds


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def whispers(world: InstantWorld) -> list[tuple[str, str, str]]:
    return [(body.name, body.to, body.text) for body in world.bodies() if isinstance(body, Whispered)]


def test_a_private_line_is_shown_to_all_sessions_of_the_two_keys_and_to_nobody_else(world: InstantWorld) -> None:
    tom, budi, eva = world.person("tom"), world.person("budi"), world.person("eva")
    phone = world.person("budi", key=budi.key)
    number = tom.whisper("budi", "the key is under the mat")
    assert tom.stored == {number: world.log.head}
    for one in (tom, budi, phone):
        assert one.story[-1] == "tom → budi: the key is under the mat"
    assert "the key is under the mat" not in " ".join(eva.story)
    assert tom.last(e.EntryArrived).own == number
    tom.say("soup at one")
    assert eva.story[-1] == "tom: soup at one"
    assert not eva.all(e.EntriesGone), "its number is no gap"


@pytest.mark.parametrize("recent_entries", [8_192, 3])
def test_whoever_reads_later_from_memory_or_from_the_database_is_shown_only_its_own(recent_entries: int) -> None:
    world = InstantWorld(limits=Limits(recent_entries=recent_entries, lines_burst=100))
    tom, budi = world.person("tom"), world.person("budi")
    for count in range(10):
        tom.say(f"public {count}")
        tom.whisper("budi", f"private {count}")
    world.until(lambda: len(tom.stored) == 20)
    late = world.person("eva")
    world.until(lambda: bool(late.all(e.CaughtUp)))
    assert [line for line in late.story if line.startswith("tom: public")][-1] == "tom: public 9"
    assert not any("private" in line for line in late.story)
    assert not late.all(e.EntriesGone)
    again = world.person("budi", key=budi.key)
    world.until(lambda: bool(again.all(e.CaughtUp)))
    assert [line for line in again.story if "→" in line] == [f"tom → budi: private {count}" for count in range(10)]


@pytest.mark.parametrize("asked", ["budi", "BUDI", "Budı", "вudi"])
def test_the_addressee_is_found_by_name_key_and_written_as_the_room_writes_it(world: InstantWorld, asked: str) -> None:
    tom, budi = world.person("tom"), world.person("Budi")
    tom.whisper(asked, "hi")
    if world.room.judge_name(asked, "", 0) == world.room.judge_name("Budi", "", 0):
        assert budi.story[-1] == "tom → Budi: hi"
    else:
        assert tom.all(e.LineRefused)[-1].code == "no_such_name"


def test_nobody_of_that_name_is_an_answer_that_blocks_nothing(world: InstantWorld) -> None:
    tom = world.person("tom")
    refused, following = tom.whisper("bud", "hi"), tom.say("next")
    assert tom.all(e.LineRefused) == [e.LineRefused(refused, "no_such_name")]
    assert list(tom.stored) == [following]
    assert not whispers(world)


def test_a_private_line_waits_for_somebody_who_has_left_but_owns_the_name(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("Budi")
    cursor = budi.seen[-1] if budi.seen else world.log.head
    budi.leave()
    tom.whisper("budi", "call me")
    assert whispers(world) == [("tom", "Budi", "call me")]
    again = world.person("budi", key=budi.key, cursor=cursor)
    world.until(lambda: bool(again.all(e.CaughtUp)))
    assert "tom → Budi: call me" in again.story


def test_after_a_restart_the_owner_of_a_name_is_still_found(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("Budi")
    budi.leave()
    world.begin()
    tom.whisper("budi", "call me")
    world.until(lambda: bool(tom.stored))
    assert whispers(world) == [("tom", "Budi", "call me")]


def test_a_private_line_reaches_whoever_lost_contact_and_comes_back(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    budi.cut_off = True
    world.advance(IDLE + 5)
    tom.whisper("budi", "call me")
    budi.cut_off = False
    world.until(lambda: budi.story[-1:] == ["tom → budi: call me"])


def test_a_private_line_to_oneself_is_a_note(world: InstantWorld) -> None:
    tom, eva = world.person("tom"), world.person("eva")
    tom.whisper("tom", "milk")
    assert tom.story[-1] == "tom → tom: milk"
    assert "milk" not in " ".join(eva.story)


def test_who_reads_in_clear_is_not_sent_private_lines(world: InstantWorld) -> None:
    tom, oldpi = world.person("tom"), world.teletype()
    oldpi.join("oldpi")
    number = tom.whisper("oldpi", "the key is under the mat")
    assert tom.all(e.LineRefused) == [e.LineRefused(number, "reads_in_clear")]
    assert not whispers(world)
    world.person("budi")
    tom.whisper("budi", "the key is under the mat")
    assert whispers(world)
    assert oldpi.received == [b"Username valid!", b"Berhasil bergabung!"]


def test_a_guest_is_an_addressee_and_a_script_may_whisper_but_a_reader_not(world: InstantWorld) -> None:
    tom, robot = world.person("tom"), world.person("robot", role=m.SCRIPT)
    screen = world.person("screen", role=m.READER)
    tom.whisper("screen", "shown there")
    assert screen.story[-1] == "tom → screen: shown there"
    robot.whisper("tom", "backup done")
    assert tom.story[-1] == "robot → tom: backup done"
    refused = screen.whisper("tom", "hello")
    assert screen.all(e.LineRefused) == [e.LineRefused(refused, "only_reading")]


def test_a_private_line_follows_an_addressee_who_has_another_name_now(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    budi.rename("bambang")
    tom.whisper("budi", "hi")
    assert budi.story[-1] == "tom → bambang: hi"


def test_texts_are_judged_as_in_the_room_and_before_the_name(world: InstantWorld) -> None:
    tom = world.person("tom")
    codes = [tom.whisper("nobody", text) for text in ("\x1b[2J", "x" * 16_385)]
    assert [(each.number, each.code) for each in tom.all(e.LineRefused)] == [
        (codes[0], "text_empty"),
        (codes[1], "text_too_long"),
    ]


def test_the_longest_private_line_to_the_longest_name_is_delivered_whole(world: InstantWorld) -> None:
    name = "\N{GEORGIAN LETTER AN}" * 32
    tom, budi = world.person("tom"), world.person(name)
    text = "\N{STEAMING BOWL}" * 4_096
    tom.whisper(name, text)
    world.until(lambda: bool(tom.stored))
    assert budi.story[-1] == f"tom → {name}: {text}"


def test_private_lines_count_as_lines_in_the_rate() -> None:
    world = InstantWorld(limits=Limits(lines_per_second=1.0, lines_burst=3))
    tom = world.person("tom")
    world.person("budi")
    for number in range(5):
        tom.whisper("budi", f"{number}")
    assert len(tom.stored) == 3
    world.advance(2.5)
    assert len(tom.stored) == 5


def test_a_private_line_said_again_after_a_crash_is_stored_once(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.cut_off = True
    tom.peer.say("once", world.now, to="budi")
    for data, _ in tom.peer.datagrams_to_send():
        world.core.receive_datagram(data, tom.address, world.now)
    world.settle()
    world.begin()
    tom.cut_off = False
    world.until(lambda: bool(tom.stored))
    assert whispers(world) == [("tom", "budi", "once")]
    assert budi.story.count("tom → budi: once") == 1


def test_the_admin_reads_that_somebody_whispered_and_never_what() -> None:
    world = InstantWorld(log_texts=True)
    tom = world.person("tom")
    world.person("budi")
    tom.whisper("budi", "the key is under the mat")
    [posted] = world.diary.of("private_line_posted")
    assert posted == {"author": "tom", "to": "budi", "seq": world.log.head, "bytes": 24}
    assert not any("mat" in str(each.fields) for each in world.diary.logged)


def test_a_newcomer_gets_its_lines_of_history_however_many_private_ones_are_between() -> None:
    world = InstantWorld(history_on_join=2)
    tom = world.person("tom")
    world.person("budi")
    tom.say("one")
    tom.say("two")
    for number in range(5):
        tom.whisper("budi", f"{number}")
    eva = world.person("eva")
    assert eva.story[:2] == ["tom: one", "tom: two"]
