"""Every attack, in the order of docs/RELIABILITY.md."""

from __future__ import annotations

from prove import (
    backups,
    capture,
    clients,
    clock,
    crashes,
    faults,
    fuzz,
    guessing,
    impostor,
    middle,
    offenders,
    oversize,
    pastes,
    powerloss,
    roaming,
    service,
    silence,
    soak,
    starts,
    storage,
    strangers,
    upgrade,
)
from prove.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *faults.ATTACKS,
    *silence.ATTACKS,
    *roaming.ATTACKS,
    *oversize.ATTACKS,
    *crashes.ATTACKS,
    *clients.ATTACKS,
    *powerloss.ATTACKS,
    *storage.ATTACKS,
    *starts.ATTACKS,
    *backups.ATTACKS,
    *strangers.ATTACKS,
    *guessing.ATTACKS,
    *offenders.ATTACKS,
    *pastes.ATTACKS,
    *fuzz.ATTACKS,
    *middle.ATTACKS,
    *impostor.ATTACKS,
    *capture.ATTACKS,
    *clock.ATTACKS,
    *upgrade.ATTACKS,
    *service.ATTACKS,
    *soak.ATTACKS,
)
