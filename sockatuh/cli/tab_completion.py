"""Completes commands and names in the input, one candidate after the other with each Tab."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from .folding import fold_letters

Words: TypeAlias = Callable[[], Sequence[str]]
"""Returns candidates, the likeliest first."""

_COMMAND: Final = re.compile(r"/[^\s/]*")
_ARGUMENT: Final = re.compile(r"/([^\s/]+)\s+(\S*)")
_TO_SOMEBODY: Final = "@"


class TabCompletion:
    """Completes texts. `commands`: each command's name, and the words that its first argument may be, if known."""

    def __init__(self, commands: Mapping[str, Words | None], names: Words) -> None:
        self._commands, self._names = commands, names
        self._candidates: list[str] = []
        self._at = 0
        self._head = ""
        self._last = ("", "")

    def complete(self, before: str, after: str = "") -> str | None:
        """Return what is to stand before the cursor in place of `before`, None if there is nothing to complete.

        Where `before` is what was returned last, and the text behind the cursor is still `after`, the next candidate
        takes its place.
        """
        if self._candidates and (before, after) == self._last:
            self._at = (self._at + 1) % len(self._candidates)
        else:
            self._head, self._candidates = self._find(before)
            self._at = 0
        if not self._candidates:
            return None
        completed = self._head + self._candidates[self._at]
        self._last = completed, after
        return completed

    def _find(self, before: str) -> tuple[str, list[str]]:
        """Return what stays as it is, and what may follow it."""
        if _COMMAND.fullmatch(before):
            return "/", [f"{name} " for name in self._commands if name.startswith(before[1:])]
        if (argument := _ARGUMENT.fullmatch(before)) is not None:
            words = self._commands.get(argument[1])
            if words is not None:
                start = argument.start(2)
                return before[:start], [f"{word} " for word in _that_begin(words(), argument[2])]
        word = "" if before[-1:].isspace() else "".join(before.split()[-1:])
        start = len(before) - len(word)
        if word.startswith(_TO_SOMEBODY):
            return before[: start + 1], _that_begin(self._names(), word[1:])
        end = ": " if start == 0 else ""
        return before[:start], [f"{name}{end}" for name in _that_begin(self._names(), word)]


def _that_begin(words: Sequence[str], start: str) -> list[str]:
    wanted = fold_letters(start)
    return [word for word in words if fold_letters(word).startswith(wanted)]
