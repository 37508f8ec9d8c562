"""Every attack, in the order of docs/RELIABILITY.md."""

from __future__ import annotations

from prove import soak
from prove.attack import Attack

ATTACKS: tuple[Attack, ...] = (*soak.ATTACKS,)
