"""The colours and weights in which both screens draw.

Each colour has a contrast of at least 3.1:1 on black, on white and on the backgrounds of the usual light and dark
themes, and under deuteranopia no two are nearer than 10 (ΔE 1976). No colour carries meaning alone: what has to stand
out is bold, underlined or reversed, which stays without colours (NO_COLOR).
"""

from __future__ import annotations

from typing import Final

from prompt_toolkit.styles import Style

from .rendering import AUTHORS

AUTHOR_COLOURS: Final = (
    "#d75f5f", "#5f87d7", "#00875f", "#af5faf", "#af8700", "#875fd7", "#5f8700", "#d75f87", "#008787",
)  # fmt: skip
_WEIGHTS: Final = [
    *((name, "dim") for name in ("time", "event", "note", "pending", "absent", "read")),
    *((name, "bold") for name in ("official", "mention", "prompt", "status", "hint", "heading")),
    ("private", "underline"),
    ("header", "reverse"),
    ("found", "reverse"),
]
COLOURED: Final = Style([*_WEIGHTS, *((f"author{place}", AUTHOR_COLOURS[place]) for place in range(AUTHORS))])
COLOURLESS: Final = Style(_WEIGHTS)
