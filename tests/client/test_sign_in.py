"""The way into a room (sockatuh/client/sign_in.py), with a room in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from prove.false_server import FalseServer, Meeting, Trick, welcome

from sockatuh import NameTaken, Profile, Refused, Removed, ServerUnproven, connect
from sockatuh.client.items import NameFree, NameRefused, Notice, PasswordWrong, SignedIn, TryLater
from sockatuh.client.room_password import RoomPassword
from sockatuh.client.sign_in import PasswordAgain, Reason
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_NAME_BYTES
from sockatuh.room.password import MAX_PASSWORD_BYTES
from sockatuh.testing import MemoryRoom, run

RIGHT = "tulip-harbor"


class Person:
    """Answers with names (None: the suggested one) and passwords in their order."""

    def __init__(self, names: list[str | None], *passwords: str) -> None:
        self.asked: list[object] = []
        self.notices: list[Notice] = []
        self._names, self._passwords = names, list(passwords)

    async def name(self, suggested: str) -> str:
        self.asked.append(suggested)
        answer = self._names.pop(0)
        return suggested if answer is None else answer

    async def password(self, reason: Reason) -> str:
        self.asked.append(reason)
        return self._passwords.pop(0)

    def answered(self) -> None:
        self.asked.append("in")


def sign_in(person: Person, *, meets: Profile | None = None, **options: Any) -> str:
    """Sign a person in to a room that ana is in, with a profile that may have met it; return the name they have."""

    async def story() -> str:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            if meets is not None:
                async with kitchen.connect(name="anybody", profile=meets, role="script"):
                    pass
            options.setdefault("password", None)
            async with kitchen.connect(questions=person, on_notice=person.notices.append, **options) as room:
                return room.me

    return run(story())


def test_a_free_variant_of_a_name_that_is_in_use_is_suggested() -> None:
    person = Person([None], RIGHT)
    assert sign_in(person, name="ana") == "ana2"
    assert person.asked[:2] == ["ana2", Reason.JOINING]
    refused, signed_in = person.notices
    assert isinstance(refused, NameRefused)
    assert refused.name == "ana"
    assert signed_in == SignedIn()


def test_a_name_that_is_given_again_goes_to_the_password_and_is_refused_with_its_reason_after_it() -> None:
    person = Person(["ana", None], RIGHT)
    assert sign_in(person, name="ana") == "ana2"
    assert person.asked[:3] == ["ana2", Reason.JOINING, "ana2"]
    codes = [notice.why.code for notice in person.notices if isinstance(notice, NameRefused)]
    assert codes == ["name_unavailable", "name_taken"]


def test_an_empty_password_is_asked_for_again_and_after_a_wrong_one_leads_back_to_the_name() -> None:
    person = Person(["bea", "cleo"], "", "wrong", "", RIGHT)
    assert sign_in(person, login="tom") == "cleo"
    assert person.asked[:6] == ["tom", Reason.JOINING, Reason.JOINING, Reason.JOINING, "bea", Reason.JOINING]


def test_an_invalid_name_is_asked_for_again() -> None:
    person = Person(["bea"], RIGHT)
    assert sign_in(person, name="two\u2028rows") == "bea"
    (refused,) = (notice for notice in person.notices if isinstance(notice, NameRefused))
    assert refused.why.code == "name_invalid"


def test_a_password_longer_than_any_is_wrong_without_being_sent() -> None:
    person = Person([], "x" * (MAX_PASSWORD_BYTES + 1), RIGHT)
    assert sign_in(person, name="bea") == "bea"
    assert PasswordWrong() in person.notices
    assert not [notice for notice in person.notices if isinstance(notice, TryLater)]


def test_a_guessing_person_is_delayed_and_notified() -> None:
    person = Person([], *(f"wrong{number}" for number in range(6)), RIGHT)
    assert sign_in(person, name="bea") == "bea"
    assert max(notice.seconds for notice in person.notices if isinstance(notice, TryLater)) > 1


def test_a_wrong_password_comes_with_the_words_of_a_server_that_has_proved_nothing() -> None:
    person = Person([], "wrong", RIGHT)
    sign_in(person, name="bea")
    (wrong,) = (notice for notice in person.notices if isinstance(notice, PasswordWrong))
    assert len(wrong.words.split()) == 8
    person, known = Person([], "wrong", RIGHT), Profile()
    sign_in(person, name="bea", profile=known, meets=known)
    assert PasswordWrong() in person.notices


def test_a_password_that_is_typed_a_fourth_time_is_not_given_to_a_server_that_has_proved_nothing() -> None:
    person = Person([], *["wrong"] * 4, RIGHT)
    with pytest.raises(ServerUnproven) as unproven:
        sign_in(person, name="bea")
    assert unproven.value.reason == "proofs"
    known = Profile()
    assert sign_in(Person([], *["wrong"] * 4, RIGHT), name="bea", profile=known, meets=known) == "bea"


def spell(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
    """Spell every name as the password that is guessed."""
    return welcome() if join.proof else server.offer(meeting, RIGHT.upper())


def suggest(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
    """Refuse every other name than the password that is guessed."""
    if join.name != "bea":
        return spell(server, meeting, join)
    return m.Refused("name_invalid", suggestion=RIGHT)


@pytest.mark.parametrize(("trick", "names"), [(spell, ["bea"]), (suggest, ["bea", None])])
def test_a_false_server_that_calls_somebody_by_the_password_does_not_learn_that_it_is_right(
    trick: Trick, names: list[str | None]
) -> None:
    person = Person(names, RIGHT)

    async def story() -> int:
        with FalseServer(trick) as server:
            with pytest.raises(ServerUnproven):
                async with connect(f"127.0.0.1:{server.port}", questions=person, on_notice=person.notices.append):
                    pass
            return len(server.proofs)

    assert asyncio.run(story()) == 1
    assert not [notice for notice in person.notices if isinstance(notice, NameRefused) and notice.name != "bea"]


@pytest.mark.parametrize("sentence", ["", "Type the password at evil.example", "\u202eana ana", "x\ny"])
def test_a_text_that_is_no_name_is_neither_shown_nor_suggested_as_one(sentence: str) -> None:
    person = Person(["bea", "cleo"], RIGHT)

    def trick(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
        if join.name == "bea":
            return m.Refused("name_invalid", suggestion=sentence)
        return welcome() if join.proof else server.offer(meeting, sentence)

    async def story() -> None:
        with FalseServer(trick) as server:
            with pytest.raises(ServerUnproven):
                async with connect(f"127.0.0.1:{server.port}", questions=person, on_notice=person.notices.append):
                    pass
            assert server.joins[-1].name == "cleo"

    asyncio.run(story())
    assert person.asked == ["", "", Reason.JOINING]
    assert NameFree("cleo", "cleo") in person.notices


def test_a_reserved_name_is_asked_for_again_like_a_taken_one() -> None:
    person = Person(["bea"])

    def trick(server: FalseServer, meeting: Meeting, join: m.Join) -> m.AnswerBody:
        is_reserved = join.name in ("admin", "admin2")
        return m.Refused("name_reserved") if is_reserved else server.offer(meeting, join.name or "")

    async def story() -> None:
        with FalseServer(trick) as server:
            address = f"127.0.0.1:{server.port}"
            with pytest.raises(IndexError):  # nobody types a password
                async with connect(address, name="admin", questions=person, on_notice=person.notices.append):
                    pass

    asyncio.run(story())
    assert person.asked == ["admin3", Reason.JOINING]
    (refused,) = (notice for notice in person.notices if isinstance(notice, NameRefused))
    assert isinstance(refused.why, NameTaken)


@pytest.mark.parametrize("code", ["kicked", "banned"])
def test_whoever_is_banned_is_asked_nothing_more(code: str) -> None:
    person = Person(["bea"], RIGHT)

    def trick(*_: object) -> m.AnswerBody:
        return m.Refused(code, 60_000, "flooding \x1b[31m")

    async def story() -> None:
        with FalseServer(trick) as server:
            with pytest.raises(Removed) as removed:
                async with connect(f"127.0.0.1:{server.port}", name="ana", questions=person):
                    pass
            assert len(server.joins) == 1
        assert (removed.value.code, removed.value.wait, removed.value.reason) == (code, 60.0, "flooding")
        assert removed.value.until is not None

    asyncio.run(story())
    assert person.asked == []


def test_a_name_that_is_typed_and_is_the_password_is_asked_for_again_and_not_proved() -> None:
    person = Person([RIGHT.upper(), "bea"], RIGHT)
    assert sign_in(person) == "bea"
    codes = [notice.why.code for notice in person.notices if isinstance(notice, NameRefused)]
    assert codes == ["name_is_password"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "name_missing"),
        ({"name": "bea", "password": None}, "password_missing"),
        ({"name": "bea", "password": "wrong"}, "password_wrong"),
        ({"name": "b" * (MAX_NAME_BYTES + 1)}, "name_invalid"),
        ({"name": "ana"}, "name_taken"),
    ],
)
def test_a_script_is_asked_nothing_and_gets_the_refusal(options: dict[str, Any], code: str) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            with pytest.raises(Refused) as refusal:
                async with kitchen.connect(**options):
                    pass
            assert refusal.value.code == code

    run(story())


def no_failure(error: Exception) -> None:
    raise error


def ask_again(test: Callable[[PasswordAgain, Person, list[str]], Coroutine[Any, Any, None]], *passwords: str) -> None:
    """Test asking again, given the asker, the person, and the passwords the client retried with."""

    async def story() -> None:
        person, offered = Person([], *passwords), list[str]()
        await test(PasswordAgain(person, RoomPassword(None), offered.append), person, offered)

    run(story())


def test_a_changed_password_is_asked_for_once_however_often_the_ticket_is_refused() -> None:
    async def story(again: PasswordAgain, person: Person, offered: list[str]) -> None:
        failures: list[Exception] = []
        for _ in range(3):
            assert again.mend(Refused("ticket_refused"), failures.append)
        await asyncio.sleep(1)
        assert again.mend(Refused("ticket_refused"), failures.append)  # of a session from before the answer
        await asyncio.sleep(1)
        assert person.asked == [Reason.CHANGED, Reason.WRONG]
        assert (offered, failures) == ([RIGHT], [])

    ask_again(story, "x" * (MAX_PASSWORD_BYTES + 1), RIGHT)


def test_a_new_password_that_is_wrong_is_asked_for_again_and_offered_when_the_server_allows_it() -> None:
    async def story(again: PasswordAgain, person: Person, offered: list[str]) -> None:
        again.mend(Refused("ticket_refused"), no_failure)
        await asyncio.sleep(1)
        again.mend(Refused("password_wrong", wait=30.0), no_failure)
        await asyncio.sleep(29)
        assert offered == ["wrong"]
        await asyncio.sleep(2)
        assert offered == ["wrong", RIGHT]
        assert person.asked == [Reason.CHANGED, Reason.WRONG]
        again.admitted()
        again.mend(Refused("ticket_refused"), no_failure)
        await asyncio.sleep(1)
        assert person.asked == [Reason.CHANGED, Reason.WRONG, "in", Reason.CHANGED]

    ask_again(story, "wrong", RIGHT, "another")


def test_giving_no_password_ends_with_the_refusal() -> None:
    async def story(again: PasswordAgain, person: Person, offered: list[str]) -> None:
        failures: list[Exception] = []
        refused = Refused("ticket_refused")
        assert again.mend(refused, failures.append)
        await asyncio.sleep(1)
        assert (failures, offered, person.asked) == ([refused], [], [Reason.CHANGED])

    ask_again(story, "")


def test_a_refusal_that_no_password_mends_and_one_without_anybody_to_ask_are_not_taken() -> None:
    async def story(again: PasswordAgain, person: Person, offered: list[str]) -> None:
        assert not again.mend(Refused("name_taken"), no_failure)
        nobody = PasswordAgain(None, RoomPassword(None), offered.append)
        assert not nobody.mend(Refused("ticket_refused"), no_failure)
        assert person.asked == []

    ask_again(story)
