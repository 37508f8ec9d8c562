from __future__ import annotations

from sockatuh.client.deadline import Patience


def test_the_deadline_pauses_while_a_person_is_asked() -> None:
    now = [100.0]
    patience = Patience(10, lambda: now[0])
    now[0] += 3
    assert (patience.left(), patience.left(5)) == (7, 5)
    with patience.paused():
        now[0] += 60
    assert patience.left() == 7
    now[0] += 8
    assert patience.left(5) == 0
    assert (Patience(None).left(), Patience(None).left(5)) == (None, 5)
