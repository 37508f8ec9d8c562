from __future__ import annotations

import base64
import re

from hostile import TEXTS

from sockatuh.cli.clipboard import clipboard
from sockatuh.room.text import clean_text


def test_a_text_is_copied_and_within_tmux_in_both_ways() -> None:
    assert clipboard("soup", {}) == "\x1b]52;c;c291cA==\x1b\\"
    bare, wrapped = "\x1b]52;c;c291cA==\x1b\\", "\x1bPtmux;\x1b\x1b]52;c;c291cA==\x1b\x1b\\\x1b\\"
    assert clipboard("soup", {"TMUX": "x"}) == bare + wrapped


def test_no_text_leaves_its_sequence() -> None:
    for text in map(clean_text, TEXTS.values()):
        found = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x1b\\", clipboard(text, {}))
        assert found
        assert base64.b64decode(found[1]).decode() == text
