"""Fuzz one target with atheris: `python -m fuzz TARGET` and what libFuzzer is to be told."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = ["sockatuh", "precis_i18n"]


def main() -> None:
    """Run until libFuzzer has had enough; it ends the process itself, and not with 0 when it has found something."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        targets = importlib.import_module("fuzz.targets").TARGETS
    atheris.Setup([sys.argv[0], *arguments], targets[name](Path(tempfile.mkdtemp(prefix="sockatuh-fuzz-"))))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
