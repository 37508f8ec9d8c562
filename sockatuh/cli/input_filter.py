"""How the screen shows what is being typed: with a stand-in for each character that would be cleaned away.

What is pasted may come from anywhere, and would reach the terminal before it is ever sent.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput

from sockatuh.room.text import CONTROL_SEQUENCE, judge

STAND_IN: Final = "\ufffd"


class ShowRemoved(Processor):
    """Shows the input; as there is one character for another, the cursor stands where it stood."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return a line of the input as it may be shown."""
        shown: StyleAndTextTuples = [(style, show_removed(text)) for style, text, *_ in transformation_input.fragments]
        return Transformation(shown)


def show_removed(text: str) -> str:
    """Return a text with a stand-in for what cleaning removes; control characters prompt_toolkit shows as `^[`."""
    text = CONTROL_SEQUENCE.sub(lambda found: STAND_IN * len(found[0]), text)
    return "".join(char if is_kept or unicodedata.category(char) == "Cc" else STAND_IN for char, is_kept in judge(text))
