"""The file with the banned addresses follows the order book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sockatuh.room.entries import Banned
from sockatuh.room.moments import rfc3339
from sockatuh.room.order_book import OrderBook
from sockatuh.room.targets import OrderKind, Target
from sockatuh.server.barred_file import BarredFile
from sockatuh.store.barred import Barred, read_barred

NOW = 1_700_000_000_000


class Noted:
    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **_: object) -> None:
        self.events.append(event)

    info = error = warning


def put(book: OrderBook, seq: int, target: Target, kind: OrderKind = "ban", **more: Any) -> None:
    about = {
        "what": "what",
        "owner": target.owner,
        "address": target.address,
        "uid": 0,
        "claimed": "tom",
        "reason": "r",
    }
    body = Banned(*about.values(), **{"until": None, "strangers": False} | more)  # type: ignore[arg-type]
    book.apply(seq, NOW, body, target.log_key(kind))


def test_bans_of_addresses_in_force_are_in_the_file_and_no_others(tmp_path: Path) -> None:
    book, file = OrderBook(), BarredFile(tmp_path, None, Noted())
    put(book, 1, Target(address="192.168.1.77"), until=rfc3339(NOW + 1_000))
    put(book, 2, Target(address="10.0.0.0/8"), strangers=True)
    put(book, 3, Target(owner="k" * 32))
    put(book, 4, Target(name_key="ana"))
    put(book, 5, Target(address="10.9.9.9", name_key="ana"))
    put(book, 6, Target(address="10.8.8.8"), until=rfc3339(NOW - 1))
    file.write(book, NOW)
    phone_key = Target(address="192.168.1.77").log_key("ban")
    phone = Barred(network="192.168.1.77", until=NOW + 1_000, reason="r", strangers=False)
    ten = Barred(network="10.0.0.0/8", until=None, reason="r", strangers=True)
    assert read_barred(tmp_path / "barred") == (phone, ten)
    book.drop(phone_key)
    file.write(book, NOW)
    assert read_barred(tmp_path / "barred") == (ten,)


def test_it_is_written_when_the_book_has_changed_and_not_else(tmp_path: Path) -> None:
    book, file = OrderBook(), BarredFile(tmp_path / "state", f"{tmp_path}:/run/other", Noted())
    put(book, 1, Target(address="192.168.1.77"))
    file.write(book, NOW)
    (tmp_path / "barred").unlink()
    file.write(book, NOW)
    assert not (tmp_path / "barred").exists()
    book.shift(5, 0)
    file.write(book, NOW)
    assert (tmp_path / "barred").exists()


def test_a_disk_that_refuses_is_told_once_and_tried_again(tmp_path: Path) -> None:
    book, log = OrderBook(), Noted()
    file = BarredFile(tmp_path / "missing", None, log)
    put(book, 1, Target(address="192.168.1.77"))
    file.write(book, NOW)
    file.write(book, NOW)
    assert log.events == ["barred_not_written"]
    (tmp_path / "missing").mkdir()
    file.write(book, NOW)
    assert len(read_barred(tmp_path / "missing/barred")) == 1
