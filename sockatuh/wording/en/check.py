"""Every sentence that `check` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_SHOW_ORIGIN: Final = "Also print where each setting comes from."
HELP_SETTINGS: Final = "Check only the settings, and print only what is wrong; a reload of the service runs this."

RUNNING: Final = "the room is running"
WAITING: Final = "the room is not running; systemd holds its port and starts it when somebody comes"
READY: Final = "the room is not running and can be started"
NOT_TRIED: Final = "not tried"
CLOSED_CREDENTIAL: Final = "credential file /etc/sockatuh/password_hash, which only root may read"
NOT_ADMITTED: Final = (
    "The room's state and password belong to the service, and only root can check them: sudo sockatuh check"
)


def in_order(state: str, room: str, host: str, port: int, state_dir: Path) -> str:
    """Say that nothing is wrong, and whether the room is running."""
    return f'In order; {state}: room "{room}" on {fact(host)} port {port}, state in {fact(state_dir)}'


def setting(key: str, value: str, origin: str) -> str:
    """Show one setting, with its origin if there is one."""
    return f"{fact(key)} = {fact(value)}" + (f"  ({fact(origin)})" if origin else "")


def not_writable(place: Path) -> str:
    """Say that the state directory cannot be written."""
    return f"should be a directory that this user can write to, and {fact(place)} is not"


def silent(port: int) -> str:
    """Say that a server runs the room but does not answer at its port."""
    return (
        f"a server runs this room but does not answer at port {port}: it was started with another port, or it hangs; "
        "restart it"
    )


def another_answers(port: int) -> str:
    """Say that another server has the room's port."""
    return f"another SockAtuh server answers at port {port}"


def whatever_is_set(unit: str) -> str:
    """Say that a value comes from systemd's unit, so that no other setting of it counts."""
    return f"{unit}, whatever is set elsewhere"


NOT_OURS: Final = "should have an address of this machine"
NOT_FOR_THE_SERVICE: Final = (
    "should be a file that the service's user may read; see LoadCredential= in sockatuh-web.service"
)


def no_server(reason: str) -> str:
    """Say that the door's room is no address of one."""
    return f"should be HOST, HOST:PORT or an invite: {reason}"


def port_unusable(port: int, reason: str) -> str:
    """Say that the door cannot have its port."""
    return f"should have a free TCP port, and {port} cannot be had: {reason}"


def unreadable(reason: str) -> str:
    """Say that a file cannot be read."""
    return f"should be a file that can be read: {reason}"


def expired(day: str) -> str:
    """Say that a certificate is no longer valid."""
    return f"should be a certificate that is valid; it expired on {day}"


def unusable(reason: str) -> str:
    """Say that TLS cannot use a certificate."""
    return f"should be what TLS can use: {reason}"
