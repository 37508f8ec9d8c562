"""Values to call any sentence with, made from the types and names of its parameters."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from sockatuh.errors import Problem
from sockatuh.server.options import Ready
from sockatuh.wording.en import admin, client, doctor, identity, install, status

NUMBERS: Final = (0, 1, 2, 11)
CODES: Final[dict[str, tuple[str, ...]]] = {
    # parameters that take one of some words, none of which is shown as it is
    "refused.code": tuple(admin.REFUSALS),
    "name_refused.code": tuple(client.NAME_REFUSALS),
    "left.reason": tuple(client.LEFT_REASONS),
    "did_leave.reason": tuple(client.LEFT_REASONS),
    "server_unproven.reason": ("welcome", "offer", "proofs"),
    "will_write.news": tuple(install.NEWS),
    "screen.kind": tuple(doctor.SCREENS),
    "trouble.code": tuple(status.TROUBLES),
    "import_refused.fault": tuple(identity.FAULTS),
}
OBSTACLES: Final = tuple(admin.OBSTACLES)


@dataclass(frozen=True)
class Call:
    """The arguments of one call, and the facts among them that are texts."""

    values: dict[str, object]
    facts: tuple[str, ...]


def calls_of(name: str, function: Callable[..., object], text: str, numbers: Sequence[int] = NUMBERS) -> Iterator[Call]:
    """Yield calls with each number, each code and each answer to yes or no; `text` is part of every fact."""
    hints = typing.get_type_hints(function, {**vars(admin), "Ready": Ready, **function.__globals__})
    short = name.rpartition(".")[2]
    kinds = {each: hints[each] for each in inspect.signature(function).parameters}
    for number in numbers:
        for turn in range(max([2, *(len(CODES.get(f"{short}.{each}", ())) for each in kinds)])):
            facts: list[str] = []
            values = {
                each: _value(kind, f"{short}.{each}", f"{text}{place}", number, turn, facts)
                for place, (each, kind) in enumerate(kinds.items())
            }
            yield Call(values, tuple(facts))


def _value(kind: Any, place: str, text: str, number: int, turn: int, facts: list[str]) -> object:
    if codes := CODES.get(place):
        return codes[turn % len(codes)]
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        wanted = [each for each in typing.get_args(kind) if each is not type(None)]
        return _value(wanted[0], place, text, number, turn, facts) if turn % 2 == 0 else None
    if origin is Mapping:
        facts += [f"{text}a", f"{text}b"]
        return {f"{text}a": number, f"{text}b": number}
    if origin is Literal:
        words = typing.get_args(kind)
        return words[turn % len(words)]
    if origin is not None and "obstacles" in place and typing.get_args(kind)[0] is not str:
        address = f"[fe80::{number + 1}]:7625"
        facts.append(f"fe80::{number + 1}")
        return ((address, OBSTACLES[(number + turn) % len(OBSTACLES)]),)
    if origin is not None:
        return [_value(typing.get_args(kind)[0], place, f"{text}{each}", number, turn, facts) for each in "ab"]
    if kind is bool:
        return turn % 2 == 0
    if kind in (int, float):
        return kind(number)
    if kind is date:
        return date(2026, 11, 3)
    if kind is datetime:
        return datetime(2026, 11, 3 + turn % 2, 9, 10)
    facts.append(text)
    if kind is str:
        return text
    if kind is Path:
        return Path(text)
    if kind is Problem:
        return Problem(text, f"{text}o", f"{text}e")
    if kind is Ready:
        return Ready(text, "::", ("192.0.2.7", "fe80::7"), 7000 + number, bytes(32))
    raise AssertionError(f"{place} takes {kind}, which has no sample yet")
