"""Sends control sequences to the terminal around tmux, which swallows most of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ESCAPE: Final = "\x1b"


def through_tmux(sequence: str, environ: Mapping[str, str]) -> str:
    """Return a control sequence of our own as it reaches the terminal: within tmux wrapped, to be passed through."""
    if not environ.get("TMUX"):
        return sequence
    return f"{_ESCAPE}Ptmux;{sequence.replace(_ESCAPE, _ESCAPE * 2)}{_ESCAPE}\\"
