"""The gateway's TLS: old versions and weak ciphers are refused, and who does not finish a handshake is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from pathlib import Path

import pytest
from kit.web_gateway import HOST, Gateway, with_gateway

from sockatuh.web.certificate import FILE
from sockatuh.web.connections import ConnectionLimits


def client(pem: Path, newest: ssl.TLSVersion, ciphers: str = "") -> ssl.SSLContext:
    """Return what a client speaks that knows nothing newer."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(pem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = newest
    old.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    return old


@pytest.mark.slow
def test_a_browser_joins_speaks_and_leaves_over_tls(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        assert (await phone.ask("GET", "/me")).json["encrypted"] is True
        await phone.join("ana")
        assert phone.cookie.startswith("__Host-sockatuh=")
        async with phone.stream() as stream:
            await stream.until(type="hello", name="ana")
            said = await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "soup at one"})
            assert said.status == 202
            await stream.until(type="message", text="soup at one")
            left = await phone.ask("POST", "/leave", {"forget": True})
            assert (left.status, "Secure" in left.headers["set-cookie"]) == (204, True)
            assert left.headers["cross-origin-opener-policy"] == "same-origin"
            await stream.until(type="ended", error="left")
        plain = await phone.ask("POST", "/join", {"name": "ana"}, {"Origin": f"http://{HOST}:{gateway.port}"})
        assert plain.status == 403, "that origin is not encrypted"

    with_gateway(tmp_path, story, encrypted=True)


def test_tls_is_new_and_its_ciphers_are_modern(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        newest, older = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        for version, ciphers, agreed in (
            (newest, "", "TLSv1.3"),
            (older, "", "TLSv1.2"),
            (older, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", ""),
            (older, "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", ""),
            (ssl.TLSVersion.TLSv1_1, "", ""),
            (ssl.TLSVersion.TLSv1, "", ""),
        ):
            context = client(tmp_path / FILE, version, ciphers)
            try:
                _, writer = await asyncio.open_connection(HOST, gateway.port, ssl=context)
            except (ssl.SSLError, ConnectionError):
                assert not agreed, (version, ciphers)
                continue
            assert writer.get_extra_info("ssl_object").version() == agreed
            name = writer.get_extra_info("cipher")[0]
            assert "GCM" in name or "CHACHA20" in name, name
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    with_gateway(tmp_path, story, encrypted=True)


@pytest.mark.slow
def test_who_does_not_finish_a_handshake_is_cut_off(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        for begun in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with contextlib.suppress(ConnectionError):
                assert await gateway.raw(begun) == b""
        while len(gateway.connections):
            await asyncio.sleep(0.01)

    with_gateway(tmp_path, story, encrypted=True, limits=ConnectionLimits(request_within=0.05))


def test_what_is_no_tls_is_answered_with_nothing_of_ours(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        with contextlib.suppress(ConnectionError):
            answer = await gateway.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"HTTP/1.1" not in answer
        assert (await gateway.client().ask("GET", "/me")).status == 200

    with_gateway(tmp_path, story, encrypted=True)
