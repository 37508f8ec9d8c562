"""Nothing that somebody says or is called becomes more than text on the page, and the browser's policy holds."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hostile import TEXTS
from kit import browser as kit
from kit.web_double import WebDouble
from web.tab import Tab

from sockatuh.room.text import clean_line, clean_text

pytestmark = pytest.mark.browser

MARKUP: Final = {
    "script": "<script>document.title='PWNED'</script>",
    "image": "<img src=x onerror=\"document.title='PWNED'\">",
    "svg": "<svg/onload=document.title='PWNED'><animate onbegin=alert(1)>",
    "end of everything": "</bdi></li></ol></div></script></style></template><h1>PWNED</h1>",
    "entities": "&lt;img src=x onerror=alert(1)&gt; &#60;b&#62;",
    "template": "{{not_encrypted}} {time} ${alert(1)} {n}",
    "attribute": '" onmouseover="document.title=\'PWNED\'" x="',
    "selector": '"] , * {color: red} [x="',
    "link": "javascript:document.title='PWNED' data:text/html,<script>alert(1)</script> JaVaScRiPt://%0aalert(1)",
    "link with markup": "http://a/<b>\"onclick='alert(1)' https://a\"onclick=alert(1)",
    "replacement": "$& $1 $` $' \\1",
    "prototype": "__proto__",
}
ALL: Final = {f"{name}": clean_text(text) for name, text in (TEXTS | MARKUP).items() if clean_text(text)}


def test_hostile_texts_and_names_make_no_element(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    for text in ALL.values():
        gateway.say("budi", text)
        gateway.append(
            "private", to=clean_line(text)[:64], text=text, own=False, key=text, line=None,
            **{"from": clean_line(text)[:64]},
        )  # fmt: skip
        gateway.append("joined", name=text, sentence=f"{clean_line(text)} joined")
        gateway.notice("another_key", sentence=clean_line(text))
    gateway.say("budi", "the end")
    tab.until(lambda: tab.lines[-1] == "budi the end", 30)
    assert tab.count("#log li bdi *:not(a)") == 0
    tags = tab.js("return [...document.querySelectorAll('#log li *')].map((each) => each.tagName)")
    assert {*tags} == {"A", "BDI", "SPAN", "TIME"}
    assert (
        tab.count("#lines > li.message, #lines > li.private, #lines > li.event, #lines > li.note") == 4 * len(ALL) + 3
    )
    shown = tab.js(
        "return [...document.querySelectorAll('#lines > li.message > .text')].map((each) => each.textContent)"
    )
    assert shown == [*ALL.values(), "the end"], "each as it was said"
    links = tab.js(
        "return [...document.querySelectorAll('#log a')].map((a) => [a.protocol, a.getAttribute('href'), a.text])"
    )
    assert links
    assert all(protocol in ("http:", "https:") and target == text for protocol, target, text in links)
    assert tab.title == "kitchen"
    names = tab.js("return [...document.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())")
    assert not any(name.startswith("on") for name in names)


def test_no_second_row_of_a_text_begins_where_a_time_stands(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", f"a\n12:00 zoe  I quit\n{'wide ' * 200}")
    tab.until(lambda: "I quit" in tab.lines[-1])
    script = """
        const item = document.querySelector('#lines > li:last-child'), range = document.createRange();
        range.selectNodeContents(item.querySelector('.text'));
        const rows = [...range.getClientRects()].map((each) => each.left);
        return [item.querySelector('time').getBoundingClientRect().right, Math.min(...rows)];
    """
    time_ends, text_begins = tab.js(script)
    assert text_begins >= time_ends


def shows_answer(tab: Tab, text: str) -> bool:
    return tab.text("#answer") == text


def test_hostile_sentences_at_the_door_make_no_element(tab: Tab, gateway: WebDouble) -> None:
    for text in MARKUP.values():
        gateway.refuses["join"] = (409, {"error": "name_taken", "sentence": text, "suggestion": text})
        tab.find("#name").clear()
        tab.find("#name").send_keys("ana")
        tab.find("#ask-name button").click()
        tab.until(partial(shows_answer, tab, text))
        assert tab.count("#answer *") == 0


def test_the_policy_is_never_broken_and_would_be_noticed(tab: Tab, gateway: WebDouble, tmp_path: Path) -> None:
    tab.join()
    gateway.say("budi", MARKUP["image"])
    tab.say("a\nb")
    tab.find("#who").click()
    tab.check_for_complaints()
    tab.js("document.body.append(Object.assign(document.createElement('img'), {src: 'http://192.168.50.99/x'}))")
    tab.until(lambda: any("img-src" in each for each in gateway.reported))
    assert any("Content Security Policy" in each or "violates" in each for each in kit.console_of(tab.driver))
    gateway.reported.clear()
    assert json.dumps(gateway.posts).count("tulip-harbor") == 1
    assert not list(tmp_path.glob("*.html"))
