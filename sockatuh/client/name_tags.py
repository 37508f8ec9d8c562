"""Which keys came under which names, so that somebody who comes under another's name with another key is noticed.

One file for each server, a line of JSON for each name: its name key, and the key tags that were seen under it with the
day of the last time. The names seen last are kept, and of each the tags seen last; so are the files used last. What is
lost here costs a warning, never a conversation: a file that cannot be read is begun anew, one that cannot be written is
left as it is.
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
"""Seconds between two writings of what is of no hurry."""

_Days = dict[str, str]
"""The day (ISO 8601) on which each tag was seen last."""


class NameTags:
    """What one client knows of one server's names; `server` is `host:port`."""

    def __init__(self, directory: Path, server: str) -> None:
        self._directory = directory / "name_tags"
        self._path = self._directory / f"{quote(server.lower(), safe='')}.jsonl"
        self._keys: NameKeys | None = None
        self._names: OrderedDict[str, _Days] = OrderedDict()
        self._unsaved: set[str] = set()
        self._seen_lately: set[tuple[str, str, date]] = set()
        self._saved_at = 0.0

    def see(self, name: str, tag: str, day: date, now: float) -> date | None:
        """Take note of a name and its key's tag ("": it has no key) on a day; `now` is monotonic seconds.

        Return the day on which the name was seen last, if it was, and always with another key. That is told once: the
        tag is known from then on. Whoever has no key is remembered only where the name had one.
        """
        if (name, tag, day) in self._seen_lately:
            return None
        if len(self._seen_lately) >= MOST_NAMES:
            self._seen_lately.clear()
        self._seen_lately.add((name, tag, day))
        if self._keys is None:
            self._keys = NameKeys()
            self._names = _read(self._path)
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
        """Write what is not written yet, beside what other clients have written meanwhile."""
        if not self._unsaved:
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
