"""Neither past findings nor the fuzzer's seeds break anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.seeds import seeds
from fuzz.targets import CORPUS, TARGETS

MAX_BYTES = 300_000


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_in_the_corpus_breaks_anything(target: str, tmp_path: Path) -> None:
    run = TARGETS[target](tmp_path)
    inputs = sorted((CORPUS / target).iterdir())
    assert inputs
    for path in inputs:
        try:
            run(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path} breaks {target}") from error


@pytest.mark.parametrize("target", TARGETS)
def test_a_truncated_or_repeated_seed_breaks_nothing(target: str, tmp_path: Path) -> None:
    run = TARGETS[target](tmp_path)
    for data in [data for name, _, data in seeds() if name == target][:8]:
        for spoilt in (b"", data[: len(data) // 2], data + data, data[::-1]):
            run(spoilt)


def test_the_corpus_is_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MAX_BYTES
