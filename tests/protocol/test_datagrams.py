"""What both ends compute alike about datagrams."""

from __future__ import annotations

import pytest
from kit.bare_room import Dice, no_jitter

from sockatuh.protocol.datagrams import jitter


@pytest.mark.parametrize("spread", [0.1, 0.25, 1.0])
def test_jitter_covers_its_range_and_never_leaves_it(spread: float) -> None:
    factors = [jitter(lambda size, byte=byte: bytes([byte]) * size, spread) for byte in range(256)]  # type: ignore[misc]
    assert min(factors) == pytest.approx(1 - spread)
    assert 1 + 0.98 * spread < max(factors) < 1 + spread
    assert factors == sorted(factors)


def test_without_chance_there_is_no_jitter() -> None:
    assert jitter(no_jitter, 0.1) == 1.0


def test_jitter_draws_one_byte() -> None:
    dice = Dice(1)
    jitter(dice, 0.2)
    assert dice.drawn == {1: 1}
