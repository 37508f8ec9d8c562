"""Keeps the file `barred` (store/barred.py) as the order book is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sockatuh.log import Logger
from sockatuh.room.entries import Banned
from sockatuh.room.order_book import OrderBook
from sockatuh.store.barred import NAME, Barred, write_barred


class BarredFile:
    """The file of one room, beside its control socket."""

    def __init__(self, state_dir: Path, runtime_directory: str | None, log: Logger) -> None:
        self._path = (Path(runtime_directory.split(":")[0]) if runtime_directory else state_dir) / NAME
        self._log = log
        self._written = -1
        """The changes of the order book that were written last."""
        self._is_failing = False

    def write(self, book: OrderBook, at: int) -> None:
        """Write what is in force `at` (ms since 1970), if the order book has changed; a disk that refuses is logged."""
        if book.changes == self._written:
            return
        try:
            write_barred(self._path, list(barred_in(book, at)))
        except OSError as error:
            if not self._is_failing:
                self._log.warning("barred_not_written", path=str(self._path), reason=error.strerror or str(error))
            self._is_failing = True
            return
        self._written, self._is_failing = book.changes, False


def barred_in(book: OrderBook, at: int) -> Iterator[Barred]:
    """Yield the bans of addresses in force."""
    for order in book.of_addresses(at):
        body = order.body
        strangers = isinstance(body, Banned) and body.strangers
        yield Barred(network=order.target.address, until=order.until, reason=body.reason, strangers=strangers)
