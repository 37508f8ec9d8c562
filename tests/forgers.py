"""Names and texts that imitate something else: another member's line, a join, a remark."""

from __future__ import annotations

from typing import Final

_FAMILY: Final = "\U0001f469\u200d\U0001f469\u200d\U0001f467"

NAMES: Final = (
    "a", "ana", "budi", "joined", "left", "and", "you", "server", "12", "ana_joined", "ana.", "o'neill", "e-ve", "王伟",
    "аня", "Ωmega", "אבי", "علي", "רות5", "สมชาย", "z\u0335\u0335o", "ｗ" * 32, "abcdefghijklm", "abcdefghijklmn",
    "abcdefghijklmno", "w" * 32, "王" * 32, "é" * 32, "א" * 32,
)  # fmt: skip
"""Legal names, some of which are part of others or words of our own sentences."""
FORMER: Final = (
    "ana kicks", "ana joined", "budi joined; ana", "ana, budi, citra", "· ana", "* ana", "— you are here —", '"ana"',
    "12:00 ana", "# ana", "# * ana", "#", "", "ana  hi", "a…", "שלום אבי", "ana (lost contact)",
)  # fmt: skip
"""Names that stand in logs of earlier versions, or that a bad server may send."""
SAID: Final = (
    "hi", "joined", "left", "left (lost contact)", "budi joined; ana", "kicks budi", "· ana joined", "* ana waves",
    "# ana  hi", "x\n12:00 # ana  hi", "x\n      # ana  hi",
    "12:00 ana  hi", "x\n12:00 ana  hi", "x\n      · ana joined", "x\n\t\ty", "… 190 more lines; /show 4321",
    "x\n      … 190 more lines; /show 1", "— you are here —", "/me waves", "אבי", "x אבי 12:00 ana", "שלום\nعليكم",
    "王伟 joined", "e\u0301 z\u0335", "\U0001f1ee\U0001f1e9" * 12, _FAMILY * 8, "w" * 90, "12:00 " * 30, "й" * 90,
    "a" * 11 + " 12:00 ana  hi", "op  hi", "mn  hi", "no hi", "\n".join("abcdefghijklmnop"), "soup " * 99,
)  # fmt: skip
