"""Lays out the pages of `--help`, wrapped between words to the width of the terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import Any, Final

import typer

from sockatuh.wording import usage

from .typer_words import sentence_in_words
from .wrapping import fold, reach

WIDEST: Final = 80
NARROWEST: Final = 24
TERM_SHARE: Final = 2.3
"""Explanations go beside their terms only if the page is this many times as wide as the column of terms."""
BELOW: Final = 6

_REQUIRED: Final = re.compile(r"\{([^{}]+)\}")

_Formatter: Any = typer.Context.formatter_class


class HelpLayout(_Formatter):  # type: ignore[misc]
    """Writes the parts of a page; Typer's own formatter breaks rows within words and at hyphens."""

    def __init__(self, **_: Any) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(width=max(NARROWEST, min(columns, WIDEST)))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        self.write(self._folded(f"{prefix or usage.USAGE}{prog} {without_braces(args)}", 0) + "\n")

    def write_heading(self, heading: str) -> None:
        """Write what stands above a list."""
        super().write_heading(usage.HEADINGS.get(heading, heading))

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with a line of \\b keeps its lines."""
        paragraphs = [paragraph.strip("\n") for paragraph in text.split("\n\n")]
        lines = [
            paragraph.removeprefix("\b\n") if paragraph.startswith("\b") else " ".join(paragraph.split())
            for paragraph in paragraphs
        ]
        self.write("\n\n".join(self._folded(line, self.current_indent) for line in lines) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and their explanations, side by side, or one below the other on a narrow page."""
        terms = [reach(term) for term, _ in rows]
        column = self.current_indent + min(max(terms), col_max) + col_spacing
        if column * TERM_SHARE > self.width:
            column = BELOW
        for (term, sentence), width in zip(rows, terms, strict=True):
            head = " " * self.current_indent + term
            explained = self._folded(" ".join(sentence_in_words(sentence).split()), column)
            if sentence and self.current_indent + width + col_spacing <= column:
                self.write(head.ljust(column) + explained.lstrip(" ") + "\n")
            else:
                self.write(self._folded(term, self.current_indent) + "\n")
                self.write(explained + "\n" if sentence else "")

    def _folded(self, text: str, indent: int) -> str:
        margin = " " * indent
        indented = "\n".join(margin + line if line.strip() else "" for line in text.split("\n"))
        return "\n".join(fold(indented, self.width))


def without_braces(usage: str) -> str:
    """Remove the braces that Typer puts around a required argument."""
    return _REQUIRED.sub(r"\1", usage)


class HelpContext(typer.Context):
    """A context whose help is laid out by `HelpLayout`."""

    formatter_class = HelpLayout
