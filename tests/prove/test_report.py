"""docs/RELIABILITY.md says what the attacks show, and nothing else."""

from __future__ import annotations

from prove import report
from prove.attack import Attack, Found, Run
from prove.register import ATTACKS


def test_each_attack_has_a_line_with_a_figure_and_each_line_an_attack() -> None:
    figures = report.figures(report.DOCUMENT.read_text("utf-8"))
    assert sorted(figures) == sorted(attack.name for attack in ATTACKS)
    assert [name for name, figure in figures.items() if figure == report.NO_FIGURE] == []


def test_the_lines_say_what_the_attacks_do() -> None:
    text = report.DOCUMENT.read_text("utf-8")
    for attack in ATTACKS:
        assert report.document_row(attack, report.figures(text)[attack.name]) in text.splitlines()


def test_what_did_not_hold_is_said_and_counted() -> None:
    async def never(run: Run) -> Found:
        raise NotImplementedError

    attack = Attack("an-attack", "It holds", "by force", never)
    rows = [
        report.Row(attack, 7, False, 30.0, count="3 tries", figure="0 lost"),
        report.Row(attack, 7, False, 30.0, broken="1 of 3 lost"),
        report.Row(attack, 7, False, 0.0, missing="no namespaces"),
    ]
    rows.append(report.Row(attack, 7, False, 60.0, count="3 tries", figure="0 lost", late=("back after 3.4 s",)))
    assert [row.held for row in rows] == [True, False, False, True]
    printed = report.table(rows, 60.0)
    assert "by force: 3 tries" in printed
    assert "held: 0 lost" in printed
    assert "BROKEN: 1 of 3 lost" in printed
    assert "NOT TRIED: no namespaces" in printed
    assert "held: 0 lost (at try 2; late before: back after 3.4 s)" in printed
    assert printed.count("again with: scripts/prove --only an-attack --seed 7") == 2
    assert printed.endswith("2 of 4 held, 1.0 min")
