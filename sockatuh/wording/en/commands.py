"""Every sentence about the commands that are typed in a chat. Callers clean texts from the network first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockatuh.wording.facts import fact

COMMANDS: Final = {
    "who": ("[-k]", "list who is here; -k: with keys, and since when"),
    "me": ("TEXT", "say what you do: /me waves"),
    "msg": ("NAME TEXT", "say something to one person only"),
    "r": ("TEXT", "answer the last private line"),
    "strike": ("[SEQ]", "remove your last line, or that one, for everybody"),
    "nick": ("NAME", "take another name"),
    "away": ("[TEXT]", "show others that you are away, until you speak"),
    "back": ("", "show others that you are back"),
    "people": ("", "show or hide the list of people"),
    "quiet": ("[on|off]", "hide joins and leaves, or show them again"),
    "bell": ("[off|mine|all]", "when to ring: never, when you are named, or always"),
    "ignore": ("[NAME]", "show no lines of somebody; without a name: list whom"),
    "unignore": ("NAME", "show them again"),
    "search": ("TEXT", "find lines"),
    "history": ("[N]", "show the last lines again"),
    "links": ("", "list the last links, whole"),
    "copy": ("[N]", "copy the last lines' text"),
    "show": ("SEQ", "show a long text in full"),
    "save": ("SEQ FILE", "save a text in a new file"),
    "net": ("", "show how the connection has been"),
    "help": ("", "show this list"),
    "quit": ("", "leave; so do Ctrl-D and Ctrl-C"),
}
"""Of each command what may follow it, and what it does."""
SLASH_HELP: Final = ("//TEXT", "say a text that begins with a slash")

MSG_WHAT: Final = "/msg needs a name and a text: /msg budi hello"
REPLY_WHAT: Final = "/r needs a text: /r on my way"
NOBODY_TO_ANSWER: Final = "nobody has sent you a private line yet"
STRIKE_WHAT: Final = "/strike takes the number of a line: /strike 4321; without one it removes your last line"
STRIKE_LATER: Final = "your last line is not stored yet; once it is, /strike can remove it"
NOTHING_TO_STRIKE: Final = "you have said nothing here that could be removed"
NICK_WHAT: Final = "/nick needs a name, one word: /nick tomas"
YOU_ARE_BACK: Final = "you are back"
QUIET_WHAT: Final = "/quiet is on or off"
QUIET: Final = "joins and leaves are hidden; /quiet off shows them"
NOT_QUIET: Final = "joins and leaves are shown; /quiet on hides them"
BELLS: Final = {
    "off": "the bell never rings",
    "mine": "the bell rings when somebody names you, and for private lines",
    "all": "the bell rings for every line",
}
IGNORE_YOURSELF: Final = "that is you"
NOBODY_IGNORED: Final = "you ignore nobody"
UNIGNORE_WHOM: Final = "/unignore needs a name: /unignore zoe"
SEARCH_WHAT: Final = "/search needs a text: /search soup"
HISTORY_NUMBER: Final = "/history takes a number"
COPY_NUMBER: Final = "/copy takes a number"
NO_LINES: Final = "no lines here"
NO_LINKS: Final = "no links here"
NO_COPYING: Final = "/copy needs a screen that draws, without --plain"
SAVE_WHAT: Final = "/save needs a number and a file: /save 4321 a.txt"
NO_ADDRESS: Final = "none"
NET_ROWS: Final = ("server", "address", "key", "answers", "datagrams", "contact", "lines")
"""What the facts are about that /net shows."""
IN_CONTACT: Final = "never lost"


def ask_private_password(name: str) -> str:
    """Ask whether a private line with the room's password is to be sent."""
    return f"that line contains the room's password, and {name} would read it; send it? [y/N]"


def first_private(name: str) -> str:
    """Say once who can read a private line."""
    return f"private: only you, {name} and whoever has the box can read it"


def under_way(command: str) -> str:
    """Say that a command was given before and has no answer yet."""
    return f"the answer to your last /{command} is not there yet"


def unanswered(command: str) -> str:
    """Say that the server did not answer a command."""
    return f"no answer to /{command}; try again"


def you_are_away(text: str) -> str:
    """Say that others see this person as away."""
    return "you are away" + (f": {text}" if text else "") + "; what you say next ends it"


def away_too_long(size: int, most: int) -> str:
    """Give the size of a text that is too long, in characters."""
    return f"/away takes at most {most} characters; that is {size}"


def bell_is(bell: str) -> str:
    """Say what the bell may be, and what it is."""
    return f"/bell is off, mine or all; it is {bell}"


def silenced(sentence: str, variable: str) -> str:
    """Add to a sentence about the bell that a variable keeps it silent."""
    return f"{sentence}, but ${variable} is off"


def nobody_here(name: str) -> str:
    """Say that a name belongs to nobody here."""
    return f"nobody here is called {name}; /who lists who is"


def ignored(name: str) -> str:
    """Say that somebody's lines are not shown from now on."""
    return f"lines of {name} are not shown from now on, under any name; /unignore {name} shows them"


def ignored_by_name(name: str) -> str:
    """The same of somebody who has no key."""
    return (
        f"{name} has no key: lines without a key from anybody called {name} are not shown; /unignore {name} shows them"
    )


def ignored_people(names: Sequence[str]) -> str:
    """List who is ignored."""
    return f"you ignore {', '.join(names)}"


def by_name(name: str) -> str:
    """Name somebody who is ignored by name."""
    return f"{name} (by name)"


def not_ignored(name: str) -> str:
    """Say that somebody was not ignored."""
    return f"you do not ignore {name}; /ignore lists whom you do"


def unignored(name: str) -> str:
    """Say that somebody's lines are shown again."""
    return f"lines of {name} are shown again"


def not_found(text: str, count: int) -> str:
    """Say that a search found nothing; `text` is quoted."""
    return f"{text} is not in the {count:,} line{_s(count)} here"


def found(text: str, count: int, shown: int) -> str:
    """Head the newest lines that a search has found; `text` is quoted."""
    newest = f", the newest {shown}" if shown < count else ""
    return f"{count:,} line{_s(count)} with {text}{newest}"


def no_line(seq: int) -> str:
    """Say that no line with that number is held."""
    return f"line {seq} is not here, or no longer"


def copied(count: int) -> str:
    """Say that a terminal was asked to copy lines; whether it has is not known."""
    return f"copied {count} line{_s(count)}, if your terminal allows it"


def copy_too_long(size: int, most: int) -> str:
    """Give the sizes of what is too long to copy, in bytes."""
    return f"{size:,} bytes; a terminal is given at most {most:,}"


def is_there(file: str) -> str:
    """Say that a file exists, which is not overwritten."""
    return f"{fact(file)} is there already"


def not_saved(file: str, reason: str) -> str:
    """Say why a file could not be written."""
    return f"{fact(file)}: {fact(reason)}"


def saved(size: int, file: str) -> str:
    """Say that a text was saved; `size` in bytes."""
    return f"{size:,} bytes saved in {fact(file)}"


def answer_times(best: str, last: str) -> str:
    """Say how long the server's answers take; the best is of the last eight."""
    return f"best {best}, last {last}"


def datagrams(sent: int, repeated: int) -> str:
    """Count datagrams."""
    return f"{sent:,} sent, {repeated:,} of them again"


def contact_losses(count: int, span: str) -> str:
    """Say how often contact was lost, and how long in all."""
    return f"lost {count} time{_s(count)}, {span} in all"


def unanswered_lines(count: int) -> str:
    """Say how many lines have no answer."""
    return f"{count:,} without an answer"


def span(seconds: float) -> str:
    """Say how long something took, roughly."""
    if seconds < 100:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{round(minutes / 60)} h"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
