from __future__ import annotations

import pytest

from sockatuh.server.trusted_clock import BELIEVED_AFTER, TrustedClock

HOUR = 3_600_000
DAY = 24 * HOUR
YEAR = 365 * DAY


class Clocks:
    """A settable wall clock, a monotonic clock, and the trusted clock derived from them."""

    def __init__(self, wall: int = 1_700_000_000_000) -> None:
        self.wall, self.monotonic = wall, 5.0
        self.true = wall
        self.steady = TrustedClock(lambda: self.wall, lambda: self.monotonic)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, reading the clock every second as the server does."""
        for _ in range(int(seconds)):
            self.monotonic += 1.0
            self.wall += 1_000
            self.true += 1_000
            self.steady.read()

    @property
    def error(self) -> int:
        return self.steady.read() - self.true


def test_it_follows_the_wall_clock() -> None:
    clocks = Clocks()
    clocks.pass_by(100)
    assert clocks.error == 0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, -DAY, YEAR, 50 * YEAR])
def test_a_clock_jump_counts_only_after_it_has_persisted(jump: int) -> None:
    clocks = Clocks()
    clocks.pass_by(10)
    clocks.wall += jump
    clocks.pass_by(BELIEVED_AFTER - 1)
    assert clocks.error == 0
    clocks.pass_by(2)
    assert clocks.error == jump


def test_a_reverted_clock_jump_has_no_effect() -> None:
    clocks = Clocks()
    for _ in range(5):
        clocks.wall += YEAR
        clocks.pass_by(BELIEVED_AFTER - 1)
        clocks.wall -= YEAR
        clocks.pass_by(10)
        assert clocks.error == 0


def test_an_erratic_clock_is_not_trusted() -> None:
    clocks = Clocks()
    for _ in range(4):
        for jump in (YEAR, -HOUR, DAY):
            clocks.wall += jump
            clocks.pass_by(BELIEVED_AFTER / 2)
    assert clocks.error == 0


def test_a_gradually_adjusted_clock_is_followed() -> None:
    clocks = Clocks()
    for _ in range(100):
        clocks.wall += 5_000
        clocks.pass_by(10)
    assert clocks.error == 500_000


def test_suspending_the_machine_counts_as_a_clock_jump() -> None:
    clocks = Clocks()
    clocks.wall += 8 * HOUR
    assert clocks.error == 0
    clocks.pass_by(BELIEVED_AFTER + 1)
    assert clocks.error == 8 * HOUR
