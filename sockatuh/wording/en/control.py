"""The sentences of commands that ask the server of this machine, when they get no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HELP_SOCKET: Final = "The server's control socket; default: $SOCKATUH_CONTROL, or where the room has it."
SWITCHED_OFF: Final = 'The control socket is switched off (control = "off").'
NO_ITEM: Final = "The server answered, but not what it was asked for."

HELP_RELOAD: Final = """Have the room's server read its settings again, without dropping anybody.

It says what was taken, and which settings need a restart. If there is a mistake in them, nothing is changed.
"""
NOTHING_CHANGED: Final = "The settings were read again; nothing in them has changed."
NOTHING_WAS_CHANGED: Final = "Nothing was changed; the room goes on with the settings it has."
RELOAD_UNFINISHED: Final = "The server has not read its settings yet, and will. Its log says how it ends."


def taken(settings: Sequence[str]) -> str:
    """Say which settings were taken."""
    return f"Taken: {', '.join(settings)}."


def restart_needed(settings: Sequence[str]) -> str:
    """Say which settings have changed and need a restart."""
    return f"Needs a restart: {', '.join(settings)}."


def settings_unreadable(reason: str) -> str:
    """Say why the settings could not be read at all."""
    return f"The settings cannot be read: {reason}."


def no_server(looked: Sequence[str]) -> str:
    """Say that no server runs; `looked` are the places where its socket would be."""
    places = f" (looked at {', '.join(looked)})" if looked else ""
    return f'No server runs here{places}, or it has no control socket (control = "off", or an older version).'


def socket_meant(word: str, meant: str) -> str:
    """Say that the value of --socket is one of its words in other letters."""
    return f"--socket should be a path, auto or off, not {word}; is {meant} meant?"


def by_socket(place: str) -> str:
    """Say that a server can be asked although the settings of its room have mistakes; `place` is the service's."""
    return f"A server that runs can be reached all the same, by its control socket: --socket PATH ({place}?)."


def only_root(command: str) -> str:
    """Say that this user may not; `command` does the same as root."""
    return f"Only root may do that: {command}"


def unusable(path: str, reason: str) -> str:
    """Say that a socket cannot be used, in the system's words."""
    return f"The control socket {path} cannot be used: {reason}."


def silent(path: str, seconds: int, *, is_order: bool) -> str:
    """Say that a server does not answer, and what becomes of what it was ordered."""
    order = " When it goes on, it carries out the order; `sockatuh audit` tells whether it did." if is_order else ""
    return (
        f"The server at {path} does not answer within {seconds} s.{order} Its log may say why: journalctl -u sockatuh"
    )


def ended(path: str) -> str:
    """Say that a server ended the connection before it had answered."""
    return (
        f"The server at {path} ended before it had answered. If something was ordered, `sockatuh audit` tells whether "
        "it was done."
    )


def not_understood(path: str) -> str:
    """Say that whatever answers is no server of ours."""
    return f"What answers at {path} is not a SockAtuh server."


def other_version(theirs: int, ours: int) -> str:
    """Say that server and command are of different versions."""
    return (
        f"The server that runs answers in version {theirs} of the control socket's language, this command speaks "
        f"version {ours}. Use the program that the server runs, or restart the server."
    )
