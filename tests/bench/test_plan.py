"""Ratios are of one round, so that a round in which the machine was slow weighs no more than another."""

from __future__ import annotations

import pytest
from bench.plan import BUSY, IDLE, LOADS, SIZES, Figures, Sample, cost, loads
from bench.subjects import COMMITTED, OURS


def sample(number: int, microseconds: float) -> Sample:
    return Sample(number, microseconds, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_ratios_are_of_one_round() -> None:
    figures = Figures()
    figures.samples[OURS, 10, IDLE] = [sample(0, 3.0), sample(1, 30.0), sample(2, 4.0)]
    figures.samples[COMMITTED, 10, IDLE] = [sample(0, 2.0), sample(1, 20.0), sample(2, 2.0)]
    assert figures.ratios(COMMITTED, 10, IDLE, cost) == pytest.approx([1.5, 1.5, 2.0])


def test_a_round_that_one_of_them_lacks_has_no_ratio() -> None:
    figures = Figures()
    figures.samples[OURS, 10, BUSY] = [sample(0, 3.0), sample(2, 4.0)]
    figures.samples[COMMITTED, 10, BUSY] = [sample(1, 2.0), sample(2, 2.0)]
    assert figures.ratios(COMMITTED, 10, BUSY, cost) == [2.0]
    assert figures.ratios("nobody", 10, BUSY, cost) == []


def test_each_size_takes_each_load() -> None:
    for members in SIZES:
        assert [*loads(members, 1.0)] == [*LOADS.values()]
