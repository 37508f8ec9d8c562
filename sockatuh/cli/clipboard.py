"""Has the terminal copy a text, by OSC 52; whether it does is up to its settings."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from .tmux import through_tmux


def clipboard(text: str, environ: Mapping[str, str]) -> str:
    """Return the control sequence that copies a text, which cannot leave it: it travels in base64.

    Within tmux it comes twice: bare, which tmux obeys with `set-clipboard on`, and wrapped, which it passes on with
    `allow-passthrough on`. By default it swallows both.
    """
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x1b\\"
    wrapped = through_tmux(sequence, environ)
    return sequence if wrapped == sequence else sequence + wrapped
