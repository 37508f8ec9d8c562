"""Every sentence of the web door apart from its page: why a request is refused, and what the command `web` prints."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Final

from sockatuh.wording.facts import fact

HELP_WEB: Final = """Let browsers into a room: serve a page to them, and be a client of the room for each.

The page needs nothing installed. It is weaker than the terminal: the keys of those who use it lie on this machine, and
a browser cannot tell this machine from an impostor unless the certificate is compared or trusted.
"""
HELP_SERVER: Final = "The room: HOST, HOST:PORT or an invite; default: the settings', else the room here."
HELP_LISTEN: Final = "The address and the TCP port to listen on; default: [::]:7680."
HELP_CERT: Final = "A certificate (PEM), with its chain."
HELP_KEY: Final = "The certificate's key (PEM); default: it is in the same file."
HELP_SELF_SIGNED: Final = "Make a certificate of our own, and print its SHA-256; the default. Browsers warn about it."
HELP_HTTP: Final = "Without encryption: everybody on the network can read along."
HELP_QR: Final = "Print the address as a QR code too."
HELP_MAX: Final = "The most browsers at a time; default: 200."
HELP_NAME: Final = "A further host name of this machine, besides its own; may be repeated."
HELP_STATE: Final = "Keep the browsers' keys and the certificate here."

ONE_OF_THREE: Final = "--cert, --self-signed and --http exclude each other."
KEY_WITHOUT_CERT: Final = "--key needs --cert."
NOT_ENCRYPTED: Final = "Without encryption: everybody on this network can read along."
ONE_SOURCE: Final = (
    "The room is not asked at 127.0.0.1, or this is no Linux, so it counts all browsers as one address; each gets 5 "
    "tries of the password a minute here. Bans of addresses do not reach browsers. If the room runs on this machine, "
    "leave its address out."
)

FORBIDDEN: Final = "This page was opened under an address that is not its own. Open it by the address that was printed."
ERRORS: Final = {
    "bad_request": "The page sent something that makes no sense. Load it again.",
    "not_joined": "This browser is not in the room.",
    "not_found": "There is no such page here.",
    "not_allowed": "That cannot be done in this way.",
    "out_of_order": "An earlier line is missing.",
    "number_used": "That was said already, in another tab.",
    "too_large": "That is too long.",
    "not_json": "The page sent something that makes no sense. Load it again.",
    "too_many_tries": "Too many tries from here.",
    "too_many_streams": "The room is open in too many tabs of this browser. Close one.",
    "too_fast": "Too fast for this room; wait a moment.",
    "full": "The room's web door is full.",
    "not_kept": "The line could not be written to the disk of this machine, so it was not sent.",
    "disk_unusable": (
        "This machine cannot use its disk at the moment, so this browser was not let in. Ask whoever runs the room."
    ),
    "no_server": "The room does not answer.",
    "not_prepared": "The machine took too long to prepare the password. Try again.",
    "not_stored": "The room cannot store anything at the moment. Try again later.",
    "identity_changed": "The room has another key than before, so nothing was sent to it. Ask whoever runs it.",
    "server_unproven": (
        "The room did not prove that it knows the password, so it may be another one. Ask whoever runs it."
    ),
    "version_mismatch": "The room and its web door are of different versions. Ask whoever runs them.",
    "client_outdated": "The web door is too old for this room. Ask whoever runs it.",
    "trouble": "Something is wrong at the web door. Ask whoever runs it.",
    "left": "You have left the room.",
    "closed": "The web door is closing.",
    "name_invalid": "The room does not accept that name.",
    "name_unavailable": "That name, or one that looks like it, is taken here.",
    "name_taken": "Somebody in the room has that name, or one that looks like it.",
    "name_owned": (
        "That name belongs to another browser or machine. If it is yours, ask whoever runs the room to free it; else "
        "choose another."
    ),
    "name_reserved": "The room's admin has reserved that name, or one that looks like it.",
    "name_is_password": "A name must not be the room's password.",
    "password_changed": "The room has a new password.",
    "ticket_refused": "The room wants the password again.",
    "room_full": "The room is full. Try again later.",
    "too_many_sessions": "This browser is connected too often.",
}


def wait_first(wait: float) -> str:
    """Say how many seconds to wait, as the end of a sentence; nothing for 0."""
    return f" Wait {math.ceil(wait)} s." if wait > 0 else ""


def how_many(count: int) -> str:
    """Say how many people are in the room."""
    return "1 person is here." if count == 1 else f"{count:,} people are here."


def member(name: str, remarks: Sequence[str]) -> str:
    """Say who is here, and how."""
    return name + "".join(f" ({each})" for each in remarks)


WEB: Final = "web"
UNENCRYPTED: Final = "unencrypted"
NO_CONTACT: Final = "no contact"
AWAY: Final = "away"
YOU: Final = "you"


def not_installed(python: str) -> str:
    """Say that what the door needs is missing, and how it is installed where this program is."""
    return (
        "What the door for browsers needs is not installed. In a clone of SockAtuh's repository: "
        f"{fact(shlex.quote(python))} -m pip install '.[web]'"
    )


def open_at(urls: Sequence[str], room: str) -> str:
    """Say where the page is, once it is served."""
    return f"The web door to {fact(room)} is open: {' '.join(urls)}"


def certificate_is(sha256: str, until: str) -> str:
    """Give what a browser shows of our own certificate, to be compared."""
    return f"Browsers will warn. The certificate's SHA-256, to compare: {sha256} (until {until})"


def not_a_place(text: str) -> str:
    """Say how to write where to listen."""
    return f"--listen {fact(text)} is no address with a port. Write [::]:7680 or 192.168.1.20:7680."


def certificate_unusable(path: str, reason: str) -> str:
    """Say that a certificate or its key cannot be used."""
    return f"{fact(path)} cannot be used for TLS: {reason}."


KEY_ELSEWHERE: Final = "If the key is in a file of its own, name it with --key."


def certificate_expired(path: str, day: str) -> str:
    """Say that a certificate is no longer valid."""
    return f"The certificate in {fact(path)} expired on {day}: browsers warn. Renew it, and start the web door again."


def cannot_listen(place: str, reason: str) -> str:
    """Say that the door's port cannot be opened."""
    return f"Cannot listen on {fact(place)}: {reason}. Choose another address or port, as in --listen [::]:7681."


def already_open(path: str) -> str:
    """Say that another web door uses the directory."""
    return (
        f"Another web door is running with the state in {fact(path)}. Stop that one, or give this one a directory of "
        "its own: --state DIR."
    )


def not_a_name(text: str) -> str:
    """Say what a host name is."""
    return f"--name {fact(text)} is no host name. Write it without https:// and port, like chat.example.org."


def bans_unread(path: str, reason: str) -> str:
    """Say that the room's bans of addresses are not known here, and why."""
    return f"Bans of addresses do not reach browsers: {fact(path)}: {reason}."


def bans_elsewhere(path: str) -> str:
    """Say that the room that answers does not write its bans of addresses there."""
    return (
        f"Bans of addresses do not reach browsers: the room here does not write {fact(path)}. If its settings are in "
        "another file, name it: --config FILE."
    )


def no_room(server: str) -> str:
    """Say that nothing answers where the room should be."""
    return (
        f"No room answers at {fact(server)} at present; browsers are told so until one does. Is `sockatuh serve` "
        "running?"
    )
