"""Fills the page's places with the sentences of a language."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Final

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}", re.ASCII)
_SKIPPED: Final = re.compile(r"^(?:[ \t]*(?://.*|/\*.*\*/)\n|[ \t]+|\n)", re.MULTILINE)
_JOINED: Final = re.compile(r"(?<=[;{,(\[])\n|\n(?=[})\]])")


def words_of(language: str) -> dict[str, str]:
    """Return the page's sentences in a language, by their names in its template."""
    module = import_module(f"sockatuh.wording.{language}.page")
    return {name.lower(): value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def fill(template: str, words: Mapping[str, str]) -> str:
    """Return a template with each `{{word}}` replaced, escaped for text and for attributes; KeyError without one."""
    return _PLACE.sub(lambda place: html.escape(words[place[1]]), template)


def compact(text: str) -> str:
    """Return a script, a style or a template without what a browser skips: indentation, comments, many line ends."""
    return _JOINED.sub("", _SKIPPED.sub("", text))


def places_of(template: str) -> set[str]:
    """Return the words that a template has places for."""
    return {*_PLACE.findall(template)}
