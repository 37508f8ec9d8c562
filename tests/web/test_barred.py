"""Browsers at addresses that the room's admin has banned."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from kit.web_client import PASSWORD
from kit.web_gateway import Gateway, with_gateway

from sockatuh.store.barred import Barred, write_barred
from sockatuh.web.barred import BarredAddresses
from sockatuh.web.browser import Browser

NOW = 1_700_000_000.0
HERE = "127.0.0.1"


def ban(path: Path, *networks: str, until: int | None = None, strangers: bool = False) -> None:
    write_barred(
        path, [Barred(network=each, until=until, reason="sold things", strangers=strangers) for each in networks]
    )


@pytest.mark.parametrize(
    ("network", "address", "is_barred"),
    [
        ("192.168.1.77", "192.168.1.77", True),
        ("192.168.1.77", "::ffff:192.168.1.77", True),
        ("192.168.1.77", "192.168.1.78", False),
        ("192.168.1.0/24", "192.168.1.200", True),
        ("192.168.1.0/24", "192.168.2.200", False),
        ("2001:db8::/64", "2001:db8::5", True),
        ("fe80::1", "fe80::1%eth0", True),
        ("2001:db8::/64", "192.168.1.77", False),
        ("nonsense", "192.168.1.77", False),
        ("192.168.1.77", "", False),
    ],
)
def test_a_ban_covers_its_addresses(tmp_path: Path, network: str, address: str, is_barred: bool) -> None:
    ban(tmp_path / "barred", network)
    found = BarredAddresses(tmp_path / "barred", clock=lambda: NOW).find(address, is_known=True)
    assert (found is not None) is is_barred
    assert found is None or (found.code, found.reason, found.until, found.wait) == ("banned", "sold things", None, 0.0)


def test_a_ban_ends_and_one_of_strangers_spares_who_has_joined(tmp_path: Path) -> None:
    times = [NOW]
    barred = BarredAddresses(tmp_path / "barred", clock=lambda: times[-1])
    ban(tmp_path / "barred", HERE, until=int(NOW * 1000) + 5_000)
    found = barred.find(HERE, is_known=True)
    assert found is not None
    assert (found.wait, found.until) == (5.0, int(NOW * 1000) + 5_000)
    times.append(NOW + 5)
    assert barred.find(HERE, is_known=True) is None
    ban(tmp_path / "barred", HERE, strangers=True)
    assert barred.find(HERE, is_known=True) is None
    assert barred.find(HERE, is_known=False) is not None


def test_the_file_is_read_again_when_it_is_another_and_keeps_its_bans_when_it_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "barred"
    barred = BarredAddresses(path)
    assert barred.find(HERE, is_known=True) is None
    ban(path, HERE)
    assert barred.find(HERE, is_known=True) is not None
    barred.look()
    assert barred.changes == 1
    path.write_text("{")
    assert barred.find(HERE, is_known=True) is not None
    assert barred.fault
    path.unlink()  # the room was started again, and bans no address any longer
    assert barred.find(HERE, is_known=True) is None
    assert not barred.fault


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="drops root's rights")
def test_a_file_that_may_not_be_read_is_a_fault_and_a_missing_one_is_none(tmp_path: Path) -> None:
    assert not looked(BarredAddresses(tmp_path / "missing/barred"))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    ban(closed / "barred", HERE)
    reached = [each for each in tmp_path.parents if not each.stat().st_mode & 0o005]
    for each in (tmp_path, *reached):
        each.chmod(0o755)
    os.seteuid(65534)
    try:
        assert looked(BarredAddresses(closed / "barred")) == "Permission denied"
    finally:
        os.seteuid(0)


def looked(barred: BarredAddresses) -> str:
    barred.look()
    return barred.fault


def test_all_that_are_banned_are_ended_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "barred"

    async def story(gateway: Gateway) -> None:
        for name in ("ana", "budi"):
            await gateway.client().join(name)
        leaving = asyncio.Barrier(2)

        async def leave(*_: object) -> None:
            await leaving.wait()  # until both are under way

        monkeypatch.setattr(Browser, "bar", leave)
        ban(path, "127.0.0.0/8")
        async with asyncio.timeout(30):
            assert {browser.name for browser in await gateway.browsers.bar(gateway.barred)} == {"ana", "budi"}

    with_gateway(tmp_path, story)


def test_a_browser_that_is_banned_is_ended_and_refused_until_it_is_lifted(tmp_path: Path) -> None:
    path = tmp_path / "barred"

    async def story(gateway: Gateway) -> None:
        phone, other = gateway.client(), gateway.client()
        await phone.join("ana")
        async with phone.stream() as stream:
            await stream.until(type="hello")
            ban(path, "127.0.0.0/8")
            await gateway.browsers.bar(gateway.barred)
            ended = await stream.until(type="ended", error="banned")
            assert "sold things" in ended["sentence"]
            assert ended["reason"] == "sold things"
        assert gateway.browsers.live == 0
        me = (await phone.ask("GET", "/me")).json
        assert (me["joined"], me["error"], me["name"]) == (False, "banned", "ana")
        for method, path_, body in (
            ("POST", "/say", {"page": "p", "n": 1, "text": "hello"}),
            ("GET", "/who", None),
            ("GET", "/events", None),
        ):
            refused = await phone.ask(method, path_, body)
            assert (refused.status, refused.json["error"]) == (403, "banned")
        for more in ({}, {"password": PASSWORD}):
            refused = await other.ask("POST", "/join", {"name": "budi", **more})
            assert (refused.status, refused.json["error"], refused.json["reason"]) == (403, "banned", "sold things")
        assert (await other.ask("GET", "/me")).json["error"] == "banned"
        write_barred(path, [])
        assert (await phone.ask("GET", "/me")).json["joined"] is True
        async with phone.stream() as stream:
            await stream.until(type="hello", name="ana")
        ban(path, HERE)
        assert (await phone.ask("POST", "/leave", {})).status == 204, "to be forgotten is nobody's to forbid"

    with_gateway(tmp_path, story)
