"""Which keys were used with which names, so that a client can warn when a name appears with another key.

There is one file per server with one line of JSON per name: its name key, and the key tags seen with it, each with the
day it was last seen. The most recent names, tags per name and files are kept. Losing any of it costs a warning and
never the conversation: an unreadable file is replaced, and one that cannot be written stays as it is.
"""

from __future__ import annotations

import contextlib
import json
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sockatuh.errors import KeyFileError
from sockatuh.room.namekeys import NameKeys
from sockatuh.store.files import ensure_private_directory, exclusive, find_bytes, write_private

MOST_NAMES: Final = 1_024
MOST_TAGS: Final = 4
MOST_SERVERS: Final = 64
SAVE_AFTER: Final = 60.0
"""Seconds between two saves of what is not urgent."""

_Days = dict[str, str]
"""The day (ISO 8601) each tag was last seen."""


class NameTags:
    """What one client knows about one server's names; `server` is `host:port`. No directory: kept in memory only."""

    def __init__(self, directory: Path | None, server: str) -> None:
        self._keeps = directory is not None
        self._directory = (directory or Path()) / "name_tags"
        self._path = _path_in(self._directory, server)
        self._keys: NameKeys | None = None
        self._names: OrderedDict[str, _Days] = OrderedDict()
        self._unsaved: set[str] = set()
        self._seen_lately: set[tuple[str, str, date]] = set()
        self._saved_at = 0.0

    def see(self, name: str, tag: str, day: date, now: float) -> date | None:
        """Remember that a name was used with a key tag ("": without a key) on a day; `now` is monotonic seconds.

        Return the day the name was last seen if it was always seen with other keys. That happens once per tag, since
        the tag is known afterwards. A name without a key is remembered only if it has had one.
        """
        if (name, tag, day) in self._seen_lately:
            return None
        if len(self._seen_lately) >= MOST_NAMES:
            self._seen_lately.clear()
        self._seen_lately.add((name, tag, day))
        if self._keys is None:
            self._keys = NameKeys()
            self._names = _read(self._path) if self._keeps else OrderedDict()
        key, today = self._keys.key(name), day.isoformat()
        days = self._names.get(key, {})
        if (not days and not tag) or days.get(tag, "") >= today:
            return None
        before = max(days.values(), default="")
        is_another = before != "" and tag not in days and today >= before
        self._names[key] = _newest({**days, tag: today})
        self._names.move_to_end(key)
        if len(self._names) > MOST_NAMES:
            self._unsaved.discard(self._names.popitem(last=False)[0])
        self._unsaved.add(key)
        if is_another or now >= self._saved_at + SAVE_AFTER:
            self.save(now)
        return date.fromisoformat(before) if is_another else None

    def save(self, now: float = 0.0) -> None:
        """Write what is unsaved, merged with what other clients have written meanwhile."""
        if not self._unsaved or not self._keeps:
            return
        self._saved_at = now
        with contextlib.suppress(OSError, KeyFileError):
            ensure_private_directory(self._directory.parent)
            ensure_private_directory(self._directory)
            with exclusive(self._directory):
                names = _read(self._path)
                for key in [key for key in self._names if key in self._unsaved]:
                    names[key] = _newest(_merged(names.get(key, {}), self._names[key]))
                    names.move_to_end(key)
                while len(names) > MOST_NAMES:
                    names.popitem(last=False)
                lines = (json.dumps([key, days]) for key, days in names.items())
                write_private(self._path, "".join(f"{line}\n" for line in lines).encode())
                self._forget_old_servers()
            self._names = names
        self._unsaved.clear()

    def _forget_old_servers(self) -> None:
        files = sorted(self._directory.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_SERVERS]:
            path.unlink(missing_ok=True)


def move_name_tags(directory: Path | None, before: str, after: str) -> None:
    """Give what is known about a server's names to another address of it."""
    if directory is not None:
        within = directory / "name_tags"
        with contextlib.suppress(OSError):
            _path_in(within, before).replace(_path_in(within, after))


def _path_in(directory: Path, server: str) -> Path:
    return directory / f"{quote(server.lower(), safe='')}.jsonl"


def _read(path: Path) -> OrderedDict[str, _Days]:
    names: OrderedDict[str, _Days] = OrderedDict()
    with contextlib.suppress(OSError, KeyFileError):
        for line in (find_bytes(path) or b"").splitlines():
            with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
                key, days = json.loads(line)
                names[str(key)] = {str(tag): date.fromisoformat(day).isoformat() for tag, day in days.items()}
    return names


def _merged(ours: _Days, theirs: _Days) -> _Days:
    return {tag: max(ours.get(tag, ""), theirs.get(tag, "")) for tag in {**ours, **theirs}}


def _newest(days: _Days) -> _Days:
    return dict(sorted(days.items(), key=lambda each: each[1])[-MOST_TAGS:])
