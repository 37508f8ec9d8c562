"""One chat room for everybody on a local network, on one UDP port.

The names below are the library, for bots, bridges and other clients (docs/API.md). Each is loaded when it is first
used, so importing this package loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

__version__ = "0.1.0"

__all__ = [
    "AddressUnclear",
    "Back",
    "Came",
    "ClientError",
    "ClientOutdated",
    "Event",
    "Gap",
    "Here",
    "IdentityChanged",
    "Invite",
    "KeyFileError",
    "LineStream",
    "Lost",
    "Member",
    "NameTaken",
    "NoServer",
    "NotInRoom",
    "NotPrepared",
    "NotStored",
    "OtherKey",
    "PresenceChanged",
    "Profile",
    "Questions",
    "Reason",
    "Refused",
    "Rejected",
    "Removed",
    "Renamed",
    "Role",
    "Room",
    "Said",
    "ServerUnproven",
    "SockAtuhError",
    "Stored",
    "Struck",
    "Timeline",
    "TooFast",
    "Trust",
    "UnansweredLine",
    "VersionMismatch",
    "Waiting",
    "Went",
    "Whispered",
    "__version__",
    "connect",
]

if TYPE_CHECKING:
    from sockatuh.client.connect import connect
    from sockatuh.client.items import (
        Back,
        Came,
        Event,
        Gap,
        Here,
        LineStream,
        Lost,
        Member,
        OtherKey,
        PresenceChanged,
        Rejected,
        Renamed,
        Role,
        Said,
        Stored,
        Struck,
        Waiting,
        Went,
        Whispered,
    )
    from sockatuh.client.profile import Profile
    from sockatuh.client.room import Room
    from sockatuh.client.sign_in import Questions, Reason, Trust
    from sockatuh.client.timeline import Timeline
    from sockatuh.errors import (
        AddressUnclear,
        ClientError,
        ClientOutdated,
        IdentityChanged,
        KeyFileError,
        NameTaken,
        NoServer,
        NotInRoom,
        NotPrepared,
        NotStored,
        Refused,
        Removed,
        ServerUnproven,
        SockAtuhError,
        TooFast,
        VersionMismatch,
    )
    from sockatuh.protocol.client.joining import UnansweredLine
    from sockatuh.protocol.identity import Invite

_HOMES: Final = {
    "connect": "client.connect",
    "Room": "client.room",
    "Profile": "client.profile",
    "Timeline": "client.timeline",
    "Invite": "protocol.identity",
    "UnansweredLine": "protocol.client.joining",
    **dict.fromkeys(("Questions", "Reason", "Trust"), "client.sign_in"),
    **dict.fromkeys(
        (
            "Back", "Came", "Event", "Gap", "Here", "LineStream", "Lost", "Member", "OtherKey", "PresenceChanged",
            "Rejected", "Renamed", "Role", "Said", "Stored", "Struck", "Waiting", "Went", "Whispered",
        ),
        "client.items",
    ),
    **dict.fromkeys(
        (
            "AddressUnclear", "ClientError", "ClientOutdated", "IdentityChanged", "KeyFileError", "NameTaken",
            "NoServer", "NotInRoom", "NotPrepared", "NotStored", "Refused", "Removed", "ServerUnproven",
            "SockAtuhError", "TooFast", "VersionMismatch",
        ),
        "errors",
    ),
}  # fmt: skip
"""The module in which each public name is defined."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
