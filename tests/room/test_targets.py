from __future__ import annotations

import pytest

from sockatuh.room.targets import OrderKind, Target, Who, plain_host

KEY = "K" * 43
TARGETS = [
    Target(owner=KEY),
    Target(address="10.0.0.0/8"),
    Target(address="fe80::/64"),
    Target(name_key="budi"),
    Target(address="10.0.0.5", name_key="budi"),
    Target(address="fe80::1", name_key="a@b:c"),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["kick", "ban", "mute"])
def test_the_key_in_the_log_names_kind_and_target(kind: OrderKind, target: Target) -> None:
    assert Target.find(target.log_key(kind)) == (kind, target)


@pytest.mark.parametrize("key", ["", "budi", "\u0001", "\u0001ban", "\u0001ban:shoe:5", "\u0001hug:key:K", "ban:key:K"])
def test_other_keys_name_none(key: str) -> None:
    assert Target.find(key) is None


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.5%eth0", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("", ""),
        ("no address", "no address"),
        ("::g", "::g"),
    ],
)
def test_a_host_has_one_form(host: str, plain: str) -> None:
    assert plain_host(host) == plain


def test_a_classic_member_is_a_name_at_an_address_and_has_no_key() -> None:
    target = Target(address="10.0.0.5", name_key="budi")
    assert target.concerns(Who("", "::ffff:10.0.0.5", "budi"))
    for other in (Who(KEY, "10.0.0.5", "budi"), Who("", "10.0.0.6", "budi"), Who("", "10.0.0.5", "ana")):
        assert not target.concerns(other)
