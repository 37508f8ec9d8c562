"""The pictures in docs/ are those that the script draws, and small enough for a clone."""

from __future__ import annotations

from web.pictures import DOCS

MOST = 60_000
"""Bytes of one picture."""


def test_the_pictures_in_docs_are_there_and_small() -> None:
    pictures = {path.name: path.stat().st_size for path in DOCS.glob("web-*.png")}
    assert pictures.keys() == {f"web-{name}-{way}.png" for name in ("phone", "desk") for way in ("light", "dark")}
    assert max(pictures.values()) < MOST
    assert all(f"docs/{name}" in (DOCS.parent / "README.md").read_text("utf-8") for name in pictures)
