"""No sentence outlives the code that says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wording.languages import ENGLISH, modules_of, public

import sockatuh
from sockatuh.web.template import places_of

PACKAGE: Final = Path(sockatuh.__file__).parent
LANGUAGES: Final = PACKAGE / "wording"


def uses_in(path: Path) -> Iterator[str]:
    """Yield the names that a module reads, of its own and of other modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def test_every_sentence_is_said_somewhere() -> None:
    elsewhere = {name for path in PACKAGE.rglob("*.py") if not path.is_relative_to(LANGUAGES) for name in uses_in(path)}
    template = (PACKAGE / "web/page/index.html").read_text("utf-8")
    elsewhere |= {word.upper() for word in places_of(template)}
    for module in modules_of(ENGLISH).values():
        own = {*uses_in(Path(module.__file__ or ""))}
        unused = {*public(module)} - elsewhere - own
        assert not unused, module.__name__
