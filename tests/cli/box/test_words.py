from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
import pytest
from cli.box.replies import replies
from hostile import TEXTS, faults_of_text

from sockatuh.cli import which_room
from sockatuh.cli.box.caller import Caller
from sockatuh.cli.box.words import MOST_NAMED, in_words
from sockatuh.cli.direction import without_marks
from sockatuh.cli.which_room import Installed
from sockatuh.room import orders

CALLER: Final = Caller()
SERVICE: Final = Caller(has_sudo=True)
KINDS: Final = tuple(replies())


def told(kind: str, *, is_dry: bool = False, caller: Caller = CALLER) -> list[str]:
    case = replies()[kind]
    return in_words(case.reply, case.order, caller, is_dry=is_dry)


def test_there_is_a_case_for_every_reply_of_an_order() -> None:
    kinds = {type(case.reply) for case in replies().values()}
    assert kinds == {*orders.Done.__args__}


@pytest.mark.parametrize("kind", KINDS)
def test_every_reply_has_words_in_every_language_and_says_so_if_nothing_was_done(kind: str, spoken: ModuleType) -> None:
    did, would = told(kind), told(kind, is_dry=True)
    assert all(did)
    assert spoken.NOTHING_DONE not in did
    assert would[-1] == spoken.NOTHING_DONE


def test_a_kick_says_who_how_many_sessions_from_where_until_when_and_how_to_end_it() -> None:
    first, end, why, command = told("kick")
    assert first == "budi (key k7Qm3xYz) was removed: 3 sessions, from 192.168.1.20 and 192.168.1.31."
    assert end.startswith("Its key is refused until 2030-01-31 ")
    assert end.endswith(" (5 minutes).")
    assert (why, command) == ("Told as the reason: flooding", "To end it: sockatuh unban 812")


def test_a_kick_names_all_members_that_the_key_had() -> None:
    assert told("kick of a key with two names")[1] == "Removed: budi, tom3 (2 of 12 members)."
    assert told("kick of a key with two names", is_dry=True)[1] == "Would be removed: budi, tom3 (2 of 12 members)."


def test_who_has_no_key_is_kept_out_by_name_and_address() -> None:
    first, end, *_ = told("kick, classic and lost")
    assert first == "budi (classic) was removed; contact was lost, it had come from 192.168.1.20 and 192.168.1.31."
    assert end.startswith("Its name at its address is refused until ")


def test_a_name_that_is_muted_is_nobody_of_the_classic_dialect() -> None:
    first, why, _ = told("mute of a name")
    assert first.startswith("name:budi is muted until ")
    assert why == "Told as the reason: flooding"


@pytest.mark.parametrize("kind", ["kick, classic and lost", "mute, classic"])
def test_of_somebody_without_a_key_it_is_said_that_another_name_helps_them_and_that_they_are_told_nothing(
    kind: str,
) -> None:
    *_, another, why, _ = told(kind)
    assert another.startswith("It does not concern the same person under another name. ")
    assert "can be banned: sockatuh ban 192.168.1.20" in another
    assert why == "Kept as the reason: flooding"


def test_a_ban_of_a_key_tells_its_addresses_who_else_is_there_and_what_makes_it_sure() -> None:
    first, removed, came, others, _, password, end = told("ban of a key")
    assert first.startswith("budi (key k7Qm3xYz) is banned until 2030-01-31 ")
    assert removed == "Removed: budi (1 of 12 members)."
    assert came == "The key came from 192.168.1.20; addresses are not banned with it."
    assert others == "2 others are there: budi, siti."
    assert password.startswith("A new key costs nothing to whoever has the password.")
    assert password.endswith("`sockatuh hash-password` prints into the configuration, then: sockatuh reload")
    assert end == "To end it: sockatuh unban 813"


def test_a_ban_of_a_key_in_the_service_gives_the_one_command_that_changes_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Caller, "runs_service", lambda _: True)
    password = told("ban of a key", caller=SERVICE)[-2]
    assert password.endswith("change the password: sudo sockatuh hash-password --service")


def test_a_room_that_is_named_is_not_taken_for_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    service = Installed(Path("/etc/systemd/system/sockatuh.service"), is_active=True, is_listening=True)
    monkeypatch.setattr(which_room, "find_installed", lambda: service)
    for name in which_room.NAMES_A_ROOM:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SOCKATUH_CONTROL", raising=False)
    assert Caller().runs_service()
    assert not Caller(socket="/srv/control").runs_service()
    monkeypatch.setenv("SOCKATUH_CONTROL", "/srv/control")
    assert not Caller().runs_service()


def test_a_ban_without_an_end_that_replaces_another_says_both() -> None:
    rows = told("ban of a key that is alone")
    assert rows[0] == "key:k7Qm3xYz is banned for ever."
    assert "Nobody else is there." in rows
    assert "It replaces the ban 801." in rows
    assert "It would replace the ban 801." in told("ban of a key that is alone", is_dry=True)


def test_bans_of_addresses_and_names_say_whom_they_keep_out() -> None:
    assert told("ban of a network")[0].startswith("10.0.0.0/24 is banned until ")
    assert told("ban of a network")[1] == "It concerns nobody who is here."
    assert told("ban of strangers")[0].startswith("From 10.0.0.0/24, keys that are new to the room are refused until ")
    assert told("ban of a name")[0].startswith("Nobody may have the name budi, or one that looks like it, until ")
    for kind in ("ban of a network", "ban of strangers", "ban of a name"):
        assert not any("password" in row for row in told(kind))


def test_of_many_removed_the_first_are_named_and_the_others_counted() -> None:
    case = replies()["ban of a network"]
    reply = msgspec.structs.replace(case.reply, removed=tuple(f"member{n}" for n in range(23)), members=31)
    removed = in_words(reply, case.order, CALLER)[1]
    assert f"member{MOST_NAMED - 1} and 3 others (23 of 31 members)." in removed
    assert f"member{MOST_NAMED}," not in removed


def test_a_struck_line_says_that_older_backups_keep_it() -> None:
    assert told("strike")[0].startswith("The text of line 790 is gone: budi said it at ")
    assert told("strike")[1] == "Backups that were made before still have it."
    assert "said it to budi alone at" in told("strike of a private line")[0]


@pytest.mark.usefixtures("in_indonesian")
def test_in_indonesian_a_ban_reads_as_well() -> None:
    rows = told("ban of a key that is alone")
    assert rows[0] == "key:k7Qm3xYz telah dilarang masuk untuk selamanya."
    assert rows[-1] == "Untuk mengakhirinya: sockatuh unban 813"


def test_the_command_that_ends_an_order_is_for_the_same_room_and_quoted() -> None:
    caller = Caller(socket="/run/my room/control", config=Path("a.toml"), has_sudo=True)
    row = told("kick", caller=caller)[-1]
    assert row.endswith(": sudo sockatuh unban --socket '/run/my room/control' --config a.toml 812")
    assert Caller().command("kick", "-rf") == "sockatuh kick -- -rf"
    assert Caller().command("kick", "o'neil") == "sockatuh kick 'o'\"'\"'neil'"


def test_no_text_of_a_strangers_gets_through() -> None:
    for name, text in TEXTS.items():
        for kind, case in replies(text, text).items():
            for row in in_words(case.reply, case.order, CALLER):
                assert faults_of_text(without_marks(row)) == [], (name, kind)
                assert "\n" not in row, (name, kind)


def test_a_time_that_is_none_is_shown_cleaned() -> None:
    case = replies()["kick"]
    reply = msgspec.structs.replace(case.reply, until="\x1b[2Jnever")
    assert "until never (5 minutes)" in in_words(reply, case.order, CALLER)[1]


def test_whoever_runs_the_command_is_known_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert Caller.of(None, None) == Caller()
    monkeypatch.setenv("SUDO_USER", "tom")
    assert Caller.of("s", None) == msgspec.structs.replace(SERVICE, socket="s")
