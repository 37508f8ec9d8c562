"""docs/ARCHITECTURE.md is true: its table, the files it names, the way of a line, the reading orders, their sizes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Final

import pytest
from test_architecture import MAY_IMPORT, PACKAGE, ROOT

from sockatuh import Said
from sockatuh.testing import MemoryRoom, run

PAGE: Final = (ROOT / "docs/ARCHITECTURE.md").read_text("utf-8")
FILE: Final = re.compile(r"`((?:tests/)?(?:[a-z_]+/)*[a-z_]+\.py|(?:[a-z_]+/)+)`")
"""A file or a directory, as the page names them: below sockatuh/, or below the repository for tests."""
WHOLE: Final = {
    "The client": ("protocol", "protocol/client", "client"),
    "The server": ("protocol", "protocol/server", "room", "server", "server/dialects"),
}
"""The directories of which a reading order leaves out no module."""
ABOUT: Final = 0.05
"""The share of a reading order that may be missing on the page, or by which its size may be off."""
NOT_IN_MEMORY: Final = ("cli/", "net/", "store/", "server/service.py", "server/write_batching.py", "client/timeline.py")
"""What a line in a room in memory does not pass."""


def section(heading: str) -> str:
    """Return what stands under a heading of the page, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}[^\n]*\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {heading}"
    return found[1]


def lines_of(files: Iterable[str]) -> int:
    return sum(len((PACKAGE / name).read_text("utf-8").splitlines()) for name in files)


def modules_in(*directories: str) -> set[str]:
    """Return the modules right inside some directories that say more than their docstring."""
    paths = {path for directory in directories for path in (PACKAGE / directory).glob("*.py")}
    return {str(path.relative_to(PACKAGE)) for path in paths if path.name != "__init__.py"}


def test_the_table_of_layers_is_the_one_that_is_tested() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|([^|]*)\|$", section("Layers"), re.MULTILINE)
    table = {
        part: {*re.findall(r"`([a-z_.]+)`", allowed)}
        for parts, allowed in rows
        for part in re.findall(r"`([a-z_.]+)`", parts)
    }
    assert table == MAY_IMPORT


def test_every_named_file_exists() -> None:
    named = FILE.findall(PAGE)
    assert len(named) > 50
    below = {name: ROOT if name.startswith(("tests/", "docs/")) else PACKAGE for name in named}
    assert [name for name, directory in below.items() if not (directory / name).exists()] == []


@pytest.mark.parametrize("order", WHOLE)
def test_a_reading_order_has_next_to_every_module_once_and_about_the_size_it_says(order: str) -> None:
    named = [name for name in FILE.findall(section(order)) if name.endswith(".py")]
    assert len(named) == len({*named})
    size = lines_of(named)
    missing = modules_in(*WHOLE[order]) - {*named}
    assert lines_of(missing) <= ABOUT * size, f"{sorted(missing)} are to be read somewhere"
    said = re.search(rf"^### {order}: about ([\d,]+) lines$", PAGE, re.MULTILINE)
    assert said
    assert abs(int(said[1].replace(",", "")) - size) <= ABOUT * size, f"it has {size:,} lines"


def test_the_described_path_of_a_line_is_the_real_one() -> None:
    calls = iter(run(calls_of_one_line()))
    named = FILE.findall(section("The way of one line"))
    for step in (name for name in named if not name.startswith(NOT_IN_MEMORY)):
        assert step in calls, f"{step} is not called after what stands before it on the page"


async def calls_of_one_line() -> list[str]:
    """Say a line, and return the file of each call of ours until another member has been shown it."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            calls.append(str(path.relative_to(PACKAGE)))

    async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
        events = aiter(budi)
        await anext(events)
        profiler = sys.getprofile()
        sys.setprofile(note)
        try:
            ana.send("soup at one")
            while not isinstance(await anext(events), Said):
                pass
        finally:
            sys.setprofile(profiler)
    return calls
