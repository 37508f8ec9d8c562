"""Commands about what is shown and when it rings, remembered for each server: /quiet, /bell."""

from __future__ import annotations

from sockatuh.cli.chat_state import BELL, OFF, ON, QUIET
from sockatuh.cli.notifications import VARIABLE, Bell
from sockatuh.wording import commands as wording

from .desk import Desk, NotDone, Outcome


def be_quiet(desk: Desk, rest: str) -> Outcome:
    """Hide joins and leaves, or show them."""
    wanted = rest.strip() or ON
    if wanted not in (ON, OFF):
        return NotDone(wording.QUIET_WHAT)
    desk.state.is_quiet = wanted == ON
    fault = desk.state.choose(QUIET, wanted)
    return desk.tell(wording.QUIET if desk.state.is_quiet else wording.NOT_QUIET, fault)


def set_bell(desk: Desk, rest: str) -> Outcome:
    """Choose for which lines it rings."""
    wanted, notifier = rest.strip(), desk.state.notifier
    if not wanted:
        return desk.tell(wording.bell_is(notifier.bell))
    if wanted not in list(Bell):
        return NotDone(wording.bell_is(notifier.bell))
    notifier.bell = Bell(wanted)
    fault = desk.state.choose(BELL, wanted)
    is_silenced = notifier.is_off and notifier.bell is not Bell.OFF
    return desk.tell(wording.silenced(wording.BELLS[wanted], VARIABLE) if is_silenced else wording.BELLS[wanted], fault)
