"""Paths that begin with ~, wherever they are written (a shell expands few of them), and those that begin nowhere."""

from __future__ import annotations

import os
from pathlib import Path


def find_expanded(path: str | os.PathLike[str]) -> Path | None:
    """Return a path with the home directory in place of ~ or ~user, None when there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def working_directory() -> Path:
    """Return where this process stands; where that is gone, what is relative to it is not found."""
    try:
        return Path.cwd()
    except OSError:
        return Path()
