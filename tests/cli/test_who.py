from __future__ import annotations

import json

from cli.people import Person, Server


def test_who_lists_everybody_and_oneself_only_if_one_is_there(server: Server, person: Person) -> None:
    ana, budi = person("ana", server), person("budi", server)
    with ana.start("tail", "--json") as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        head, *rows = budi.call("who").stdout.splitlines()
        found = [json.loads(line) for line in budi.call("who", "--json").stdout.splitlines()]
        reader.terminate()
    assert head.split() == ["NAME", "SINCE", "DIALECT", "KEY"]
    assert ["ana", "secure", "(reader)"] in [row.split()[0::2] for row in rows]
    assert "budi" not in [member["name"] for member in found]
    me = next(member for member in found if member["name"] == "ana")
    assert me.keys() == {"v", "type", "name", "since", "dialect", "key", "present", "as"}
    assert (me["type"], me["dialect"], me["present"], me["as"]) == ("member", "secure", True, "reader")
    assert me["since"].endswith("Z")
