"""Every sentence of the commands with which an admin acts on a running room: kick, ban, mute, strike and the others.

Names, reasons and texts must be cleaned before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from sockatuh.wording.facts import fact

HELP_KICK: Final = """Remove a member from the room, for a while.

All its sessions end, and its key is refused until the time is over (in the classic dialect: its name at its address).
The room is told that it was removed, not why and not by whom. The member is told the reason and
the end.
"""
HELP_BAN: Final = """Keep somebody out of the room.

\b
TARGET is one of
  NAME       the key of whoever has this name, here or remembered
  key:TAG    a key, by at least the first 8 characters of it
  ADDRESS    an IP address or a network, such as 10.0.0.0/24
  name:NAME  the name: nobody may have it, or one that looks like it

Whoever it concerns and is here is removed. A ban outlives restarts and is in every backup.
"""
HELP_UNBAN: Final = "End a ban, or a kick that is in force."
HELP_BANS: Final = "List the kicks, bans and mutes in force."
HELP_MUTE: Final = """Let somebody read the room but not speak in it.

Its lines are not stored, and it is told so. Nobody else is. TARGET is a NAME, here or remembered, key:TAG, or
name:NAME for whoever has that name.
"""
HELP_UNMUTE: Final = "End a mute."
HELP_RELEASE: Final = """Free a name that belongs to a key.

For somebody who has lost the key: a new laptop, a new disk. Whoever joins under the name next owns it.
"""
HELP_ANNOUNCE: Final = "Say a line to everybody in the admin's name."
HELP_STRIKE: Final = """Remove the text of a line.

It is overwritten in the room's database and taken off the screens that can do so. The room is told whose line of when
was removed. `sockatuh history --json` shows the seq of each line.
"""
HELP_AUDIT: Final = """List what was ordered, when and by whom.

It reads the room's database, whether or not the server runs. Lines that members struck themselves are listed too.
"""
HELP_NAMES: Final = "List the names that the room remembers, and whose they are."
HELP_SESSIONS: Final = "List who is connected, from where, and with what."

HELP_MEMBER: Final = "The name of somebody who is here."
HELP_TARGET: Final = "Whom: see above."
HELP_WHOM: Final = "Whom: a NAME, key:TAG or name:NAME."
HELP_ORDER: Final = "The ID that `sockatuh bans` lists, or the target."
HELP_MUTED: Final = "The ID that `sockatuh bans` lists, or the name."
HELP_NAME: Final = "The name."
HELP_SESSIONS_NAME: Final = "Only those under this name."
HELP_TEXT: Final = "What to say; - or nothing: read it from stdin."
HELP_SEQ: Final = "The seq of the line."
HELP_LAST: Final = "The last line that NAME said, instead of SEQ."
HELP_KICK_FOR: Final = "How long it may not come back, such as 90s, 10m or 1d."
HELP_FOR: Final = "How long, such as 90s, 10m or 1d, or forever."
HELP_REASON: Final = "Why; it is told to whoever the order is about, and to nobody else."
HELP_REASON_KEPT: Final = "Why; it is kept with the order and told to nobody."
HELP_STRANGERS: Final = "Of an address: refuse only keys that are new to the room."
HELP_YES: Final = "Do it even if half the room or more is removed."
HELP_DRY_RUN: Final = "Say what would happen, and do nothing."
HELP_ALL: Final = "List also those that are over, from the room's database."
HELP_SINCE: Final = "Only what was ordered since then: 7d or 12h ago, 09:30, 2026-11-28 or 2026-11-28T09:30."
HELP_BY: Final = "Only what was ordered by this login name, uid or member."
HELP_UNUSED: Final = "Only names that were not used for that long, such as 90d."

BANS_COLUMNS: Final = ("ID", "ORDER", "WHAT", "UNTIL", "BY", "SINCE", "HITS", "LAST", "REASON")
ALL_BANS_COLUMNS: Final = ("ID", "ORDER", "WHAT", "UNTIL", "BY", "SINCE", "NOW", "REASON")
NAMES_COLUMNS: Final = ("NAME", "KEY", "LAST USED", "HERE")
SESSIONS_COLUMNS: Final = ("NAME", "KEY", "ADDRESS", "DIALECT", "VERSION", "SINCE", "SILENT", "BEHIND", "AS")
AUDIT_COLUMNS: Final = ("ID", "AT", "BY", "ORDER", "WHAT", "UNTIL", "REASON, TEXT")
YES: Final = "yes"
NO_ORDERS: Final = "No kick, ban or mute is in force."
NEVER_ORDERED: Final = "There has been no kick, ban or mute."
NO_SESSIONS: Final = "Nobody is connected."
NO_NAMES: Final = "The room remembers no name."
NO_UNUSED_NAMES: Final = "The room remembers no name that was unused for that long."
NOTHING_ORDERED: Final = "Nothing was ordered."
NOTHING_CHOSEN: Final = "Nothing was ordered then, or by them."

NOTHING_DONE: Final = "Nothing was done (--dry-run)."
FOR_EVER: Final = "for ever"
NOBODY_REMOVED: Final = "It concerns nobody who is here."
ONLY_THERE: Final = "Nobody else is there."
IN_FORCE: Final = "in force"
OVER: Final = "over"
OLDER_BACKUPS: Final = "Backups that were made before still have it."
KICK_FOR_NOTHING: Final = (
    "--for 0 would remove nobody: a client comes back within a second by itself. Leave --for out for 60 s, or say how "
    "long."
)
FOR_NOTHING: Final = "--for 0 would be over at once. Say how long, for example --for 1d."
KICK_FOR_EVER: Final = "A kick ends by itself. To keep somebody out for ever: sockatuh ban NAME --for forever"
STRANGERS_OF: Final = "--strangers is about an address or a network; the target is neither."
STRIKE_WHAT: Final = "Strike which line? `sockatuh strike SEQ`, or `sockatuh strike --last NAME`; one of the two."
ANNOUNCE_WHAT: Final = "Announce what? `sockatuh announce some text`, or pipe it in."
NO_TARGET: Final = "The name is empty."


def span(seconds: float) -> str:
    """Say how long something is, in its largest whole unit."""
    number, unit = _units(seconds)
    return f"{number:,} {unit}{_s(number)}"


def until(moment: str, span: str) -> str:
    """Say until when an order is in force, and how long that is."""
    return f"until {moment} ({span})"


def not_a_span(text: str, *, may_be_forever: bool) -> str:
    """Say what the value of --for should be."""
    return (
        f"--for should be a span such as 90s, 10m or 1d{', or forever' if may_be_forever else ''}, not {fact(text)!r}."
    )


def not_unused(text: str) -> str:
    """Say what the value of --unused should be."""
    return f"--unused should be a span such as 90d, not {fact(text)!r}."


def too_long_a_span(years: int, *, may_be_forever: bool) -> str:
    """Say that a span is longer than the server takes."""
    return f"--for is at most {years} years" + ("; longer is forever." if may_be_forever else f". {KICK_FOR_EVER}")


def short_tag(target: str, least: int) -> str:
    """Say that a key's tag is too short to name it."""
    return f"{target} is too short: key: needs at least the first {least} characters. See: sockatuh names"


def kicked(who: str, sessions: int, addresses: Sequence[str], *, is_done: bool) -> str:
    """Say who was removed, with how many sessions, from where."""
    if not sessions:
        came = f", it had come from {_and(addresses)}" if addresses else ""
        return f"{who} {_was(is_done)} removed; contact was lost{came}."
    came = f", from {_and(addresses)}" if addresses else ""
    return f"{who} {_was(is_done)} removed: {sessions:,} session{_s(sessions)}{came}."


def kept_out(term: str, *, has_key: bool) -> str:
    """Say for how long a member that was kicked is refused; `term` is `until(...)`."""
    return f"{'Its key' if has_key else 'Its name at its address'} is refused {term}."


def another_name(commands: Sequence[str]) -> str:
    """Say what an order about a member of the classic dialect cannot do, and what can."""
    return f"It does not concern the same person under another name. Their address can be banned: {'; '.join(commands)}"


def why(text: str) -> str:
    """Show the reason that whoever the order is about is told."""
    return f"Told as the reason: {text}"


def why_kept(text: str) -> str:
    """Show the reason that is kept with an order."""
    return f"Kept as the reason: {text}"


def ending(command: str) -> str:
    """Give the command that ends an order."""
    return f"To end it: {command}"


def with_key(name: str, tag: str) -> str:
    """Name somebody by name and key."""
    return f"{name} (key {tag})"


def in_clear(name: str) -> str:
    """Name somebody who has no key."""
    return f"{name} (classic)"


def key_banned(who: str, term: str, *, is_done: bool) -> str:
    """Say whose key is banned; `term` is `until(...)`, or for ever."""
    return f"{who} {_is(is_done)} banned {term}."


def address_banned(network: str, term: str, *, is_done: bool, only_strangers: bool) -> str:
    """Say which addresses are banned; `term` is `until(...)`, or for ever."""
    if only_strangers:
        return f"From {network}, keys that are new to the room {'are' if is_done else 'would be'} refused {term}."
    return f"{network} {_is(is_done)} banned {term}."


def name_banned(name: str, term: str, *, is_done: bool) -> str:
    """Say which name is banned; `term` is `until(...)`, or for ever."""
    return f"Nobody {'may' if is_done else 'could'} have the name {name}, or one that looks like it, {term}."


def removed(names: Sequence[str], others: int, count: int, members: int, *, is_done: bool) -> str:
    """Say who a ban or a kick removed, as many `others`, and how much of the room that is."""
    of = f"{count:,} of {members:,} member{_s(members)}"
    return f"{'Removed' if is_done else 'Would be removed'}: {_list(names, others)} ({of})."


def came_from(addresses: Sequence[str]) -> str:
    """Say from which addresses a banned key came."""
    return f"The key came from {_and(addresses)}; addresses are not banned with it."


def also_there(names: Sequence[str], others: int, count: int) -> str:
    """Say who else is at the addresses of a banned key, and as many `others`."""
    return f"{count:,} other{_s(count)} {'is' if count == 1 else 'are'} there: {_list(names, others)}."


def change_password(command: str) -> str:
    """Say why a ban of a key is not the end of it, and how to change the password."""
    return f"A new key costs nothing to whoever has the password. To be sure, change the password: {command}"


def change_password_here(command: str) -> str:
    """Say why a ban of a key is not the end of it, and how to change the password of a room that is no service."""
    return (
        "A new key costs nothing to whoever has the password. To be sure, change the password: put what `sockatuh "
        f"hash-password` prints into the configuration, then: {command}"
    )


def replaces(order: Literal["ban", "mute"], number: int, *, is_done: bool) -> str:
    """Say that an order takes the place of an earlier one."""
    return f"It {'replaces' if is_done else 'would replace'} the {order} {number}."


def lifted(order: str, number: int, what: str) -> str:
    """Say that an order is no longer in force."""
    return f"The {order} {number} ({what}) is over."


def muted(who: str, term: str, *, is_done: bool) -> str:
    """Say who is muted; `term` is `until(...)`, or for ever."""
    return f"{who} {_is(is_done)} muted {term}: it reads, and what it says is not stored."


def released(name: str, tag: str, moment: str) -> str:
    """Say that a name is free, whose it was, and when it was used last."""
    return f"The name {name} is free. It belonged to the key {tag}, which used it last {moment}."


def next_owner(name: str) -> str:
    """Say who owns a released name next."""
    return f"Whoever joins as {name} next owns it."


def announced(members: int, name: str, text: str) -> str:
    """Say how many were told an announcement, and show it."""
    return f"{members:,} member{_s(members)} {'is' if members == 1 else 'are'} told: {name}  {text}"


def line_struck(line: int, name: str, moment: str) -> str:
    """Say that the text of a line is gone; `moment` is when it was said."""
    return f"The text of line {line} is gone: {name} said it at {moment}."


def private_struck(line: int, name: str, to: str, moment: str) -> str:
    """Say that the text of a private line is gone; `moment` is when it was said."""
    return f"The text of line {line} is gone: {name} said it to {to} alone at {moment}."


def replaced_by(number: int) -> str:
    """Say in a table that another order took the place of this one."""
    return f"replaced by {number}"


def lifted_by(who: str) -> str:
    """Say in a table who ended an order."""
    return f"lifted by {who}"


def own_line(name: str) -> str:
    """Say in a table that a member struck a line of its own."""
    return f"{name} (a member)"


def line_of(line: int, name: str, moment: str) -> str:
    """Name a line in a table."""
    return f"{line}, of {name}, {moment}"


def nobody_here(name: str, nearest: Sequence[str]) -> str:
    """Say that nobody in the room has a name."""
    return f"Nobody here is called {name}{_nearest(nearest)}."


def nobody_known(name: str, nearest: Sequence[str]) -> str:
    """Say that the room remembers nobody of a name."""
    return f"The room has never seen anybody called {name}{_nearest(nearest)}."


def name_free(name: str, nearest: Sequence[str]) -> str:
    """Say that a name that is to be released belongs to nobody."""
    return f"The name {name} belongs to nobody{_nearest(nearest)}."


def meant(command: str) -> str:
    """Give the command that may have been meant."""
    return f"Perhaps: {command}"


def see(command: str) -> str:
    """Give the command that shows what there is."""
    return f"See: {command}"


def ambiguous(target: str, meant: Sequence[str]) -> str:
    """Say that several may be meant."""
    return f"{target} may mean any of: {_list(meant, 0)}."


def no_such_key(target: str) -> str:
    """Say that the room knows no such key."""
    return f"The room knows no key that begins like {target}."


def no_key(name: str, commands: Sequence[str]) -> str:
    """Say that a member of the classic dialect has no key that an order could be about, and give what can be done."""
    return f"{name} is in the classic dialect and has no key. Ban the address, or the name: {'; '.join(commands)}"


def host_bits(target: str, commands: Sequence[str]) -> str:
    """Say that an address stands where a network should, and how to ban either: the network, or the address alone."""
    return f"{target} is an address with the length of a network. Ban one of the two: {'; '.join(commands)}"


def no_such_ban(target: str, nearest: Sequence[str]) -> str:
    """Say that no ban or kick fits what is to be ended."""
    return f"No ban or kick of {target} is in force{_nearest(nearest)}."


def no_such_mute(target: str, nearest: Sequence[str]) -> str:
    """Say that no mute fits what is to be ended."""
    return f"No mute of {target} is in force{_nearest(nearest)}."


def is_ban(number: str) -> str:
    """Say that an id that was taken for a mute's is that of a ban or a kick."""
    return f"{number} is a ban or a kick, not a mute."


def is_mute(number: str) -> str:
    """Say that an id that was taken for a ban's is that of a mute."""
    return f"{number} is a mute, not a ban or a kick."


def address_invalid(target: str) -> str:
    """Say that what looks like an address is none."""
    return f"{target} is not an address or a network, such as 10.0.0.7 or 10.0.0.0/24."


def address_muted(target: str) -> str:
    """Say that addresses cannot be muted."""
    return f"{target} cannot be muted: mutes take names and keys, not addresses."


def own_loopback(target: str) -> str:
    """Say that this machine is not banned from its own room."""
    return (
        f"{target} has this machine's own address in it, and everybody on this machine would be out. Of 127.0.0.0/8 "
        "only single addresses other than 127.0.0.1 can be banned."
    )


def everybody(target: str) -> str:
    """Say that a target is all addresses there are."""
    return f"{target} is everybody there is. To close the room: sudo systemctl stop sockatuh.socket sockatuh"


def half_the_room(count: int, members: int) -> str:
    """Say how much of the room would be removed."""
    return f"That is {count:,} of {members:,} members; --yes if you mean it."


def present(name: str, command: str) -> str:
    """Say that a name cannot be released while its owner is here, and how to remove that."""
    return f"{name} is here, so the name is in use. Kick first: {command}"


def too_many_orders(most: int, command: str) -> str:
    """Say that no more orders can be in force, and how to list them."""
    return (
        f"{most:,} orders are in force, and there can be no more. End some with unban or unmute; their IDs: {command}"
    )


def no_such_line(line: int) -> str:
    """Say that a line is not in the log."""
    return f"Line {line} is not in the room's log, or no longer. `sockatuh history --json` shows the seq of each."


def nothing_said(name: str) -> str:
    """Say that there is no line of somebody's to strike."""
    return f"The room's log has no line of {name}'s. `sockatuh history --json` shows the seq of each line."


def not_a_line(line: int) -> str:
    """Say that an entry of the log is nothing that was said."""
    return f"{line} is no line, but somebody's coming, going or the like; only lines can be struck."


def struck_already(line: int) -> str:
    """Say that a line's text is gone already."""
    return f"The text of line {line} is gone already."


def name_in_use(name: str, command: str) -> str:
    """Say that a member has the name that announcements are made in, and how to remove that."""
    return (
        f"A member who is here is called {name}, or nearly so, and announcements are made in that name. Set "
        f"announce_as to another name, or kick first: {command}"
    )


def not_a_name(name: str, nearest: Sequence[str]) -> str:
    """Say that nobody can have a name."""
    return f"{name} cannot be anybody's name, which is one word of letters, digits and _ - . '{_nearest(nearest)}."


def reason_too_long(most: int) -> str:
    """Say that a reason is too long."""
    return f"--reason has at most {most} characters."


ANNOUNCEMENT_EMPTY: Final = "There is nothing printable in that text."
ANNOUNCEMENT_TOO_LONG: Final = "That text is too long for a line of this room. Announce it in parts."
OTHER_REFUSALS: Final = {
    # codes of docs/CONTROL.md that are not about whom or what an order names
    "busy": "The server is answering as many commands as it can. This one was not taken; try again.",
    "internal": "The server made a mistake; its log says which. Perhaps nothing was done.",
    "stopping": "The server is stopping; nothing was done. Try again when it runs.",
    "text_empty": ANNOUNCEMENT_EMPTY,
    "timeout": "The server did not receive the order in time; nothing was done. Try again.",
}


def not_stored(command: str, audit: str) -> str:
    """Say that an order waits to be stored, how to see why, and what became of it."""
    return (
        "The server cannot store anything at present. The order waits there, and is stored and carried out as soon as "
        "possible, unless what it needs has changed by then; do not give it again. What became of it: "
        f"{audit}. Why: {command}"
    )


def unknown_order(what: str) -> str:
    """Say that the server did not understand an order, and what about it; "" if it did not say."""
    told = f" ({what})" if what else ""
    return f"The server does not understand that order{told}. If it runs an older version, restart it."


def denied(code: str) -> str:
    """Say that the server refused an order, for a reason that this program does not know."""
    return f"The server refused the order ({code})."


def _units(seconds: float) -> tuple[int, str]:
    whole = round(seconds)
    for length, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if whole and whole % length == 0:
            return whole // length, unit
    return whole, "second"


def _was(is_done: bool) -> str:
    return "was" if is_done else "would be"


def _is(is_done: bool) -> str:
    return "is" if is_done else "would be"


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _list(names: Sequence[str], others: int) -> str:
    return ", ".join(names) + (f" and {others:,} other{_s(others)}" if others else "")


def _nearest(nearest: Sequence[str]) -> str:
    return f"; nearest: {', '.join(nearest)}" if nearest else ""


def _s(count: int) -> str:
    return "" if count == 1 else "s"
