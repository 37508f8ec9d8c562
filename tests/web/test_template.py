"""The page: small, in every language, and without anything that a browser would be asked to run from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Final

import pytest

from sockatuh.web.template import compact, fill, places_of, words_of
from sockatuh.wording import LANGUAGES

PAGE: Final = {
    name: (files("sockatuh.web") / "page" / name).read_text("utf-8") for name in ("index.html", "app.js", "app.css")
}
TEMPLATE: Final = PAGE["index.html"]
FROM_THE_GATEWAY: Final = {"language": "en", "direction": "ltr", "title": "kitchen"}
MOST: Final = 20_000
"""Bytes of the three files in one language: a page that is there at once on a bad Wi-Fi, and can be read in an hour."""


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def filled(language: str) -> str:
    return fill(compact(TEMPLATE), words_of(language) | FROM_THE_GATEWAY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_a_place_and_every_place_a_sentence(language: str) -> None:
    assert places_of(TEMPLATE) == {*words_of(language), *FROM_THE_GATEWAY}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_page_is_small(language: str) -> None:
    sent = [filled(language), compact(PAGE["app.js"]), compact(PAGE["app.css"])]
    assert sum(len(each.encode()) for each in sent) <= MOST


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_holds_no_script_or_style_of_its_own_and_names_nothing_outside(language: str) -> None:
    for tag, attributes in Elements(filled(language)).found:
        assert tag not in ("style", "iframe", "object", "embed", "base", "svg")
        assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
        assert (tag == "script") == ("src" in attributes), "a script only from its file"
        for name in ("src", "href", "action"):
            assert attributes.get(name, "app.js") in ("app.js", "app.css", "data:,")
    assert re.findall(r"""["'`](?:https?|wss?|data):""", PAGE["app.js"]) == []
    assert re.findall(r"url\(|@import", PAGE["app.css"]) == []


def test_the_script_sets_texts_and_no_markup() -> None:
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "DOMParser",
                      "createContextualFragment", "setHTML", "srcdoc", "setAttribute"):  # fmt: skip
        assert forbidden not in PAGE["app.js"], forbidden


def test_every_word_the_script_asks_for_is_on_the_page() -> None:
    body = next(attributes for tag, attributes in Elements(TEMPLATE).found if tag == "body")
    there = {name.removeprefix("data-") for name in body}
    asked = {*re.findall(r'\bfill\("(\w+)"', PAGE["app.js"]), *re.findall(r"\bwords\.(\w+)", PAGE["app.js"])}
    assert asked <= there
    assert {name for name in there - asked if f'"{name}"' not in PAGE["app.js"]} == set()


def test_every_element_the_script_looks_for_is_on_the_page() -> None:
    there = {attributes["id"] for _, attributes in Elements(TEMPLATE).found if "id" in attributes}
    asked = {*re.findall(r'\$\("([\w-]+)"\)', PAGE["app.js"])}
    assert asked - there == {"unread"}, "which the script makes"


def test_a_word_cannot_leave_its_place() -> None:
    odd = '"><script>alert(1)</script>&'
    page = fill('<p title="{{odd}}">{{odd}}</p>', {"odd": odd})
    assert Elements(page).found == [("p", {"title": odd})]
    with pytest.raises(KeyError):
        fill("{{unknown}}", {})


def test_what_is_left_out_of_a_script_changes_nothing() -> None:
    assert compact("// why\nlet a = 1; // here\n\n\tif (a)\n\t\ta = 2;\n") == "let a = 1; // here\nif (a)\na = 2;"
    assert compact("f(\n\ta,\n\tb\n);\ng();\n") == "f(a,b);g();"
    assert compact("/* why */\n@media a {\n\tb { top: 0; }\n}\nc {}\n") == "@media a {b { top: 0; }}\nc {}\n"
    lines = [line for line in PAGE["app.js"].splitlines() if not line.startswith("const LINK")]
    assert not [line for line in lines if re.search(r"\S\s+//", line)], "it would take in the next line"
    assert not [line for line in lines if line.count("`") % 2], "the indentation of such a text would be part of it"
