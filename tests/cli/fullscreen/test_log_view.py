from __future__ import annotations

from hostile import TEXTS, faults_of_text

from sockatuh.cli.direction import LEFT_TO_RIGHT
from sockatuh.cli.fullscreen.log_view import LogView
from sockatuh.cli.rendering import draw, plain
from sockatuh.cli.wrapping import reach
from sockatuh.client.items import Said

NOON = 1_700_000_000_000


class View(LogView):
    """A view that counts how often it has to be painted, and shows all of its rows at a width."""

    def __init__(self) -> None:
        self.changes = 0
        super().__init__((40, 10), self._count)

    def rows(self, columns: int) -> list[str]:
        return [plain(row) for row in self._log.window(columns, 99)]

    def _count(self) -> None:
        self.changes += 1


def test_answers_and_remarks_are_wrapped_at_each_width() -> None:
    view = View()
    view.note("the server is restarting; stay")
    view.answer(["/who            list who is here", "/quit"])
    assert view.rows(80) == [
        "— the server is restarting; stay —",
        "      /who            list who is here",
        "      /quit",
    ]
    narrow = view.rows(24)
    assert narrow[0] == "— the server is"
    assert all(row.startswith(("  ", "— ")) for row in narrow)
    assert max(map(len, narrow)) <= 24
    assert view.changes == 2


def test_a_link_stands_in_full_rows_that_make_it_whole_again() -> None:
    view = View()
    link = "https://intern.example/" + "x" * 50
    view.show_links({link: 1, "https://b.example/王伟王伟王伟王伟王伟王伟": 2})
    assert "".join(view.rows(40)[:2]) == link
    assert len(view.rows(40)[0]) == 40
    assert "".join(view.rows(40)[2:]) == "https://b.example/王伟王伟王伟王伟王伟王伟"
    assert view.rows(80)[0] == link


def test_what_quotes_a_struck_line_is_taken_off_too() -> None:
    view = View()
    secret, other = Said(7, NOON, "ana", "it is 4711"), Said(8, NOON, "ana", "soup at one")
    view.show(draw(secret, "tom", 40), 7)
    view.show(draw(other, "tom", 40), 8)
    view.show_links({"https://a.example/4711": 7, "https://b.example/": 8})
    view.quote([*draw(secret, "tom", 40), *draw(other, "tom", 40)], [7, 8])
    view.note("a remark")
    before = view.changes
    view.take_off(7)
    assert [row[6:] for row in view.rows(40)] == ["ana  soup at one", "mark —"]
    assert view.changes == before + 1


def test_a_search_that_led_to_a_struck_line_shows_the_next_older_one() -> None:
    view = View()
    for seq in range(1, 40):
        view._log.add_entry(Said(seq, NOON, "ana", f"line {seq}"), "tom")
    view._log.find([30, 10], *view._size)
    view.take_off(30)
    assert any(row.endswith("line 10") for row in (plain(row) for row in view._log.window(*view._size)))
    view.take_off(10)
    assert view._log.search is None


def test_lines_drawn_for_one_width_fit_another() -> None:
    view = View()
    said = Said(7, NOON, "ana", "soup at one for all who are here, and bread " * 3)
    view.show(draw(said, "tom", 60))
    assert view.rows(60) == [plain(row) for row in draw(said, "tom", 60)]
    narrow = view.rows(30)
    assert max(map(reach, narrow)) <= 30
    assert all(row.startswith("      ") for row in narrow[1:])
    assert "".join("".join(narrow).split()) == "".join(plain(row) for row in draw(said, "tom", 60)).replace(" ", "")


def test_a_rejected_text_is_one_row_whatever_it_holds() -> None:
    for text in TEXTS.values():
        view = View()
        view.refuse(text, "too much")
        first, row = (each.replace(LEFT_TO_RIGHT, "") for each in view.rows(40))
        assert first == "— not sent: too much —"
        assert row.startswith(" " * 9)
        assert faults_of_text(row) == []
        assert reach(row) <= 40
