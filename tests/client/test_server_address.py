from __future__ import annotations

import pytest

from sockatuh.client.server_address import ServerAddress, parse_nodes_untrusted
from sockatuh.errors import AddressUnclear
from sockatuh.protocol.identity import Invite


def test_a_server_may_be_written_in_every_usual_way() -> None:
    invite = Invite("10.0.0.1", 80, "tea & cake", b"k" * 32)
    assert ServerAddress.parse("kitchen-pi") == ServerAddress("kitchen-pi", 7625)
    assert ServerAddress.parse("10.0.0.1:80") == ServerAddress("10.0.0.1", 80)
    assert ServerAddress.parse("[fe80::1]:80").server == "[fe80::1]:80"
    assert ServerAddress.parse(invite.encode()) == ServerAddress("10.0.0.1", 80, b"k" * 32)
    assert ServerAddress.parse(invite) == ServerAddress("10.0.0.1", 80, b"k" * 32)
    with_nodes = Invite("10.0.0.1", 80, "tea", b"k" * 32, (("10.0.0.2", 81),))
    assert ServerAddress.parse(with_nodes.encode()) == ServerAddress("10.0.0.1", 80, b"k" * 32, (("10.0.0.2", 81),))


def test_invalid_nodes_are_ignored() -> None:
    texts = ["box:1", "[fe80::1%eth0]:2", "box", "box:0", ":1", "a b:1", "x\x9b:1", "", "box:1:2", "box:99999"]
    assert parse_nodes_untrusted(texts) == (("box", 1), ("fe80::1%eth0", 2))


@pytest.mark.parametrize("text", ["", "a host", "host:99999", "sockatuh://host:1/room", "[::1", ":"])
def test_an_invalid_server_address_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(AddressUnclear) as unclear:
        ServerAddress.parse(text)
    assert unclear.value.text == text
    assert unclear.value.reason
