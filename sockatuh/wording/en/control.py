"""The sentences of commands that ask the server of this machine, when they get no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HELP_SOCKET: Final = "The server's control socket; default: $SOCKATUH_CONTROL, or where the room has it."
SWITCHED_OFF: Final = 'The control socket is switched off (control = "off").'
NO_ITEM: Final = "The server answered, but not what it was asked for."


def no_server(looked: Sequence[str]) -> str:
    """Say that no server runs; `looked` are the places where its socket would be."""
    places = f" (looked at {', '.join(looked)})" if looked else ""
    return f"No server runs here{places}."


def only_root(command: str) -> str:
    """Say that this user may not; `command` does the same as root."""
    return f"Only root may do that: {command}"


def unusable(path: str, reason: str) -> str:
    """Say that a socket cannot be used, in the system's words."""
    return f"The control socket {path} cannot be used: {reason}."


def silent(path: str, seconds: int) -> str:
    """Say that a server does not answer."""
    return f"The server at {path} does not answer within {seconds} s. Its log may say why: journalctl -u sockatuh"


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
