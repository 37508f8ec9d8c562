"""Every sentence that `doctor` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_DOCTOR: Final = "Find out why a room cannot be reached, or what else is wrong here."
HELP_DOCTOR_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT or an invite sockatuh://…; default: $SOCKATUH_SERVER, else the server of your last "
    "chat, else a room that is found."
)

CHECKS: Final = {
    # the names of the checks, at most 10 columns
    "broadcast": "broadcast",
    "calls": "calls",
    "contact": "contact",
    "datagrams": "datagrams",
    "firewall": "firewall",
    "key": "key",
    "language": "language",
    "name": "name",
    "port": "port",
    "profile": "profile",
    "rmem": "rmem",
    "room": "room",
    "route": "route",
    "screen": "screen",
    "search": "search",
    "settings": "settings",
    "subnet": "subnet",
    "terminal": "terminal",
    "ticket": "ticket",
    "unit": "unit",
    "version": "version",
}
SCREENS: Final = {
    "full": "the full screen",
    "inline": "the inline screen",
    "plain": "plain lines",
}
TERM_DUMB: Final = "TERM says that the terminal cannot move its cursor"
CALLS: Final = {
    # what calls somebody who is mentioned
    "off": "nothing calls you: SOCKATUH_NOTIFY is off",
    "bell": "a bell calls you when you are mentioned; SOCKATUH_NOTIFY leaves it at that",
    "terminal": "a bell and a notification of the desktop call you when you are mentioned",
}
CALLED_BY_BELL_ONLY: Final = "a bell calls you when you are mentioned; this terminal is not known to show notifications"
LANGUAGES: Final = {"en": "English", "id": "Indonesian (Bahasa Indonesia)"}
NO_ADDRESS: Final = "the server has no address"
NOT_REACHED: Final = "the server did not answer"
NOT_PROVEN: Final = "the server has not proved its key"
WRITE_THE_ADDRESS: Final = (
    "A name that ends in .local needs mDNS on this machine (Avahi or systemd-resolved). Write the room's IP address: "
    "its machine prints it when it starts."
)
NO_ANSWER_REMEDY: Final = (
    "Whoever runs the room sees whether it is open, and on which port: `sudo sockatuh doctor` on its machine. "
    "Guest Wi-Fi and VLANs often keep machines apart; then another network helps."
)
NO_NAME_SERVER: Final = "the name servers do not answer"
NO_ROUTE: Final = "this machine has no route to it"
NO_ROUTE_REMEDY: Final = "Is this machine connected to the room's network?"
HERE: Final = "the server is on this machine"
UNKNOWN_NETWORKS: Final = "this system does not tell its networks"
SAME_SUBNET: Final = "the server is in this machine's network"
OTHER_SUBNET: Final = "other subnet: a broadcast finds nothing there, the address works"
NO_BROADCAST_THERE: Final = "the server is not in a network of this machine"
WHOLE: Final = "1,200 bytes go through in one piece"
NARROW: Final = "the path takes less than 1,200 bytes (VPN?)"
NARROW_REMEDY: Final = "A tunnel or a VPN on the path must let packets of 1,280 bytes through; raise its MTU."
SILENT: Final = "the server finished the handshake and then did not answer"
SILENT_REMEDY: Final = "Try again; if it stays so, whoever runs the room finds the reason in `journalctl -u sockatuh`."
BROADCAST: Final = "the server answers a broadcast"
NO_BROADCAST: Final = "no answer: a firewall here drops answers to a broadcast, or the room is not discoverable"
NO_BROADCAST_REMEDY: Final = "`sockatuh chat` with an address works; without one it may not find the room."
UNPROVEN: Final = "whoever answers there does not finish the handshake, so it does not prove a key"
UNPROVEN_REMEDY: Final = (
    "Either datagrams of 256 bytes are lost on the way, or what answers is not the room. Try again."
)
PROFILE_UNREADABLE: Final = "what is known about servers cannot be read"
NO_TERMINAL: Final = "stdin and stdout are no terminal; `chat` would read and write lines, as for a program"
NOT_UTF8_REMEDY: Final = "Set a UTF-8 locale, for example LANG=C.UTF-8."
ONLY_ROOT: Final = "only root can check the service's room: sudo sockatuh doctor"
NO_SERVICE: Final = "this room is not a service of this machine"
UNIT_ACTIVE: Final = "sockatuh.service runs"
UNIT_WAITS: Final = "systemd holds the port, and starts the room when somebody comes"
UNIT_DOWN: Final = "neither sockatuh.service nor sockatuh.socket is active"
UNIT_DOWN_REMEDY: Final = "sudo systemctl start sockatuh.socket sockatuh.service"
FILES_FINE: Final = "the settings and the room's files can be used"
NOT_TRIED: Final = "not tried, because of the settings"
NOT_RUNNING: Final = "the room is not running; its port is free"
NOT_RUNNING_REMEDY: Final = "sockatuh serve; as a service: sudo sockatuh install-service"
BY_SYSTEMD: Final = "systemd opens the socket, and may grant what sockatuh.socket asks for"
NO_FIREWALL: Final = "neither ufw nor firewalld nor nftables is active"


def is_an_address(host: str) -> str:
    """Say that there is nothing to look up."""
    return f"{fact(host)} is an address"


def resolves(host: str, addresses: Sequence[str]) -> str:
    """Say what a name resolves to."""
    return f"{fact(host)} is {', '.join(addresses)}"


def not_resolved(host: str, reason: str) -> str:
    """Say that a name does not resolve, and what the resolver said."""
    return f"{fact(host)} does not resolve: {fact(reason)}"


def found_rooms(rooms: Sequence[str]) -> str:
    """Say which rooms answered a search; the first one is examined."""
    more = f"; {len(rooms) - 1} more answered, `sockatuh discover` lists them" if len(rooms) > 1 else ""
    return f"found {rooms[0]}{more}"


def route(source: str, interface: str) -> str:
    """Say from which of our addresses, and through which interface, datagrams leave."""
    return f"leaves from {source}" + (f" through {fact(interface)}" if interface else "")


def tunnel(interface: str, source: str) -> str:
    """Say that datagrams leave through a tunnel."""
    return f"leaves through {fact(interface)}, a tunnel, from {source}"


def tunnel_remedy() -> str:
    """Say what to do about a tunnel, if the server does not answer."""
    return "That VPN may not let local traffic through: turn it off, or allow access to the local network in it."


def contact(address: str, answered: int, of: int, best: float, worst: float) -> str:
    """Say how many HELLOs an address answered, and after how many milliseconds."""
    lost = "none lost" if answered == of else f"{of - answered} of {of} lost"
    return f"{address} answers in {best:.1f} to {worst:.1f} ms, {lost}"


def lossy_remedy() -> str:
    """Say what losses mean."""
    return "Lost datagrams are sent again, so the room works, but slower; the Wi-Fi here may be weak."


def apart(port: int) -> str:
    """Say what may be the reason for silence."""
    return f"server down, firewall on it (UDP {port}), or this network keeps machines apart"


def no_answer(server: str, what: str) -> str:
    """Say that a server did not answer, and what stood in the way or may do so."""
    return f"no answer from {server}: {what}"


def known(since: str) -> str:
    """Say that the key is the one this client knows."""
    return f"the one that is known since {fact(since)}"


def as_invited() -> str:
    """Say that the key is the one in the invite."""
    return "the one that the invite names"


def new() -> str:
    """Say that the key is new here."""
    return "new here; the password will prove it"


def key(standing: str, words: Sequence[str]) -> str:
    """Say what is known about a key that was proved, and show its words."""
    return f"{standing}: {' '.join(words)}"


def room(name: str) -> str:
    """Name the room."""
    return f"the server calls it {name}"


def version(number: int) -> str:
    """Say that both speak a version of the protocol."""
    return f"both speak version {number} of the protocol"


def directory(path: Path, *, is_new: bool) -> str:
    """Say that the client's directory can be used."""
    return f"{fact(path)} " + ("will be made by the first chat" if is_new else "is private and can be written")


def closed_directory(path: Path) -> str:
    """Say that nothing can be written in the client's directory."""
    return f"{fact(path)} cannot be written, so nothing new is remembered"


def closed_directory_remedy(path: Path) -> str:
    """Say what to do about that."""
    return f"chmod u+rwx {fact(path)}, or name another directory in SOCKATUH_CLIENT_DIR"


def ticket(name: str, day: str) -> str:
    """Say that a ticket is there."""
    return f"{name} gets in without the password, by a ticket of {fact(day)}"


def no_ticket(name: str) -> str:
    """Say that there is no ticket."""
    return f"none for {name}: the room will ask for the password" if name else "this client has not joined there yet"


def terminal(term: str, columns: int, rows: int, encoding: str, *, colours: bool, multiplexer: str) -> str:
    """Describe the terminal."""
    around = f", in {multiplexer}" if multiplexer else ""
    paint = "colours" if colours else "no colours"
    return f"{fact(term) or 'TERM is not set'}, {columns}×{rows}, {fact(encoding)}, {paint}{around}"


def screen(kind: str, because: str) -> str:
    """Say which screen `chat` would take, and why if it is not the full one."""
    return f"chat would take {SCREENS[kind]}" + (f": {because}" if because else "")


def said_by(variable: str) -> str:
    """Name the variable that decides."""
    return f"{variable} says so"


def terminal_small(columns: int, rows: int) -> str:
    """Say how large a terminal has to be for the full screen."""
    return f"the full one needs at least {columns}×{rows}"


def unset(variable: str) -> str:
    """Say what to do about a variable that means nothing."""
    return f"Correct it, or do without: unset {variable}"


def language(code: str, said_by: str) -> str:
    """Say which language is spoken, and which variable with its value has chosen it, "" if none has."""
    return f"{LANGUAGES.get(code, code)}, from {fact(said_by)}" if said_by else LANGUAGES.get(code, code)


def not_utf8(encoding: str) -> str:
    """Say that the terminal cannot show every text."""
    return f"it shows {fact(encoding)}, so many names and texts would be unreadable"


def problem(key: str, origin: str, expected: str) -> str:
    """Say what is wrong with a setting."""
    return f"{fact(key)} ({fact(origin)}): {fact(expected)}"


def answers_at(port: int) -> str:
    """Say that the room answers at its port."""
    return f"this room answers at UDP port {port}"


def buffer(granted: int) -> str:
    """Say how large a receive buffer the system grants."""
    return f"{granted // 1024:,} KiB of receive buffer are granted"


def small_buffer(granted: int, wanted: int) -> str:
    """Say that the receive buffer is small."""
    return f"only {granted // 1024:,} of {wanted // 1024:,} KiB of receive buffer are granted; a burst may be lost"


def buffer_remedy(wanted: int) -> str:
    """Say how to get a larger receive buffer."""
    return f"sudo sysctl -w net.core.rmem_max={wanted}"


def firewall_open(name: str, port: int) -> str:
    """Say that a firewall lets the room's port through."""
    return f"{name} is active, and lets UDP {port} in"


def firewall_closed(name: str, port: int) -> str:
    """Say that a firewall does not let the room's port through."""
    return f"{name} is active, and has no rule that lets UDP {port} in"


def firewall_unknown(name: str, command: str) -> str:
    """Say that a firewall's rules are not known, and how to open the port."""
    return f"{name} is active; if it does not let the room's port in yet: {command}"


def summary(failed: int) -> str:
    """Say how many checks failed."""
    return f"{failed} check{'' if failed == 1 else 's'} failed; each says what to do."
