from __future__ import annotations

from collections.abc import Sequence

import pytest

from sockatuh.cli.fullscreen.joins import MOST, Fold
from sockatuh.client.items import Came, Went


def fold_of(events: Sequence[str]) -> Fold:
    """Fold events written as `+ana`, `-ana` and `-ana:lost`."""
    happened = [_event(at, each) for at, each in enumerate(events)]
    fold = Fold(happened[0])
    for event in happened[1:]:
        fold.add(event)
    return fold


def _event(at: int, written: str) -> Came | Went:
    name, _, reason = written[1:].partition(":")
    return Came(at, at, name) if written[0] == "+" else Went(at, at, name, reason or "left")


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (["+budi", "+eva", "-zoë"], "budi, eva joined; zoë left"),
        (["+zoë", "-zoë"], "zoë joined and left"),
        (["-zoë", "+zoë"], "zoë left and came back"),
        (["+zoë", "-zoë:lost", "+zoë", "+budi"], "zoë, budi joined"),
        (["-zoë", "+zoë", "-zoë:lost", "-budi:lost"], "zoë, budi left (lost contact)"),
        (["-ana", "-budi:idle", "-eva"], "ana, eva left; budi left (silent)"),
        (["+ana", "+two words"], 'ana, "two words" joined'),
    ],
)
def test_a_fold_says_what_has_changed(events: Sequence[str], sentence: str) -> None:
    assert fold_of(events).sentence == sentence


def test_a_long_fold_names_the_first_and_counts_the_others() -> None:
    names = [f"m{number}" for number in range(13)]
    assert fold_of([f"+{name}" for name in names]).sentence == ", ".join(names[:10]) + " and 3 others joined"
    assert fold_of([f"+{name}" for name in names[:11]]).sentence == ", ".join(names[:10]) + " and 1 other joined"


def test_a_fold_of_one_event_is_that_event() -> None:
    assert fold_of(["-ana:lost"]).only == Went(0, 0, "ana", "lost")
    assert fold_of(["+ana", "-ana", "+ana"]).only == Came(2, 2, "ana")
    assert fold_of(["+ana", "-ana"]).only is None
    assert fold_of(["+ana", "+budi"]).only is None


def test_a_fold_is_bounded() -> None:
    fold = fold_of([f"+m{number}" for number in range(MOST)])
    assert fold.is_full
    assert not fold_of([f"+m{number % 3}" for number in range(MOST)]).is_full
