"""The HTTP interface as a browser meets it: uvicorn on a loopback address, with a room in memory behind it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Final

import pytest
from kit.web_client import PASSWORD, Client
from kit.web_gateway import Gateway, with_gateway

from sockatuh.web.bodies import LARGEST_BODY
from sockatuh.web.headers import HEADERS
from sockatuh.web.tabs import STREAMS


def test_a_browser_joins_in_two_steps_speaks_and_leaves(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        assert (await phone.ask("GET", "/me")).json["joined"] is False
        asked = await phone.ask("POST", "/join", {"name": "ana"})
        assert (asked.status, asked.json) == (
            200,
            {"next": "password", "name": "ana", "sentence": "Username valid!"},
        )
        assert "set-cookie" not in asked.headers
        wrong = await phone.ask("POST", "/join", {"name": "ana", "password": "wrong"})
        assert (wrong.status, wrong.json["error"]) == (403, "password_wrong")
        assert not phone.cookie
        joined = await phone.ask("POST", "/join", {"name": "ana", "password": PASSWORD})
        assert (joined.status, joined.json) == (
            200,
            {"next": "events", "name": "ana", "room": "kitchen", "sentence": "Berhasil bergabung!"},
        )
        assert re.fullmatch(
            r"sockatuh=[\w-]{43}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict", joined.headers["set-cookie"]
        )
        async with phone.stream() as stream:
            assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            await stream.until(type="hello", name="ana")
            line = {"page": "p", "n": 1, "text": "soup at one"}
            said = await phone.ask("POST", "/say", line)
            assert (said.status, said.json) == (202, {"n": 1, "state": "taken"})
            stored = await stream.until(type="stored", page="p", n=1)
            await stream.until(type="message", text="soup at one", seq=stored["seq"])
            again = await phone.ask("POST", "/say", line)
            assert (again.status, again.json) == (200, {"n": 1, "state": "stored", "seq": stored["seq"]})
            early = await phone.ask("POST", "/say", line | {"n": 3})
            assert (early.status, early.json["error"], early.json["next"]) == (409, "out_of_order", 2)
            assert phone.cookie.partition("=")[2] not in stream.text
            who = await phone.ask("GET", "/who")
            assert [(each["name"], each["dialect"], each["me"]) for each in who.json["members"]] == [
                ("ana", "web", True)
            ]
            left = await phone.ask("POST", "/leave", {"forget": True})
            assert left.status == 204
            assert "Max-Age=0" in left.headers["set-cookie"]
            await stream.until(type="ended", error="left")
        assert gateway.kitchen.lines == [("ana", "soup at one")]
        assert not list((tmp_path / "browsers").iterdir())

    with_gateway(tmp_path, story)


def test_whoever_has_left_is_out_until_the_name_is_given_again_and_needs_no_password(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        left = await phone.ask("POST", "/leave", {})
        assert (left.status, "set-cookie" in left.headers) == (204, False)
        assert gateway.browsers.live == 0
        me = (await phone.ask("GET", "/me")).json
        assert (me["joined"], me["name"], me["sentence"]) == (False, "ana", "You have left the room.")
        for refused in (
            await phone.ask("GET", "/events"),
            await phone.ask("GET", "/who"),
            await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "still here?"}),
        ):
            assert (refused.status, refused.json["error"]) == (401, "not_joined")
        other = await phone.ask("POST", "/join", {"name": "ani"})
        assert other.json["next"] == "password", "another name is another member"
        back = await phone.ask("POST", "/join", {"name": " ana "})
        assert (back.status, back.json["next"], back.json["sentence"]) == (200, "events", "Berhasil bergabung!")
        assert (await phone.ask("GET", "/me")).json["joined"] is True
        assert (await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "here again"})).status == 202

    with_gateway(tmp_path, story)


def test_a_tab_that_comes_back_names_the_last_event_in_a_header_or_in_the_address(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        for n in (1, 2, 3):
            await phone.ask("POST", "/say", {"page": "p", "n": n, "text": f"line {n}"})
        async with phone.stream() as stream:
            await stream.until(type="message", text="line 1")
            last = re.findall(r"^id: (\S+)", stream.text, re.MULTILINE)[-1]
            await stream.until(type="message", text="line 3")
        for again in (phone.stream({"Last-Event-ID": last}), phone.stream(query=f"?after={last}")):
            async with again as stream:
                await stream.until(type="message", text="line 3")
                assert "line 1" not in stream.text
                assert "line 2" in stream.text
        async with phone.stream({"Last-Event-ID": "3-00000000"}) as stream:
            await stream.until(code="rewound")
            await stream.until(type="message", text="line 1")

    with_gateway(tmp_path, story)


def test_the_connection_of_a_stream_ends_with_it_because_it_counts_for_no_address(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        async with phone.stream({"Connection": "keep-alive"}) as stream:
            assert stream.answer.headers["connection"] == "close"
            await stream.until(type="hello")
            await phone.ask("POST", "/leave", {})
            await stream.until(type="ended")
            await stream.reader.read()
            while len(gateway.connections):
                await asyncio.sleep(0.01)

    with_gateway(tmp_path, story)


def test_a_fault_of_ours_is_told_to_the_log_and_answered_like_any_other_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(gateway: Gateway) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("what a browser must not read")

        monkeypatch.setattr(gateway.browsers, "find", fail)
        for answer in (await gateway.client().ask("GET", "/me"), await gateway.client().ask("POST", "/leave", {})):
            assert answer.status == 500
            assert answer.json.keys() == {"error", "sentence"}
            assert answer.json["error"] == "trouble"
            assert HEADERS["content-security-policy"] == answer.headers["content-security-policy"]
        failed = [fields for event, fields in gateway.log.events if event == "request_failed"]
        assert [fields["path"] for fields in failed] == ["/me", "/leave"]

    with_gateway(tmp_path, story)


FOREIGN: Final[list[tuple[str, str, dict[str, str]]]] = [
    ("GET", "/", {"Host": "evil.example"}),
    ("GET", "/me", {"Host": "evil.example:7680"}),
    ("GET", "/app.js", {"Host": "127.0.0.1.evil.example"}),
    ("GET", "/me", {"Host": "127.0.0.1@evil.example"}),
    ("GET", "/me", {"Sec-Fetch-Site": "cross-site"}),
    ("GET", "/me", {"Sec-Fetch-Site": "same-site"}),
    ("GET", "/events", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    ("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
    ("POST", "/say", {"Origin": "https://evil.example"}),
    ("POST", "/join", {"Origin": "null"}),
    ("POST", "/leave", {"Origin": "http://127.0.0.1:1"}),
    ("POST", "/say", {"Origin": ""}),
    ("GET", "/events", {"Origin": "http://127.0.0.1:1"}),
    ("GET", "http://evil.example/me", {}),
    ("GET", "/me", {"Host": "127.0.0.1."}),
    ("GET", "/me", {"Host": "127.0.0.1:65536"}),
    ("GET", "/me", {"Host": "[fe80::1%eth0]"}),
]


def test_what_another_site_sends_is_refused_before_the_cookie_is_looked_at(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        for method, path, headers in FOREIGN:
            answer = await phone.ask(method, path, {}, headers)
            assert (answer.status, answer.json["error"]) == (403, "forbidden"), (method, path, headers)
        assert (await phone.ask("GET", "/me")).json["joined"]

    with_gateway(tmp_path, story)


def test_our_own_page_and_a_link_to_it_are_admitted(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone, port = gateway.client(), gateway.port
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        for headers in (link, {"Host": f"box.local:{port}"}, {"Host": f"[::1]:{port}"}, {"Host": "BOX"}):
            assert (await phone.ask("GET", "/", headers=headers)).status == 200
        own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
        assert (await phone.ask("POST", "/join", {"name": "ana"}, own)).status == 200

    with_gateway(tmp_path, story)


def test_every_answer_has_the_headers_that_keep_others_out(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        requests = (
            ("GET", "/"),
            ("GET", "/app.js"),
            ("GET", "/me"),
            ("GET", "/nothing"),
            ("POST", "/me"),
            ("GET", "/who"),
        )
        for method, path in requests:
            answer = await phone.ask(method, path)
            for name, value in HEADERS.items():
                if name == "cross-origin-opener-policy":
                    assert name not in answer.headers, "over plain HTTP browsers complain about it"
                elif name != "cache-control":
                    assert answer.headers[name] == value, (path, name)
            assert answer.headers["cache-control"] == ("no-cache" if path in ("/", "/app.js") else "no-store")
            assert "server" not in answer.headers
        assert "unsafe" not in HEADERS["content-security-policy"]

    with_gateway(tmp_path, story)


def test_the_page_is_in_the_browsers_language_and_sent_once(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        english = await phone.ask("GET", "/", headers={"Accept-Language": "de, en;q=0.5"})
        indonesian = await phone.ask("GET", "/", headers={"Accept-Language": "en;q=0.1, id-ID"})
        assert [each.headers["content-language"] for each in (english, indonesian)] == ["en", "id"]
        assert b'lang="id"' in indonesian.body
        assert b"{{" not in english.body + indonesian.body
        again = await phone.ask(
            "GET", "/", headers={"Accept-Language": "id", "If-None-Match": indonesian.headers["etag"]}
        )
        assert (again.status, again.body) == (304, b"")
        refused = await phone.ask("GET", "/who", headers={"Accept-Language": "id"})
        assert refused.json["sentence"] == "Peramban ini tidak ada di ruang."

    with_gateway(tmp_path, story)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        assert (await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "x"})).status == 401
        await phone.join("ana")
        bodies: list[tuple[bytes, int, str]] = [
            (b"", 400, "bad_request"),
            (b"[]", 400, "bad_request"),
            (b"{", 400, "bad_request"),
            (b"[" * 60_000, 400, "bad_request"),
            (b'{"page":"p","n":1}', 400, "bad_request"),
            (b'{"page":"p","n":"1","text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":true,"text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":0,"text":"x"}', 400, "bad_request"),
            (b'{"page":"../p","n":1,"text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":"x","action":1}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":"x","to":null}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":"\\ud800"}', 400, "bad_request"),
            (b'{"page":"p","n":1,"n":1,"text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":"a\0b"}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":"\xff"}', 400, "bad_request"),
            (b'{"page":"p","n":1' + b"0" * 5_000 + b',"text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":NaN,"text":"x"}', 400, "bad_request"),
            (b'{"page":"p","n":1,"text":" "}', 422, "text_empty"),
            (b'{"page":"p","n":1,"text":"' + b"x" * 30_000 + b'"}', 422, "text_too_long"),
            (b'{"text":"' + b"x" * LARGEST_BODY + b'"}', 413, "too_large"),
        ]
        for data, status, error in bodies:
            answer = await phone.ask("POST", "/say", data=data)
            assert (answer.status, answer.json["error"]) == (status, error), data[:60]
        plain = await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "x"}, {"Content-Type": "text/plain"})
        assert (plain.status, plain.json["error"]) == (415, "not_json")
        assert (await phone.ask("GET", "/say")).json["error"] == "not_allowed"
        assert (await phone.ask("GET", "/favicon.ico")).json["error"] == "not_found"
        for cookie in ("sockatuh=../../etc", "sockatuh=" + "A" * 43, "sockatuh", "=;;="):
            assert (await Client("127.0.0.1", gateway.port, cookie).ask("GET", "/who")).status == 401
        assert gateway.kitchen.lines == []

    with_gateway(tmp_path, story)


def test_one_stream_too_many_of_a_browser_is_refused_and_one_that_ends_makes_room(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        async with contextlib.AsyncExitStack() as streams:
            for _ in range(STREAMS):
                await streams.enter_async_context(phone.stream())
            refused = await phone.ask("GET", "/events")
            assert (refused.status, refused.json["error"]) == (429, "too_many_streams")
        while len(gateway.connections):
            await asyncio.sleep(0.01)
        async with phone.stream() as stream:
            await stream.until(type="hello")

    with_gateway(tmp_path, story)


def test_a_browser_is_shown_nothing_of_another(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        ana, budi = gateway.client(), gateway.client()
        await ana.join("ana")
        await budi.join("budi")
        async with ana.stream() as stream:
            await stream.until(type="hello")
            await budi.ask("POST", "/say", {"page": "p", "n": 1, "text": "psst", "to": "budi"})
            await budi.ask("POST", "/say", {"page": "p", "n": 2, "text": "hi"})
            seen = await stream.until(type="message", text="hi")
            assert (seen["own"], seen["mine"], seen["line"]) == (False, False, None)
            assert "psst" not in stream.text
            assert budi.cookie.partition("=")[2] not in stream.text
        assert (await budi.ask("POST", "/join", {"name": "eva"})).json["name"] == "budi", "it has joined already"

    with_gateway(tmp_path, story)


def test_the_password_of_a_name_that_is_taken_is_not_asked_for(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        ana, other = gateway.client(), gateway.client()
        await ana.join("ana")
        refused = await other.ask("POST", "/join", {"name": "Ana"})
        assert (refused.status, refused.json["error"], refused.json["suggestion"]) == (409, "name_unavailable", "Ana2")

    with_gateway(tmp_path, story)


def test_the_password_is_not_said(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        refused = await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": f" {PASSWORD.upper()}"})
        assert (refused.status, refused.json["error"]) == (422, "text_is_password")
        assert (await phone.ask("POST", "/say", {"page": "p", "n": 1, "text": "hi"})).status == 202

    with_gateway(tmp_path, story)


def test_whoever_cannot_be_let_in_for_the_disk_is_not_told_of_a_line_and_the_log_says_why(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        (tmp_path / "browsers").rename(tmp_path / "moved")
        (tmp_path / "browsers").write_text("no directory")
        refused = await gateway.client().ask("POST", "/join", {"name": "ana", "password": PASSWORD})
        assert (refused.status, refused.json["error"]) == (503, "disk_unusable")
        assert "line" not in refused.json["sentence"]
        assert any(str(tmp_path / "browsers") in str(each) for each in gateway.log.events)

    with_gateway(tmp_path, story)


def test_a_join_whose_answer_was_lost_is_answered_again_with_its_cookie(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        joining = {"name": "ana", "password": PASSWORD, "page": "0123456789abcdef"}
        lost, phone = gateway.client(), gateway.client()
        first = await lost.ask("POST", "/join", joining)
        again = await phone.ask("POST", "/join", joining)
        assert (again.status, again.json) == (200, first.json)
        assert again.headers["set-cookie"] == first.headers["set-cookie"]
        assert (await phone.ask("GET", "/who")).json["here"] == 1
        named = await gateway.client().ask("POST", "/join", {"name": "Ana ", "page": joining["page"]})
        assert (named.status, named.json) == (200, first.json), "a page that was loaded again asks about the name first"
        assert named.headers["set-cookie"] == first.headers["set-cookie"]
        in_already = await phone.ask("POST", "/join", {"name": "budi"})
        assert in_already.json == first.json
        other = await gateway.client().ask("POST", "/join", joining | {"page": "fedcba9876543210"})
        assert (other.status, other.json["error"]) == (409, "name_taken"), "another page is somebody else"
        await phone.ask("POST", "/leave", {"forget": True})
        anew = await gateway.client().ask("POST", "/join", joining)
        assert anew.status == 409, "the first browser is forgotten, and the name its key's"

    with_gateway(tmp_path, story)


def test_a_page_that_could_be_guessed_joins_for_itself(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        joining = {"name": "ana", "password": PASSWORD, "page": "p"}
        assert (await gateway.client().ask("POST", "/join", joining)).status == 200
        again = await gateway.client().ask("POST", "/join", joining)
        assert (again.status, again.json["error"]) == (409, "name_taken")

    with_gateway(tmp_path, story)


def test_a_stream_is_not_asked_for_its_head(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        head = f"HEAD /events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {phone.cookie}\r\nConnection: close\r\n\r\n"
        assert (await gateway.raw(head.encode())).startswith(b"HTTP/1.1 405 ")
        assert gateway.browsers.find(phone.cookie.partition("=")[2]).streams == 0  # type: ignore[union-attr]

    with_gateway(tmp_path, story)


def test_a_browser_without_a_stream_is_told_who_is_here(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        phone = gateway.client()
        await phone.join("ana")
        browser = gateway.browsers.find(phone.cookie.partition("=")[2])
        assert browser is not None
        await browser.let_go()
        assert (await phone.ask("GET", "/who")).json["here"] == 1

    with_gateway(tmp_path, story)
