"""Every sentence that the client's commands and screens print.

Callers clean texts from the network first. The reasons for which a server refuses something are in `admin`.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sockatuh.wording.facts import fact

HELP_CHAT: Final = "Talk in a room."
HELP_SEND: Final = "Say one thing in a room, and wait until it is stored."
HELP_TAIL: Final = "Read what is said in a room, until stopped."
HELP_WHO: Final = "List who is in a room."
HELP_DISCOVER: Final = "Find the rooms in this machine's networks."
HELP_PING: Final = "Tell whether a server answers, how fast, and with which key; needs no password."
HELP_IDENTITY: Final = "Show, export or import the key that servers know you by, or forget a server's key."

HELP_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT or an invite sockatuh://…; default: $SOCKATUH_SERVER, "
    "else the server of your last `sockatuh chat SERVER`."
)
HELP_CHAT_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT or an invite sockatuh://…; default: $SOCKATUH_SERVER, else the server of your last "
    "chat, wherever it is now, else a room that is found ($SOCKATUH_DISCOVER=off looks for none)."
)
HELP_NAME: Final = "Your name; default: the one you chose in your last chat there, else your login name."
HELP_TRUST: Final = (
    "What to do about a server you have not met: ask and accept-new have it prove that it knows the password; "
    "strict refuses it, unless you have an invite."
)
HELP_PLAIN: Final = (
    "Plain lines, for dumb terminals and for screen readers, which cannot read the other screens line by line."
)
HELP_INLINE: Final = "Draw below what the terminal shows, not on a screen of its own; also SOCKATUH_SCREEN=inline."
HELP_CHAT_JSON: Final = "Read texts or JSON from stdin, one per line, and print what happens as JSON (docs/JSON.md)."
HELP_HISTORY_LINES: Final = (
    "How many earlier lines to show first; default: on a terminal everything since your last chat there (the first "
    "time as much as the server sends), else none."
)
HELP_TAIL_LINES: Final = "How many earlier lines to show first; default: on a terminal 10, else none."
HELP_COLOUR: Final = "When to use colours; auto: on a terminal, unless NO_COLOR is set."
HELP_WORDS: Final = (
    "The text; several words are joined with spaces. Without words, or with - alone, the text is read from stdin. "
    "Write -- before a text that begins with a hyphen."
)
HELP_TO: Final = "Send it as a private line to somebody who is in the room, or owns that name."
TO_WHOM: Final = "--to needs a name."
HELP_TIMEOUT: Final = "Seconds within which the text must be stored, else exit 3; time spent at prompts does not count."
HELP_SINCE: Final = "Only what was said since then: 90m, 12h or 2d ago, 09:30, 2026-11-28 or 2026-11-28T09:30."
HELP_AFTER: Final = "Begin after this place in the log, the seq of the last line you have read."
HELP_SWEEP: Final = (
    "Also ask each address of the /24 around this machine's own, one by one. It finds rooms even if a firewall drops "
    "answers to a broadcast, and it looks like a port scan."
)
HELP_QUICK: Final = "Print what answers, without its name and without having it prove its key."
HELP_PING_TIMEOUT: Final = "Seconds to wait for the answer."
HELP_SEARCH_TIMEOUT: Final = "Seconds to wait for answers; the search ends sooner when nothing new has answered."

NO_SERVER_KNOWN: Final = (
    "Which server? `sockatuh chat HOST` remembers it, and so does an invite from whoever runs the room; "
    "a script names it with $SOCKATUH_SERVER, `send` also with --server HOST."
)
ANSWER_NOT_UTF8: Final = "What was typed is not UTF-8."
TEXT_NOT_UTF8: Final = "The text on stdin is not UTF-8; nothing was sent."
TEXT_HOLDS_NUL: Final = "The input on stdin contains NUL bytes, so it is not text; nothing was sent."
STDIN_TWICE: Final = "stdin cannot supply both the password and the text; give one of them another way."
WHICH_TEXT: Final = "Send what? `sockatuh send some text`, or pipe it in."
AFTER_OR_LINES: Final = "--after cannot be combined with -n or --since: each of them says where to begin."

ASK_PASSWORD: Final = "Room password: "
# The two answers of the original program.
NAME_VALID: Final = "Username valid!"
JOINED: Final = "Berhasil bergabung!"

PASSWORD_CHANGED: Final = "The room has a new password. Give it and you are in again; what you have said is kept."
PASSWORD_WRONG: Final = "That is not the room's password."
PREPARING: Final = "preparing the password…"
KEY_EXPLAINED: Final = (
    "A key is what a room knows you by: it is made at your first visit, and stays on the machine where that was."
)
KEYS_EXPLAINED: Final = (
    "a room knows everybody by a key, which stays on one machine; another one is that person on another machine, or "
    "somebody else"
)
WAYS_TO_A_NAME: Final = (
    "If the name is yours: `sockatuh identity export FILE` there and `sockatuh identity import FILE` here, or ask "
    "whoever runs the room to free the name: `sockatuh release NAME`. Else choose another."
)
NAME_REFUSALS: Final = {
    "name_invalid": "The room does not accept that name.",
    "name_unavailable": (
        "{name}, or a name that looks like it, is taken here. Choose another, or type {name} again if it is yours: "
        "with the password, the room says whose it is."
    ),
    "name_taken": "Somebody in the room has that name, or one that looks like it.",
    "name_owned": "That name belongs to another key{detail}. {key} {ways}",
    "name_reserved": "The room's admin has reserved that name, or one that looks like it.",
    "name_is_password": "A name must not be the room's password.",
}

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NOT_STORED_YET: Final = "… not stored yet"
HELD: Final = (
    "The server cannot store anything at the moment; this waits there and continues by itself. Ctrl-C gives up."
)
HERE: Final = "you are here"
YOU: Final = "you"
EMPTY: Final = "nobody has said anything yet"
BACK: Final = "back in contact"
REWOUND: Final = "the room's log was set back; some of the lines above may be gone from it"
IN_CLEAR: Final = "what is said from now on also leaves the server unencrypted, for {name}"
LOSSES: Final = {
    "restarting": "the server is restarting; stay, what you write is kept",
    "closing": "the room was closed by its admin; it may open again, Ctrl-C leaves",
}
OUT_OF_CONTACT: Final = "no contact at the moment; try again when it is back"
ME_WHAT: Final = "/me needs to know what you do: /me waves"
SHOW_WHAT: Final = "/show needs the number below a long text: /show 4321"
SAY_PASSWORD: Final = "that line contains the room's password, and everybody would read it; send it? [y/N]"
NOT_SAID: Final = "the line with the password was not sent"
NOT_FINISHED: Final = "What you were writing:"
NOT_UTF8: Final = "it is not UTF-8"
HOLDS_NUL: Final = "it contains NUL bytes, so it is not text"
NOT_A_LINE: Final = 'a line that begins with { must be {"text": "…"} and may have "action": true and "to": "NAME"'
NO_EDITOR: Final = "no editor; set $EDITOR"

ROOM_COLUMNS: Final = ("ROOM", "ADDRESS", "KEY")
NONE_CHOSEN: Final = "No room was chosen."
NOT_A_NUMBER: Final = "nan is not a number of seconds."
KEEP_APART: Final = (
    "Many networks keep machines apart (guest Wi-Fi, VLANs), and many firewalls drop answers to a broadcast."
)
WHO_COLUMNS: Final = ("NAME", "SINCE", "DIALECT", "KEY")
ROLES: Final = {"member": "member", "script": "script", "reader": "reader"}
NO_CONTACT: Final = "(no contact)"
AWAY: Final = "(away)"
HEADER_NO_CONTACT: Final = "no contact"
NEW: Final = "new"
SCROLLED: Final = "scrolled back · End"
DID_JOIN: Final = "joined"
DID_COME_BACK: Final = "left and came back"
DID_JOIN_AND_LEAVE: Final = "joined and left"
LEFT_REASONS: Final = {
    "lost": "lost contact",
    "idle": "silent",
    "server_lost": "did not come back",
    "closed": "room closed",
    "crowded": "lost contact, and the seat was needed",
    "removed": "removed",
}


def not_a_moment(text: str) -> str:
    """Say how to write a moment."""
    return f"--since {fact(text)} is not a time. Write 90m, 12h or 2d ago, 09:30, 2026-11-28 or 2026-11-28T09:30."


def not_a_server(reason: str) -> str:
    """Say why a server cannot be what was written."""
    return f"{reason}. Write HOST, HOST:PORT, [IPV6]:PORT, or an invite sockatuh://…"


def password_unproven(words: str) -> str:
    """Say that a password was refused by a server that has proved nothing; `words` are those of its key."""
    return (
        "That did not work: it is not the room's password, or this is not your room's server. Neither got to know what "
        f"you typed. Its words: {words}; compare them with the room's screen if you are sure of the password."
    )


def ask_name(default: str) -> str:
    """Ask for a name."""
    return f"Your name [{default}]: " if default else "Your name: "


def name_refused(code: str, detail: str, name: str) -> str:
    """Say why a name cannot be had, before another is asked for."""
    shown = f" ({detail})" if detail else ""
    sentence = NAME_REFUSALS[code].format(name=name, detail=shown, key=KEY_EXPLAINED, ways=WAYS_TO_A_NAME)
    return sentence if code == "name_owned" else sentence + shown


def holder(name: str, tag: str, moment: str) -> str:
    """Say who has a name, with which key and since when, as far as known."""
    return ", ".join([name, *([f"key {tag}"] if tag else []), *([f"since {moment}"] if moment else [])])


def owner(tag: str, moment: str) -> str:
    """Say who owns a name that nobody uses at present, and when it was last used."""
    return ", ".join([*([f"key {tag}"] if tag else []), *([f"used last {moment}"] if moment else [])])


def name_valid_as(name: str) -> str:
    """Say that a name is free, and how the room spells it."""
    return f"{NAME_VALID} It is written {name}."


def waiting(wait: float) -> str:
    """Say in how many seconds the next password is checked."""
    return f"Too many tries from here; this one is checked in {math.ceil(wait)} s. Ctrl-C leaves."


def many_guess(wait: float) -> str:
    """Say that many wrong passwords are tried, and in how many seconds this one is checked."""
    return f"Many wrong passwords are being tried here; yours is checked in {math.ceil(wait)} s. Ctrl-C leaves."


def welcome(room: str, server: str, name: str) -> str:
    """Say which room this is."""
    return f"{room} at {server}. You are {name}; /help lists the commands."


def greeting(name: str) -> str:
    """Say to somebody who has come in by which name, and how to go on."""
    return f"you are {name}; /help lists the commands"


def earlier(count: int) -> str:
    """Head the lines from before the client joined."""
    return f"{count} earlier line{_s(count)}"


def since(count: int, left: datetime | None, now: datetime, left_out: int, after: int) -> str:
    """Head the lines from since a person's last chat, which ended when it `left`.

    `left_out` entries of the log before them, those after the seq `after`, are not shown.
    """
    when = f" since {_moment(left, now)}" if left is not None else ""
    lines = f"{count:,} line{_s(count)}{when}"
    if not left_out:
        return lines
    entries = f"{left_out:,} {'entry' if left_out == 1 else 'entries'}"
    return f"{lines}, without the {entries} before them; sockatuh chat --after {after} shows all"


def day(moment: date, today: date) -> str:
    """Head the lines of a day."""
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{WEEKDAYS[moment.weekday()]} {moment.day} {MONTHS[moment.month - 1]}{year}"


def missed(count: int) -> str:
    """Head the lines from while there was no contact."""
    return f"{count} line{_s(count)} while you were out of contact"


def gone(count: int) -> str:
    """Say that the server no longer keeps some lines."""
    return f"{count} line{_s(count)} {'is' if count == 1 else 'are'} no longer kept"


def joined(name: str) -> str:
    """Say that somebody came."""
    return f"{name} joined"


def left(name: str, reason: str) -> str:
    """Say that somebody went."""
    return f"{name} {did_leave(reason)}"


def did_leave(reason: str) -> str:
    """Say how somebody has left, as the end of a sentence about one or several."""
    return "left" + (f" ({LEFT_REASONS[reason]})" if reason in LEFT_REASONS else "")


def several_did(names: Sequence[str], others: int, done: str) -> str:
    """Say what some people, and as many others, have done."""
    rest = f" and {others} other{_s(others)}" if others else ""
    return f"{', '.join(names)}{rest} {done}"


def you_are(name: str) -> str:
    """Say that the person who reads this has another name now."""
    return f"you are {name} now"


def struck(name: str, said: datetime | None, now: datetime | None) -> str:
    """Say that the text of a line is gone, which was said at a moment, if that is known."""
    when = f" of {_moment(said, now)}" if said is not None and now is not None else ""
    return f"a line of {name}'s{when} was removed"


def renamed(name: str, new: str) -> str:
    """Say that somebody has another name now."""
    return f"{name} is now {new}"


def no_contact_since(moment: str, kept: int) -> str:
    """Say since when there is no contact, and how many lines wait for it."""
    return f"no contact since {moment}" + (f", {kept} line{_s(kept)} kept" if kept else "")


def how_many_here(count: int) -> str:
    """Say how many are in the room, in the header."""
    return f"{count} here"


def answers(milliseconds: int) -> str:
    """Say how fast the server answers."""
    return f"{milliseconds} ms"


def slow_answers(milliseconds: int) -> str:
    """Say that the server answers slowly."""
    return f"slow {milliseconds} ms"


def people(count: int) -> str:
    """Head the column of those who are here."""
    return f"PEOPLE {count}"


def unseen(count: int) -> str:
    """Say how many lines have come below what is shown, and the key that goes there."""
    return f"{count} not seen below · End"


def hit(number: int, count: int) -> str:
    """Say which of the found lines is shown, and the keys that go on."""
    older = "" if number == count else "Enter older, "
    return f"{number:,} of {count:,} · {older}Esc back"


def as_you_left_it(room: str) -> str:
    """Head the last rows of a room that was left."""
    return f"{room}, as you left it:"


def not_a_screen(variable: str, value: str) -> str:
    """Say what the variable about the screen may be."""
    return f"{variable} is full, inline or plain; it is {fact(value)!r}."


def contact_lost(kept: int) -> str:
    """Say that contact is lost, where no clock can be shown."""
    return "contact lost, trying again" + (f"; {kept} line{_s(kept)} kept" if kept else "")


def more(count: int) -> str:
    """Say how many lines are not shown."""
    return f"and {count} more"


def leaving(kept: int) -> str:
    """Say why leaving takes a moment."""
    return f"leaving when {kept} line{_s(kept)} {'is' if kept == 1 else 'are'} stored; Ctrl-C leaves at once"


def more_of_it(count: int, seq: int) -> str:
    """Say how much of a long text is hidden, and how to see it."""
    return f"… {count} more line{_s(count)}; /show {seq}"


def no_answer_yet(server: str) -> str:
    """Say what is waited for."""
    return f"Waiting for an answer from {server} …"


def still_trying(obstacles: Sequence[str]) -> str:
    """Say what is in the way of the server, and that the client keeps trying."""
    told = "; ".join(obstacles)
    return f"{told[:1].upper()}{told[1:]}; still trying."


def another_key(name: str, last: date, *, has_key: bool) -> str:
    """Say that a name is used with a new key, or without one; `last`: the day it was last seen."""
    how = "with another key than before" if has_key else "without a key (unencrypted), unlike before"
    return f"{name} comes {how} (last seen {last.day} {MONTHS[last.month - 1]} {last.year})"


def delayed(wait: float) -> str:
    """Say that the room's rate was exceeded; `wait`: seconds until the server resumes."""
    return f"too fast for this room; sending continues in {max(1, math.ceil(wait))} s"


def held(count: int) -> str:
    """Say that lines, or without any what was asked for, wait at the server, which can store nothing at present."""
    if not count:
        return "the server cannot store anything now; what you asked for waits there"
    return f"not stored yet: the server cannot store anything now; {count} line{_s(count)} waiting there"


def refused_line(reason: str) -> str:
    """Say that a line was rejected."""
    return f"not sent: {reason}"


def input_line_refused(number: int, reason: str) -> str:
    """Say that a line of the input was rejected."""
    return f"line {number} not sent: {reason}"


def not_done(why: str) -> str:
    """Say why a typed line was rejected, and how to get it back."""
    return f"{why.removesuffix('.')}; the Up key brings it back"


def too_long(size: int, most: int) -> str:
    """Give the sizes of a text that is too long, in bytes."""
    return f"{size:,} bytes; at most {most:,}"


def in_parts(size: int, most: int) -> str:
    """Say what to do with a text that is too long, sizes in bytes."""
    return f"{too_long(size, most)}. Send it in parts."


def nobody_called(name: str, nearest: str) -> str:
    """Say that a private line's addressee is unknown here; `nearest`: a similar name, "" if there is none."""
    return f"nobody here is called {name}" + (f"; nearest: {nearest}" if nearest else "")


def reads_in_clear(name: str) -> str:
    """Say why somebody cannot be sent a private line."""
    return f"{name} reads in clear; say it in the room"


def pasted(lines: int, size: int) -> str:
    """Say how much was pasted, and what Enter and Ctrl-C do with it; `size` in bytes."""
    return f"{lines:,} line{_s(lines)}, {size:,} bytes: Enter sends them as one message, Ctrl-C drops them"


def editor_failed(editor: str) -> str:
    """Say that an editor failed."""
    return f"{fact(editor)} failed; the text is as it was"


def notification(name: str, room: str, text: str) -> str:
    """Tell of a line while the person looks elsewhere."""
    return f"{name} in {room}: {text}"


def notify_is(variable: str, value: str) -> str:
    """Say what the variable about notifications may be."""
    return f"{variable} is off, bell or terminal; it is {fact(value)!r}."


def removed(why: str, span: str) -> str:
    """Say that the admin has removed this person; `why` and for how long (`span`) may be ""."""
    back = f" You can come back in {span}." if span else ""
    return f"You were removed from the room{_because(why)}.{back}"


def banned(why: str, until: datetime | None, now: datetime) -> str:
    """Say that the admin has banned this person, until a moment or (None) for ever."""
    if until is None:
        return f"You are banned from this room for ever{_because(why)}."
    return f"You are banned from this room until {_soon(until, now)}{_because(why)}."


def muted(why: str, until: datetime | None, now: datetime) -> str:
    """Say that the admin has muted this person; `until` is None if the end is not known."""
    return f"You are muted in this room{f' until {_soon(until, now)}' if until is not None else ''}{_because(why)}."


def unknown_command(word: str) -> str:
    """Say that there is no such command."""
    return f"there is no command /{word}; /help lists them, //{word} says it as text"


def here(names: Sequence[str]) -> str:
    """List who is in the room."""
    return f"{len(names)} here: {', '.join(names)}"


def is_away(text: str) -> str:
    """Say that somebody is away; `text` says why or until when, "" if that was not said."""
    return f"away: {text}" if text else "away"


def here_as(
    name: str, role: str, *, is_encrypted: bool, is_present: bool, is_away: bool, is_in_browser: bool = False
) -> str:
    """Name somebody who is in the room; `role`: "" for a member."""
    remarks = [
        *([role] if role else []),
        *(["web"] if is_in_browser else []),
        *([] if is_encrypted else ["unencrypted"]),
        *([] if is_present else ["no contact"]),
        *(["away"] if is_away else []),
    ]
    return f"{name} ({', '.join(remarks)})" if remarks else name


def not_stored(count: int) -> str:
    """Say how many lines the server has not acknowledged."""
    return f"{count} line{_s(count)} {'was' if count == 1 else 'were'} not stored:"


def not_sent_but_kept(count: int) -> str:
    """Say how many lines of somebody who was removed the server has not acknowledged, and where they are now."""
    were, them = ("was", "it") if count == 1 else ("were", "them")
    return f"{count} line{_s(count)} {were} not stored. Your next chat here lists {them} again:"


def stored_and_not_printed(seq: int, reason: str) -> str:
    """Say that a line is stored although its receipt could not be printed."""
    return f"Stored as {seq}; that could not be written to stdout: {reason}."


def not_remembered(path: str, reason: str) -> str:
    """Say that the profile could not be written."""
    return f"This cannot be remembered for the next time: {path}: {reason}."


def never_acknowledged(count: int) -> str:
    """Introduce the unanswered lines of a client that was killed."""
    return f"{count} line{_s(count)} of last time {'was' if count == 1 else 'were'} never acknowledged; not sent again:"


def some_refused(count: int) -> str:
    """Say how many lines of the input were rejected."""
    return f"{count} line{_s(count)} {'was' if count == 1 else 'were'} refused."


def milliseconds(seconds: float) -> str:
    """Say how long an answer took."""
    return f"{max(1, round(seconds * 1000))} ms"


def found_known(first_seen: str) -> str:
    """Say of a key that it is known, and since which day."""
    return f"known since {first_seen}"


def found_moved(first_seen: str, server: str) -> str:
    """Say of a key that it is known from another address."""
    return f"known since {first_seen}, moved; it was at {server}"


def found_other_key(room: str, server: str) -> str:
    """Say of a key that another one is known for the room's name (`room`: quoted) or its address; its words follow."""
    return f"⚠ not the key of the {room or f'room at {server}'} you know: "


def found_new() -> str:
    """Say of a key that it is new; its words follow."""
    return "new: "


def found_as_invited() -> str:
    """Say of a key that the invite names it; its words follow."""
    return "as the invite says: "


def pong(room: str, server: str, seconds: float, version: int) -> str:
    """Say how fast a room's server answered; what is known about its key follows."""
    return f"{room} at {server} answered in {seconds * 1000:.1f} ms, version {version} of the protocol, key "


def found_outdated(version: int) -> str:
    """Say that a server speaks another version of the protocol."""
    return f"speaks version {version} of the protocol, and this program another"


def found_one(room: str, server: str) -> str:
    """Say which room was found."""
    return f"Found {room} at {server}."


def moved(room: str, server: str, before: str) -> str:
    """Say that a known room has another address."""
    return f"{room} is at {server} now (it was at {before})."


def which_room(default: int | None) -> str:
    """Ask which of the listed rooms to join."""
    return "Which? " if default is None else f"Which? [{default}] "


def one_to(count: int) -> str:
    """Say what an answer to that may be."""
    return f"1 to {count}" if count > 1 else "1, or Ctrl-C"


def name_one(servers: Sequence[str], *, are_known: bool) -> str:
    """Say that a program has to name the room that it joins."""
    if len(servers) == 1:
        return f"A room answered at {servers[0]} that is not known here; name it: `sockatuh chat {servers[0]}`."
    known = "" if are_known else ", none of them known here"
    return f"Several rooms answered{known}; name one: {', '.join(servers)}."


def on_or_off(variable: str, value: str) -> str:
    """Say what a variable may be."""
    return f"{variable} is on or off; it is {fact(value)!r}."


def some_unproven(count: int) -> str:
    """Say how many answers are not listed."""
    return f"{count} answer{_s(count)} named a key without proving it, and {_is(count)} not listed; --json has them."


def no_room(networks: Sequence[str], *, was_swept: bool) -> str:
    """Say that no room was found, where it was looked for, and what to do now."""
    where = f"on {_and(networks)}" if networks else "here: this machine is in no network"
    ask = "ask whoever runs the room for the line that `sockatuh serve` printed."
    todo = f"A{ask[1:]}" if was_swept else f"Try `sockatuh discover --sweep`, or {ask}"
    return f"No room answered {where}.\n{KEEP_APART}\n{todo}"


def _because(why: str) -> str:
    return f" ({why})" if why else ""


def _soon(moment: datetime, now: datetime) -> str:
    """Return a moment to come as people say it: the time, and the day of the week or the date if it is another day."""
    if 0 < (moment.date() - now.date()).days < 7:
        return f"{WEEKDAYS[moment.weekday()][:3]} {moment:%H:%M}"
    return _moment(moment, now)


def _moment(moment: datetime, now: datetime) -> str:
    """Return a moment as people say it: the time, and the day if it is another one."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {MONTHS[moment.month - 1]}{year}, {moment:%H:%M}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _and(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)
