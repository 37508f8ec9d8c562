"""What one check of `doctor` came to, and how that is printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from sockatuh.wording import doctor as wording

from .errors import ExitCode
from .jsonlines import print_line
from .rows import print_wrapped
from .wrapping import columns_of

LABEL: Final = 11
"""Columns of a check's name."""
WIDE: Final = 60
"""From this many columns on, all rows of a check begin behind its name."""
NARROW_INDENT: Final = 4
GRAVEST_FIRST: Final = (ExitCode.IDENTITY_CHANGED, ExitCode.VERSION_MISMATCH, ExitCode.NO_SERVER, ExitCode.OTHER)


class Result(StrEnum):
    """How a check ended."""

    OK = "ok"
    SKIPPED = "skipped"
    BAD = "bad"


MARKS: Final[Mapping[Result, str]] = {Result.OK: "ok", Result.SKIPPED: "--", Result.BAD: "!!"}


class Verdict(msgspec.Struct, frozen=True):
    """One check: what it found, or why it was skipped; if it is bad, what to do, and what the command exits with.

    `facts` are numbers and the like for programs.
    """

    check: str
    result: Result
    text: str
    remedy: str = ""
    exit_code: ExitCode = ExitCode.OTHER
    facts: Mapping[str, object] = msgspec.field(default_factory=dict)


def fine(check: str, text: str, /, **facts: object) -> Verdict:
    """Return the verdict that nothing is wrong."""
    return Verdict(check, Result.OK, text, facts=facts)


def skipped(check: str, reason: str) -> Verdict:
    """Return the verdict that something could not be checked, or need not be."""
    return Verdict(check, Result.SKIPPED, reason)


def bad(check: str, text: str, remedy: str, exit_code: ExitCode = ExitCode.OTHER, /, **facts: object) -> Verdict:
    """Return the verdict that something is wrong."""
    return Verdict(check, Result.BAD, text, remedy, exit_code, facts)


def exit_code_of(verdicts: Iterable[Verdict]) -> ExitCode:
    """Return the exit code of all checks together: the gravest."""
    codes = {verdict.exit_code for verdict in verdicts if verdict.result is Result.BAD}
    return next((code for code in GRAVEST_FIRST if code in codes), ExitCode.OK)


def print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print one check: a line, and the remedy below it; or an object."""
    if as_json:
        told = {"check": verdict.check, "result": verdict.result, "text": verdict.text}
        print_line("checked", **told, remedy=verdict.remedy or None, **verdict.facts)
        return
    head = f"{MARKS[verdict.result]}  {wording.CHECKS.get(verdict.check, verdict.check):<{LABEL}}"
    columns = columns_of(sys.stdout)
    indent = len(head) if columns is None or columns >= WIDE else NARROW_INDENT
    first, *others = [*verdict.text.splitlines(), *verdict.remedy.splitlines()]
    print_wrapped([head + first, *(" " * indent + line for line in others)], indent)
