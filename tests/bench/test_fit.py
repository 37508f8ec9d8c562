"""The line through the costs is the one that was there, and the largest room does not decide alone."""

from __future__ import annotations

import pytest
from bench.fit import fit


def test_a_line_is_found_again() -> None:
    found = fit({members: 300.0 + 5.0 * members for members in (10, 100, 1_000)})
    assert found is not None
    assert (found.fixed, found.each) == pytest.approx((300.0, 5.0))
    assert found.miss == pytest.approx(0.0, abs=1e-9)


def test_an_error_of_the_largest_room_leaves_the_fixed_cost_almost_alone() -> None:
    found = fit({10: 350.0, 100: 800.0, 1_000: 5_300.0 * 1.1})
    assert found is not None
    assert found.fixed == pytest.approx(300.0, rel=0.05)
    assert 0.0 < found.miss < 0.1


def test_one_size_is_no_line() -> None:
    assert fit({100: 5.0}) is None
