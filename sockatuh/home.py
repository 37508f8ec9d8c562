"""Paths that begin with ~, wherever they are written: a shell expands few of them."""

from __future__ import annotations

import os
from pathlib import Path


def find_expanded(path: str | os.PathLike[str]) -> Path | None:
    """Return a path with the home directory in place of ~ or ~user, None when there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None
