"""Puts words of the chosen language in the place of Typer's, on help pages and in usage errors.

Typer's copy of Click has its sentences in English in the code, not in a catalogue that could be exchanged. So finished
sentences are compared with the patterns in `wording.usage`; one that fits none stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

from sockatuh.wording import usage
from sockatuh.wording.patterns import translated

_REMARKS_BEHIND: Final = re.compile(r"(?P<sentence>.*?)\s*\[(?P<remarks>[^\[\]]*)\]", re.DOTALL)


def error_in_words(message: str) -> str:
    """Return the message of a usage error."""
    return translated(message.replace("\n\t", " "), usage.ERRORS)  # Typer lists choices one below the other


def sentence_in_words(sentence: str) -> str:
    """Return the explanation of an option or an argument, with remarks such as its default behind it."""
    if (behind := _REMARKS_BEHIND.fullmatch(sentence)) is None:
        return usage.SENTENCES.get(sentence, sentence)
    remarks = "; ".join(translated(remark, usage.REMARKS) for remark in behind["remarks"].split("; "))
    return f"{behind['sentence']} [{remarks}]".lstrip()
