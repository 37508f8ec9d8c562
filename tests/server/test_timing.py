from __future__ import annotations

from sockatuh.server.timing import BOUNDS, Timing


def test_nothing_observed_is_nothing() -> None:
    empty = Timing().histogram()
    assert (empty.bounds, empty.counts, empty.count, empty.sum) == (BOUNDS, (0,) * len(BOUNDS), 0, 0.0)


def test_each_bound_counts_all_that_took_at_most_so_long() -> None:
    timing = Timing()
    for seconds in (0.0, 0.001, 0.0011, 0.02, 3.0, 7.5):
        timing.observe(seconds)
    found = timing.histogram()
    assert dict(zip(found.bounds, found.counts, strict=True)) == {
        0.001: 2, 0.003: 3, 0.01: 3, 0.03: 4, 0.1: 4, 0.3: 4, 1.0: 4, 3.0: 5,
    }  # fmt: skip
    assert found.count == 6
    assert abs(found.sum - 10.5221) < 1e-9
