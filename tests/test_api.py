"""The public names of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sockatuh


@pytest.mark.parametrize("name", sockatuh.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(sockatuh, name) is not None
    assert name in dir(sockatuh)


def test_no_other_name_is_public() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Conversation'"):
        _ = sockatuh.Conversation


def test_importing_the_package_loads_none_of_its_modules() -> None:
    program = "import sys, sockatuh; print([name for name in sys.modules if name.startswith('sockatuh.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
