"""What people type for yes and no: the words of every language in every language, because habits outlast a setting."""

from __future__ import annotations

from typing import Final

YES: Final = frozenset({"y", "yes", "ya"})
NO: Final = frozenset({"", "n", "no", "t", "tidak"})
