"""Whom the admin's orders keep out at every way into the room, and whom they let say nothing."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld
from kit.orders import carry_out, denied, hits, in_force, left, order
from kit.password_hash import quick_hash
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.room import orders as o
from sockatuh.server.room_server import RoomServerOptions


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


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


def test_a_reserved_name_is_one_in_use_to_a_classic_client(world: InstantWorld) -> None:
    typist = world.teletype()
    typist.send(b"Username:admin")
    assert typist.received == [b"Username sudah dipakai! Gunakan username lain."]
