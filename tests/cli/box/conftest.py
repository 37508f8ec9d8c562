"""Both languages for the sentences of one process, which otherwise speaks one."""

from __future__ import annotations

from types import ModuleType

import pytest

from sockatuh.cli.box import denials, rows, shown, words
from sockatuh.wording.en import orders as english
from sockatuh.wording.id import orders as indonesian


@pytest.fixture(params=[english, indonesian], ids=["en", "id"])
def spoken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Have the modules speak a language, and return its sentences."""
    chosen: ModuleType = request.param
    for module in (denials, rows, shown, words):
        monkeypatch.setattr(module, "wording", chosen)
    return chosen


@pytest.fixture
def in_indonesian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the modules speak Indonesian."""
    for module in (denials, rows, shown, words):
        monkeypatch.setattr(module, "wording", indonesian)
