from __future__ import annotations

import json

from cli.people import Person, Server


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
    for args in (["forget"], ["show", "host"], ["loose", "host"], ["forget", "a host"]):
        assert eka.call("identity", *args).returncode == 2
