"""Imports that are smaller: what a library would take along if it were there, and nothing here uses."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

OPENSSL: Final = "ssl", "_hashlib"
"""asyncio and hashlib take it along, 7 MiB; what is sealed here, is sealed by another."""


@contextlib.contextmanager
def spared(*modules: str) -> Iterator[None]:
    """Let what is imported in the block do without modules it takes only where there are any; afterwards they are."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import statement's own "there is none"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
