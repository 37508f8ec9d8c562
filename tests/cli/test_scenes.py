"""The screens of an evening are what they are meant to look like, on terminals of several sizes, in both languages."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest
from cli.scenes import PICTURE, SHOTS, Shot, page_of, readme_picture

from sockatuh.wording import LANGUAGES

REMEDY: Final = "`scripts/picture --golden` writes it anew; look at what has changed"
USUAL: Final = (Shot(80, 24),)
"""The terminals that the default suite looks at; the slow tests look at all."""


def marked(shot: Shot) -> object:
    return pytest.param(shot, id=shot.path.stem, marks=[] if shot in USUAL else pytest.mark.slow)


@pytest.mark.parametrize("shot", [marked(shot) for shot in SHOTS if shot.language == "en"])
def test_the_screens_are_as_they_are_meant_to_be(shot: Shot) -> None:
    assert page_of(shot) == shot.path.read_text("utf-8"), REMEDY


@pytest.mark.slow
@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_they_are_in_every_language(language: str) -> None:
    environ = os.environ | {"SOCKATUH_LANG": language, "PYTHONPATH": os.pathsep.join(sys.path)}
    shots = [shot for shot in SHOTS if shot.language == language]
    command = [sys.executable, "-m", "cli.scenes", "--compare", language]
    assert shots
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert told.stdout == "", REMEDY
    assert told.returncode == 0, told.stderr


def test_every_golden_file_is_compared() -> None:
    assert {shot.path.name for shot in SHOTS} == {path.name for path in SHOTS[0].path.parent.iterdir()}


def test_the_picture_of_the_documents_is_the_screen_as_it_is() -> None:
    assert readme_picture() == PICTURE.read_text("utf-8"), "`scripts/picture` draws it anew"
