"""Settings for all tests: property tests have no deadline."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Final

from dispositions import heed_signals
from hypothesis import HealthCheck, settings

# The tests start hundreds of programs, and each would compile itself again where the environment forbids to keep that.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the tests make directories of their own in it
"""A file system in memory, on Linux. Each line of a room is written through to the disk: a quarter of the time."""
ROOM_NEEDED: Final = 1 << 30


def _is_of_use(directory: Path) -> bool:
    """Tell whether there is room in a directory, and programs in it may be started."""
    if sys.platform != "linux" or not directory.is_dir() or not os.access(directory, os.W_OK):
        return False
    found = os.statvfs(directory)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > ROOM_NEEDED


if _is_of_use(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Sentences are compared in English, on a machine of any language; some tests start programs without our own variables.
os.environ |= {"SOCKATUH_LANG": "en", "LC_MESSAGES": "C"}
if everything := os.environ.pop("LC_ALL", ""):
    os.environ["LC_CTYPE"] = everything

heed_signals()
settings.register_profile("shared", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("shared"), max_examples=600)
settings.load_profile("shared")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all that was imported again and again: a fifth of the time."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are cores: in a third of the time they wait for the programs they started."""
    return (os.cpu_count() or 1) * 3 // 2
