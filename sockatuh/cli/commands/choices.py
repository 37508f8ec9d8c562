"""Commands about what is shown and when it rings, remembered for each server: /quiet, /bell."""

from __future__ import annotations

from sockatuh.cli.chat_state import BELL, OFF, ON, QUIET
from sockatuh.cli.notifications import VARIABLE, Bell
from sockatuh.wording import commands as wording

from .context import CommandContext, NotDone, Outcome


def be_quiet(context: CommandContext, rest: str) -> Outcome:
    """Hide joins and leaves, or show them."""
    wanted = rest.strip() or ON
    if wanted not in (ON, OFF):
        return NotDone(wording.QUIET_WHAT)
    context.state.is_quiet = wanted == ON
    fault = context.state.choose(QUIET, wanted)
    return context.tell(wording.QUIET if context.state.is_quiet else wording.NOT_QUIET, fault)


def set_bell(context: CommandContext, rest: str) -> Outcome:
    """Choose for which lines it rings."""
    wanted, notifier = rest.strip(), context.state.notifier
    if not wanted:
        return context.tell(wording.bell_is(notifier.bell))
    if wanted not in list(Bell):
        return NotDone(wording.bell_is(notifier.bell))
    notifier.bell = Bell(wanted)
    fault = context.state.choose(BELL, wanted)
    is_silenced = notifier.is_off and notifier.bell is not Bell.OFF
    sentence = wording.BELLS[wanted]
    return context.tell(wording.silenced(sentence, VARIABLE) if is_silenced else sentence, fault)
