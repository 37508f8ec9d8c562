from __future__ import annotations

from sockatuh.protocol.client.link_counts import LinkCounts, LinkReport


def report(counts: LinkCounts, now: float = 0.0) -> LinkReport:
    return counts.report(("10.0.0.5", 7625), b"", now)


def times(counts: LinkCounts) -> tuple[float | None, float | None]:
    found = report(counts)
    return found.best_answer, found.last_answer


def test_nothing_is_known_at_first() -> None:
    assert report(LinkCounts()) == LinkReport(("10.0.0.5", 7625), b"", None, None, 0, 0, 0, 0.0)


def test_the_best_of_the_last_eight_answers_is_reported() -> None:
    counts = LinkCounts()
    for number in range(1, 12):
        counts.ask(number, 10.0)
        counts.answer(number, 10.0 + number)
    assert times(counts) == (4.0, 11.0)


def test_what_was_repeated_is_counted_and_not_timed() -> None:
    counts = LinkCounts()
    for at in (1.0, 2.0, 3.0):
        counts.ask(b"ping", at)
        counts.send_lines({7: 1}, at)
    counts.answer(b"ping", 3.1)
    counts.answer_line(7, 3.1)
    assert times(counts) == (None, None)
    assert report(counts).repeated == 4


def test_each_datagram_of_a_line_counts_and_only_a_short_line_is_timed() -> None:
    counts = LinkCounts()
    counts.send_lines({1: 3, 2: 1}, 1.0)
    counts.send_lines({1: 2}, 2.0)
    counts.answer_line(1, 2.5)
    assert (times(counts), report(counts).repeated) == ((None, None), 2)
    counts.answer_line(2, 1.25)
    counts.answer_line(2, 9.0)
    assert times(counts) == (0.25, 0.25)


def test_waiting_at_the_server_and_slow_answers_are_not_the_networks() -> None:
    counts = LinkCounts()
    counts.send_lines({1: 1}, 1.0)
    counts.delay_lines()
    counts.answer_line(1, 4.0)
    counts.ask(1, 1.0, is_quick=False)
    counts.answer(1, 5.0)
    assert times(counts) == (None, None)


def test_a_line_sent_again_in_the_next_session_was_repeated_and_a_question_was_not() -> None:
    counts = LinkCounts()
    counts.send_lines({1: 1}, 1.0)
    counts.ask(1, 1.0)
    counts.close_session()
    counts.send_lines({1: 1}, 5.0)
    counts.ask(1, 5.0)
    counts.answer(1, 5.5)
    assert (report(counts).repeated, times(counts)) == (1, (0.5, 0.5))


def test_losses_are_counted_and_their_times_added() -> None:
    counts = LinkCounts()
    for lost_at, back_at in ((10.0, 12.0), (20.0, 25.0)):
        counts.lose(lost_at)
        counts.find_again(back_at)
    counts.find_again(30.0)
    assert (report(counts, 30.0).losses, report(counts, 30.0).lost_for) == (2, 7.0)
    counts.lose(40.0)
    counts.lose(41.0)
    assert (report(counts, 43.0).losses, report(counts, 43.0).lost_for) == (4, 10.0)
