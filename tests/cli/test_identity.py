from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.people import Person, Server

from sockatuh.wording.en import identity as phrases


def test_the_first_look_makes_the_key_and_the_second_shows_the_same(person: Person) -> None:
    ana = person("ana")
    first = ana.call("identity")
    assert first.returncode == 0
    assert "SHA256:" in first.stdout
    assert str(ana.directory / "identity") in first.stdout
    assert ana.call("identity", "show").stdout == first.stdout


def test_known_servers_are_shown_in_words_as_the_server_shows_itself(server: Server, person: Person) -> None:
    budi = person("budi", server)
    budi.call("send", "hello")
    shown = budi.call("identity").stdout
    assert server.address in shown
    assert server.words in shown
    me, known = (json.loads(line) for line in budi.call("identity", "show", "--json").stdout.splitlines())
    assert (me["type"], len(me["words"])) == ("identity", 8)
    assert (known["type"], known["server"], known["room"]) == ("server", server.address, "kitchen")
    assert " ".join(known["words"]) == server.words


def test_a_forgotten_server_is_met_for_the_first_time_again(server: Server, person: Person) -> None:
    citra = person("citra", server)
    citra.call("send", "hello")
    done = citra.call("identity", "forget", server.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.address not in citra.call("identity").stdout
    citra.environ["SOCKATUH_TRUST"] = "strict"
    assert citra.call("send", "hello").returncode == 4


def test_forgetting_a_stranger_fails_and_says_where_to_look(person: Person) -> None:
    done = person("dewi").call("identity", "forget", "nobody.example")
    assert done.returncode == 1
    assert "nobody.example:7625" in done.stderr
    assert "identity show" in done.stderr


def test_an_action_that_lacks_its_server_or_has_one_too_many_is_wrong_usage(person: Person) -> None:
    eka = person("eka")
    usage = ["forget"], ["show", "host"], ["loose", "host"], ["forget", "a host"], ["export"], ["import"]
    for args in (*usage, ["export", "file", "--replace"], ["show", "--replace"]):
        assert eka.call("identity", *args).returncode == 2


# To another machine.


@pytest.mark.slow
def test_a_key_is_carried_to_another_machine_with_the_names_it_owns(
    server: Server, person: Person, tmp_path: Path
) -> None:
    ana, file = person("ana", server), tmp_path / "ana.key"
    assert ana.call("send", "from the old machine").returncode == 0
    passphrase = ("--passphrase-file", "-")
    done = ana.call("identity", "export", str(file), *passphrase, stdin=b"correct horse\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert str(file) in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"SockAtuh identity, version 1\nscrypt 17 8 1 ")

    laptop = person("ana", server, SOCKATUH_CLIENT_DIR=str(tmp_path / "laptop"))
    refused = laptop.call("send", "from another machine")
    assert refused.returncode == 5
    assert "sockatuh identity export" in refused.stderr.replace("\n", " ")

    refused = laptop.call("identity", "import", str(file), *passphrase, stdin=b"correct horse\n")
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    done = laptop.call("identity", "import", str(file), "--replace", *passphrase, "--json", stdin=b"correct horse\n")
    told = json.loads(done.stdout)
    assert (told["type"], Path(told["kept"]).exists()) == ("imported", True)
    assert told["fingerprint"] in ana.call("identity").stdout
    assert laptop.call("send", "from the new machine").returncode == 0
    same = laptop.call("identity", "import", str(file), *passphrase, stdin=b"correct horse\n")
    assert (same.returncode, same.stdout) == (0, f"{phrases.is_the_same()}\n")


def test_an_export_overwrites_nothing_and_wants_a_passphrase_worth_the_name(person: Person, tmp_path: Path) -> None:
    budi, file = person("budi"), tmp_path / "budi.key"
    for typed in (b"short\n", b"\n"):
        done = budi.call("identity", "export", str(file), "--passphrase-file", "-", stdin=typed)
        assert (done.returncode, file.exists()) == (2, False)
    assert budi.call("identity", "export", str(file)).returncode == 2, "nobody is there to be asked"
    for there in (file, tmp_path / "link"):
        if there == file:
            file.write_text("something else")
        else:
            there.symlink_to(tmp_path / "nowhere")
        done = budi.call("identity", "export", str(there), "--passphrase-file", "-", stdin=b"correct horse\n")
        assert done.returncode == 1
        assert "is there already" in done.stderr
    assert file.read_text() == "something else"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"hello", "holds no key"),
        (b"SockAtuh identity, version 9\n", "newer sockatuh"),
        (b"SockAtuh identity, version 1\nscrypt 17 8 1 AAAA\n", "is damaged"),
    ],
)
def test_a_file_that_cannot_be_imported_is_explained_before_the_passphrase_is_asked(
    person: Person, tmp_path: Path, content: bytes | None, says: str
) -> None:
    empty, file = tmp_path / "empty", tmp_path / "file"
    citra = person("citra", SOCKATUH_CLIENT_DIR=str(empty))
    if content is not None:
        file.write_bytes(content)
    done = citra.call("identity", "import", str(file))
    assert done.returncode == 1
    assert says in done.stderr
    assert not empty.exists()


@pytest.mark.slow
def test_the_passphrase_is_typed_twice_unseen_and_a_wrong_one_is_told(person: Person, tmp_path: Path) -> None:
    dewi, file = person("dewi"), tmp_path / "dewi.key"
    for again, status in (("correct house", 1), ("correct horse", 0)):
        screen = dewi.terminal("identity", "export", str(file))
        screen.answer(phrases.ASK_NEW_PASSPHRASE.strip(), "correct horse")
        screen.answer("Again:", again)
        assert screen.end() == status
        assert "correct" not in screen.text
        assert file.exists() is (status == 0)
    assert any(row.startswith("(SHA256:") and row.endswith(")") for row in screen.lines)  # it is not cut at the edge
    other = person("dewi", SOCKATUH_CLIENT_DIR=str(tmp_path / "laptop"))
    for typed, status in (("correct house", 1), ("correct horse", 0)):
        screen = other.terminal("identity", "import", str(file))
        screen.answer(phrases.ASK_PASSPHRASE.strip(), typed)
        assert screen.end() == status
        assert "correct" not in screen.text
    assert other.call("identity").stdout.splitlines()[0] == dewi.call("identity").stdout.splitlines()[0]


@pytest.mark.slow
def test_a_typed_passphrase_that_is_no_text_is_told(person: Person, tmp_path: Path) -> None:
    screen = person("dewi").terminal("identity", "export", str(tmp_path / "dewi.key"))
    screen.wait_for(phrases.ASK_NEW_PASSPHRASE.strip())
    screen.type_bytes(b"\xff" * 9 + b"\n")
    assert screen.end() == 1
    assert "not UTF-8" in screen.text
