"""Has the terminal copy a text, by OSC 52; whether it does is up to its settings."""

from __future__ import annotations

import base64


def clipboard(text: str) -> str:
    """Return the control sequence that copies a text, which cannot leave it: it travels in base64."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x1b\\"
