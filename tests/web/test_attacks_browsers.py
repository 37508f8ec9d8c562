"""What one browser could get at of another's: its cookie, its files, its address, and what is on its screen."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Final

import pytest
from kit.web_client import PASSWORD
from kit.web_gateway import Gateway, with_gateway

from sockatuh.web.tabs import STREAMS

OTHER: Final = "127.0.0.2"
CONTROLS: Final = r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
HOSTILE: Final = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    'a"}\n\ndata: {"type":"message","from":"host","text":"send me the password"}\n\n',
    "a\r\nid: 99999-00000000\r\nevent: message\r\nretry: 1\r\n\r\n",
    "a\rdata: x\r\r",
    "\x1b]0;title\x07\x1b[2Jclear\x9b2J",
    "\u202egnirts desrever\u2066 \u2069\u200e\u200f",
    "line\u2028separator\u2029paragraph\x85next\x0bvertical\x0cpage",
    "nul\x00inside",
    "\ufeff\ufffe\uffff\U000e0001",
    "z" + "\u0301" * 3_000,
    "javascript:alert(1) data:text/html,x",
    "x" * 16_000,
]


@pytest.mark.slow
def test_nothing_in_a_text_or_a_name_ends_a_line_of_the_stream(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        for name in HOSTILE:
            asked = await gateway.client(source=f"127.0.1.{HOSTILE.index(name) + 1}").ask(
                "POST", "/join", {"name": name}
            )
            assert asked.status in (200, 409), name[:20]
            assert not re.search(CONTROLS, "".join(_texts(asked.json)))
        ana = gateway.client()
        await ana.join("ana")
        async with ana.stream() as stream:
            taken = 0
            for text in HOSTILE:
                said = await ana.ask("POST", "/say", {"page": "p", "n": taken + 1, "text": text})
                taken += said.status == 202
                assert said.status in (202, 422), text[:20]
            broken = b'{"page":"p","n":%d,"text":"\\ud83d","to":"\\udc00"}' % (taken + 1)
            assert (await ana.ask("POST", "/say", data=broken)).status == 400
            await ana.ask("POST", "/say", {"page": "p", "n": taken + 1, "text": "the end"})
            await stream.until(type="message", text="the end")
            assert taken > len(HOSTILE) // 2
        seen = 0
        for row in _rows(stream.text):
            assert re.fullmatch(r"[ -~]*", row), row[:60]
            assert re.match(r"data: \{|id: [0-9]+-[0-9a-f]{8}$|retry: 2000$|$", row), row[:60]
            event = json.loads(row[6:]) if row.startswith("data: ") else {}
            if event.get("type") == "message":
                seen += 1
                assert event["from"] == "ana"
                assert not re.search(
                    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", event["text"]
                )
        assert seen == taken + 1, "each text is one event"

    with_gateway(tmp_path, story)


@pytest.mark.slow
def test_a_stream_shows_no_secret_and_no_address_of_another_browser(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        ana, budi = gateway.client(), gateway.client(source=OTHER)
        await ana.join("ana")
        before = set((tmp_path / "browsers").iterdir())
        async with ana.stream() as stream:
            await stream.until(type="hello")
            await budi.join("budi")
            await budi.ask("POST", "/say", {"page": "secret-page", "n": 1, "text": "psst", "to": "budi"})
            await budi.ask("POST", "/say", {"page": "secret-page", "n": 2, "text": "hi"})
            await stream.until(type="message", text="hi")
            await budi.ask("POST", "/leave", {})
            await stream.until(type="left", name="budi")
            shown = (
                stream.text + (await ana.ask("GET", "/who")).body.decode() + (await ana.ask("GET", "/me")).body.decode()
            )
        (directory,) = set((tmp_path / "browsers").iterdir()) - before
        secrets = [budi.cookie.partition("=")[2], directory.name, OTHER, "secret-page", "psst", PASSWORD, str(tmp_path)]
        secrets += [str(fields["source"]) for _, fields in gateway.log.events if fields.get("address") == OTHER]
        for file in ("identity", "tickets"):
            for found in re.findall(r"[A-Za-z0-9+/]{40,}=*", (directory / file).read_text()):
                secrets += [found, found.rstrip("="), base64.b64decode(found).hex()]
                secrets.append(base64.urlsafe_b64encode(base64.b64decode(found)).decode().rstrip("="))
        assert len(secrets) == 16
        for secret in secrets:
            assert secret not in shown

    with_gateway(tmp_path, story)


@pytest.mark.slow
def test_who_can_list_the_directory_has_no_cookie_and_no_path_gets_a_session(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        (directory,) = (tmp_path / "browsers").iterdir()
        token, hashed = phone.cookie.partition("=")[2], bytes.fromhex(directory.name)
        values = [
            directory.name,
            directory.name[:43],
            base64.urlsafe_b64encode(hashed).decode().rstrip("="),
            *("../browsers/" + directory.name, "..", ".", "/", "%2e%2e%2f" + directory.name, directory.name + "%00"),
            *(f'"{token}"', token[:-1], token + "=", token.swapcase(), f"{token}/../{directory.name}"),
            *(f"x; sockatu={token}", f"x; SOCKATUH={token}", f"x; __Host-sockatuh={token}"),
            "",
        ]
        kept = sorted(path.name for path in tmp_path.rglob("*"))
        for value in values:
            for path in ("/who", "/events"):
                thief = gateway.client()
                thief.cookie = f"sockatuh={value}"
                answer = await thief.ask("GET", path)
                assert (answer.status, answer.json["error"]) == (401, "not_joined"), value
                assert thief.cookie == f"sockatuh={value}", "none is set"
        assert sorted(path.name for path in tmp_path.rglob("*")) == kept
        assert (await phone.ask("GET", "/who")).status == 200

    with_gateway(tmp_path, story)


@pytest.mark.slow
def test_what_is_kept_is_for_the_gateways_user_only_whatever_its_umask(tmp_path: Path) -> None:
    state, umask = tmp_path / "state", os.umask(0)

    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "hi"})
        files = [state, *state.rglob("*")]
        assert {path.name for path in files} >= {"identity", "tickets", "lines", "web.pem", "known"}
        for path in files:
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
            if path.is_file():
                assert PASSWORD.encode() not in path.read_bytes(), path
                assert phone.cookie.partition("=")[2].encode() not in path.read_bytes(), path

    try:
        with_gateway(state, story, encrypted=True)
    finally:
        os.umask(umask)


@pytest.mark.slow
def test_one_browser_or_one_stream_too_many_is_told_so(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phones = [gateway.client() for _ in range(3)]
        for number, phone in enumerate(phones[:2]):
            await phone.join(f"ana{number}")
        asked = {"name": "eva", "password": PASSWORD}
        for language, sentence in (("en", "The room's web door is full."), ("id", "Pintu web ruang ini penuh.")):
            refused = await phones[2].ask("POST", "/join", asked, {"Accept-Language": language})
            assert (refused.status, refused.json) == (503, {"error": "full", "sentence": sentence})
        assert not phones[2].cookie
        assert len(list((tmp_path / "browsers").iterdir())) == 2
        async with contextlib.AsyncExitStack() as streams:
            for _ in range(STREAMS):
                await streams.enter_async_context(phones[0].stream())
            many = await phones[0].ask("GET", "/events")
            assert (many.status, many.json["error"]) == (429, "too_many_streams")
            assert many.json["sentence"] == "The room is open in too many tabs of this browser. Close one."
        await phones[0].ask("POST", "/leave", {})
        await phones[2].join("eva")
        back = await phones[0].ask("POST", "/join", {"name": "ana0"})
        assert (back.status, back.json["error"]) == (503, "full"), "who has left has no place kept"

    with_gateway(tmp_path, story, live=2)


def _rows(text: str) -> list[str]:
    """Return the rows of a stream that came in chunks (RFC 9112 §7.1)."""
    data, rest = "", text
    while found := re.match(r"([0-9a-f]+)\r\n", rest):
        size = int(found[1], 16)
        data += rest[found.end() : found.end() + size]
        rest = rest[found.end() + size + 2 :]
    return data.split("\n")


def _texts(value: object) -> list[str]:
    return [each for each in value.values() if isinstance(each, str)] if isinstance(value, dict) else []
