"""Every sentence that the admin's commands and the errors say.

Texts from the network must be cleaned before.
"""
# ruff: noqa: S105 - sentences about passwords are no passwords

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.errors import Problem
from sockatuh.net.address import split_address
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.seam import bracketed
from sockatuh.wording.facts import fact

if TYPE_CHECKING:
    from sockatuh.server.options import Ready

BOX_ELSEWHERE: Final = "The server needs Linux or macOS; on Windows use chat, send, tail and who."
HELP: Final = "One chat room for everybody on a local network, on one UDP port."
HELP_EXIT_CODES: Final = """
\b
Exit codes:
  0    done
  1    another failure
  2    wrong usage
  3    no server, or no answer in time
  4    refused: password, limits, a kick, a ban
  5    the name is not available
  6    the server's identity changed, or is not proved
  7    protocol versions do not match
  8    the configuration cannot be used
  130  Ctrl-C
"""
HELP_INIT: Final = "Write a configuration and the server's key."
HELP_CHECK: Final = "Print the settings in force, and check them, the state and the port."
HELP_HASH_PASSWORD: Final = """Print the hash of a room password.

The server keeps only the hash. Whoever steals it cannot join, but can pose as the server to people who were never in
the room, and read the password they give. So keep the file that holds it private, and set another password if it was
seen.
"""
HELP_SERVE: Final = "Run the room."
HELP_HISTORY: Final = "Read what was said, and who came and went."
HELP_VERSION: Final = "Print the program's version and its protocol's."
HELP_COMPLETION: Final = """Print the completion script of a shell.

\b
To use it in the shells that start from now on:
  bash  echo 'eval "$(sockatuh completion bash)"' >>~/.bashrc
  zsh   echo 'eval "$(sockatuh completion zsh)"' >>~/.zshrc
        (below the line with compinit)
  fish  sockatuh completion fish >~/.config/fish/completions/sockatuh.fish
"""
HELP_SHELL: Final = "The shell."
HELP_HELP: Final = "Explain a command, or list them all."
HELP_MANUAL: Final = "Print the manual page; to read it: sockatuh help --man | man -l -"
ONE_MANUAL: Final = "The manual page has all commands in it. Leave out COMMAND, or --man."
HELP_HELP_COMMAND: Final = "A command of the list that `sockatuh help` prints."

HELP_CONFIG: Final = (
    "Configuration file; default: $SOCKATUH_CONFIG, ./config/sockatuh.toml or /etc/sockatuh/sockatuh.toml."
)
HELP_HOST: Final = "Listen on this address, whatever the configuration says."
HELP_PORT: Final = "Listen on this UDP port; 0 picks a free one."
HELP_FOR_SERVICE: Final = "Set the password of the installed service, which applies it at once and drops nobody."
HELP_INIT_DIR: Final = "Keep the configuration and the room's state here; created if missing."
HELP_ROOM: Final = "The room's name; default: this machine's name."
HELP_NON_INTERACTIVE: Final = "Ask nothing."
HELP_WEAK: Final = "Accept a password of fewer than 8 bytes."
HELP_JOINS: Final = "Who came and went or took another name, instead of what was said."
HELP_ALL: Final = "Both: what was said, and who came and went or took another name."
HELP_NAME: Final = "Only one member."
HELP_PRIVATE: Final = "Show the texts of private lines too; without it only who wrote to whom."
HELP_LINES: Final = "Only the newest N; default: 200, or all with --since or --after."

ASK_ROOM: Final = "Room name"
ASK_PASSWORD: Final = "Room password (empty: generate one): "
ASK_NEW_PASSWORD: Final = "Room password: "
ASK_AGAIN: Final = "Again: "
PASSWORDS_DIFFER: Final = "The two passwords differ; nothing was done. Try again."
PATH_EMPTY: Final = "the path is empty."
PASSWORD_EMPTY: Final = "The password is empty. Give one of 1 to 72 bytes."
IS_A_DIRECTORY: Final = "is a directory, and should be a file with the password in its first line"
AFTER_COUNTS_MESSAGES: Final = "--after counts only what was said; with --joins or --all use --since."
OUT_OF_MEMORY: Final = "There is not enough memory. See what uses it: free -h, ulimit -v"
TOO_MANY_FILES: Final = (
    "Too many files are open for this process or this machine. See the limits: ulimit -n; raise it: ulimit -n 1024"
)
STILL_THERE: Final = ", still there"
TRANSIENT: Final = ", for one command"

NOTHING_GIVEN: Final = "Nothing was given away."
REFUSALS: Final[Mapping[str, str]] = {
    "name_invalid": "The server does not accept that name. Choose another with --name.",
    "name_unavailable": "That name is not available in this room. Choose another with --name.",
    "name_taken": "Somebody in the room has that name, or one that looks like it. Choose another with --name.",
    "name_owned": (
        "That name belongs to another key; a key is what a room knows you by, and stays on the machine where it was "
        "made. If the name is yours, `sockatuh identity export FILE` there and `sockatuh identity import FILE` "
        "here, or ask whoever runs the room to free the name: `sockatuh release NAME`. Else choose another with "
        "--name."
    ),
    "name_reserved": (
        "The room's admin has reserved that name, or one that looks like it. Choose another with --name."
    ),
    "name_is_password": "A name must not be the room's password. Choose another with --name.",
    "unknown_server": "This server is not known, and --trust strict meets nobody new. Use the invite its admin has.",
    "password_missing": "The room wants a password. Give it with --password-file, or in $SOCKATUH_PASSWORD.",
    "password_wrong": "That is not the room's password. Ask whoever runs the room.",
    "password_changed": "The room has a new password. Ask whoever runs the room.",
    "password_wait": "Too many wrong passwords came from here.",
    "passwords_guessed": "Many wrong passwords are being tried in this room, so this one was not checked.",
    "name_wait": "Too many names were asked about from here.",
    "text_is_password": "That text contains the room's password, and everybody would read it; nothing was sent.",
    "ticket_refused": "The server wants the password again. Give it with --password-file.",
    "busy": "The server is too busy.",
    "room_full": "The room is full. Try again later, or ask whoever runs it to raise max_members.",
    "guests_full": "There are too many scripts and readers in the room. Try again later.",
    "guests_from_address": "There are too many scripts and readers in the room from your address. Try again later.",
    "no_such_name": "Nobody in the room is called that, and nobody owns the name.",
    "reads_in_clear": "Whoever that is reads in clear. Say it in the room.",
    "no_such_line": "The room has no such line; one that keeps no history has none.",
    "not_a_line": "That is nothing that was said.",
    "not_yours": "That line is not yours. Whoever runs the room can remove it: `sockatuh strike SEQ`.",
    "too_late": (
        "Your lines can be removed for 15 minutes. Later, whoever runs the room can do it: `sockatuh strike SEQ`."
    ),
    "struck_already": "That line was removed already.",
    "muted": "You are muted in this room.",
    "only_members": "Only a member can do that. This client is a script, or only reads.",
    "only_reading": "This client only reads, and cannot speak.",
    "crowded": "The server has no seat left for your address, which has more than others. Try again later.",
    "already_joined": "This client has joined already.",
    "unknown_call": "The server is older than this client and does not know what was asked.",
    "not_joined": "The server does not know this client as a member. Try again.",
    "text_empty": "There is nothing printable in that text.",
    "text_too_long": "That text is too long for this room. Send it in parts.",
    "restarting": "The server is restarting. Try again in a moment.",
    "closing": "The room was closed by its admin.",
    "idle": "The server received nothing from this client for too long. Join again.",
    "replaced": "The same client has joined again from elsewhere.",
    "join_timeout": "Joining took too long. Try again.",
    "too_many_sessions": "Too many clients of this key are connected. Close one.",
}


def refused(code: str, wait: float, detail: str) -> str:
    """Say why the server refused, and how many seconds to wait."""
    sentence = REFUSALS.get(code, f"The server refused ({code}).")
    if detail:
        sentence += f" ({detail})"
    return sentence + wait_first(wait)


def wait_first(wait: float) -> str:
    """Say how many seconds to wait before the next try, if any."""
    return f" Wait {math.ceil(wait)} s before the next try." if wait > 0 else ""


def bad_configuration(problems: Iterable[Problem]) -> str:
    """Say everything that is wrong with the settings."""
    lines = "\n".join(f"  {problem.key} ({problem.origin}): {problem.expected}" for problem in problems)
    return f"The configuration cannot be used:\n{lines}"


def not_started(problems: Iterable[Problem]) -> str:
    """Say in one line, for the service manager, why the room cannot be opened."""
    return f"The configuration cannot be used: {'; '.join(map(str, problems))}"


OBSTACLES: Final = {
    "port_closed": "nothing listens on UDP port {port} at {hosts}",
    "host_silent": "no machine answers at {hosts}",
    "no_route": "this machine has no route to {hosts}",
    "forbidden": "a firewall refuses UDP port {port} at {hosts}",
    "forbidden_here": "this machine's own firewall lets no UDP out to port {port} at {hosts}",
    "not_a_machine": "{hosts} is not the address of one machine",
    "too_long": "the path to {hosts} is too narrow for our datagrams",
    "foreign": "what answers on UDP port {port} at {hosts} is not SockAtuh",
    "unknown_name": "no machine is known as {hosts}",
    "no_name_server": "the address of {hosts} cannot be looked up; the name servers do not answer",
}
REMEDIES: Final = {
    "port_closed": "Does the room run there, and on this port? On its machine: systemctl status sockatuh",
    "host_silent": "Is that machine on, is the address right, and is it on this network?",
    "no_route": "Is this machine connected to the room's network?",
    "forbidden": "Let UDP through: the firewall of that machine, or one on the path, refuses it.",
    "forbidden_here": "Let UDP out: `sudo nft list ruleset` shows the rules, if it is Linux's own.",
    "not_a_machine": "Give the address of the machine that runs the room: it prints it when it starts.",
    "too_long": "A tunnel or a VPN on the path must let packets of 1,280 bytes through.",
    "foreign": "Is the port right? A room's is 7625, unless its admin has chosen another.",
    "unknown_name": "Is the name right? An address does as well: the room's machine prints it when it starts.",
    "no_name_server": "Is this machine connected to the network? The room's IP address needs no name server.",
}
NO_REMEDY: Final = (
    "Is the address right, and does a firewall let UDP through? "
    "Whoever runs the room sees whether it is open: systemctl status sockatuh"
)


def no_server(server: str, reason: str, obstacles: Sequence[tuple[str, str]] = ()) -> str:
    """Say that nobody answered, and what stood in the way: pairs of an address and an obstacle."""
    kinds = {what for _, what in obstacles}
    remedy = REMEDIES.get(kinds.pop(), NO_REMEDY) if len(kinds) == 1 else NO_REMEDY
    told = "; ".join([reason] * bool(reason) + in_the_way(obstacles))
    return f"No SockAtuh server at {server}: {told}.\n{remedy}"


def in_the_way(obstacles: Sequence[tuple[str, str]]) -> list[str]:
    """Return one sentence for each kind of obstacle, with the addresses it affects."""
    places: dict[str, list[tuple[str, str]]] = {}
    for address, what in obstacles:
        places.setdefault(what, []).append(split_address(address))
    return [
        OBSTACLES.get(what, "{hosts} cannot be reached").format(
            port=found[0][1], hosts=" and ".join(host for host, _ in found)
        )
        for what, found in places.items()
    ]


def not_prepared(seconds: float) -> str:
    """Say that this machine is too slow to hash the password in the time it was given."""
    return (
        f"This machine could not prepare the password for the server within {max(1, round(seconds))} s. "
        "Try again when it is less busy, `send` with a longer --timeout; later a ticket stands in for the password."
    )


def not_stored(server: str, seconds: float) -> str:
    """Say that the server received the lines and could not store them."""
    return (
        f"The server at {server} could not store anything for {max(1, round(seconds))} s. It has received everything, "
        "and may still store it.\nWhoever runs the room sees why: systemctl status sockatuh"
    )


def too_fast(seconds: float) -> str:
    """Say that a line waited too long because lines come faster than the room takes them."""
    return (
        f"The line was not stored within {max(1, round(seconds))} s: more lines come from here than this room takes. "
        "Try again later, or let `send` wait longer: --timeout."
    )


def identity_changed(server: str, pinned: str, offered: str) -> str:
    """Say that the server has another key than the one this client knows."""
    return (
        f"STOP: the server at {server} is not the one you met before. Nothing was sent to it.\n"
        f"  known    {pinned}\n"
        f"  offered  {offered}\n"
        "Ask whoever runs the room whether its key was changed. If so, forget the old one:\n"
        f"  sockatuh identity forget {server}"
    )


def server_unproven(server: str, words: str, reason: str) -> str:
    """Say that a server did not prove that it knows the room's password."""
    match reason:
        case "welcome":
            return f"{server} let you in without knowing the room's password: this is not your room. " + NOTHING_GIVEN
        case "offer":
            return f"{server} does not ask for the password as a room does: this is not your room. " + NOTHING_GIVEN
        case _:
            return (
                f"{server} was given three proofs of the password and gave none itself: this may not be your room. "
                f"Its words: {words}; compare them with the room's screen before you try again."
            )


def client_outdated(server: str) -> str:
    """Say that the room wants a newer program."""
    return f"The room at {server} wants a newer sockatuh. Update this one; `sockatuh version` shows what is installed."


def version_mismatch(ours: int, theirs: int) -> str:
    """Say that client and server speak different versions of the protocol."""
    older = "this program" if ours < theirs else "the server"
    return (
        f"The server speaks protocol version {theirs}, this program version {ours}. Update {older}; "
        "`sockatuh version` shows what is installed."
    )


def address_unusable(host: str, port: int, reason: str) -> str:
    """Say that the port cannot be opened."""
    return f"Cannot listen on {host} port {port}: {reason}. Choose another with --host or --port."


def database_too_new(path: str, found: int, known: int) -> str:
    """Say that the database was written by a newer program."""
    return f"{path} was written by a newer SockAtuh (schema {found}, known here: {known}). Update this one."


def database_unusable(path: str, reason: str, remedy: str) -> str:
    """Say that the room's database cannot be used, with the remedy if one is known."""
    where = f"{path}: " if path else ""
    what_next = f"{remedy[0].upper()}{remedy[1:]}" if remedy else "Try `sockatuh check`."
    return f"The room's database cannot be used: {where}{reason}. {what_next}"


def key_unusable(path: str, reason: str) -> str:
    """Say that a key file or its directory cannot be used; the reason includes the remedy."""
    return f"The keys in {path} cannot be used: {reason}."


def file_unusable(path: str, reason: str) -> str:
    """Say that a file cannot be read or written."""
    return f"{path}: {reason}."


def output_lost(reason: str) -> str:
    """Say that the output could not be written."""
    return f"The output could not be written to stdout: {reason}."


def system_refused(reason: str) -> str:
    """Say that the operating system refused something."""
    return f"The system refused: {reason}."


def passed_over(names: Sequence[str]) -> str:
    """Say that variables were ignored."""
    others = f" and {len(names) - 1} more like it" if len(names) > 1 else ""
    return (
        f"Ignored {fact(names[0])}{others}: container runtimes create such variables for a service that is "
        "called sockatuh (Kubernetes: enableServiceLinks: false)."
    )


def too_few_descriptors(most: int, needed: int) -> str:
    """Say that the limit of open files is too low."""
    return (
        f"Only {most} files may be open at once here, and {needed} are needed. "
        "Raise the limit: ulimit -n 1024, or LimitNOFILE= in the unit."
    )


def no_such_zone(zone: str) -> str:
    """Say that the time zone is unknown."""
    return f"TZ={fact(zone)[:60]} is not a time zone known here, so times are in UTC."


def no_such_language(asked: str, known: Sequence[str]) -> str:
    """Say that there is no such language, and list the codes of those there are."""
    return f"no such language: {fact(asked)[:60]}; there are {', '.join(known)}"


def bug(kind: str, message: str) -> str:
    """Say that an unforeseen error is a bug."""
    return (
        f"This is a bug in SockAtuh: {kind}: {message}\n"
        "Please report it with what you did. `python -X dev -m sockatuh …` shows where it happened."
    )


def already_there(path: Path) -> str:
    """Say that `init` leaves a configuration alone."""
    return f"{fact(path)} is there already and was left as it is. Try `sockatuh check --config {fact(path)}`."


def wrote(config: Path, key: Path) -> str:
    """Say what `init` has written."""
    return f"Wrote {fact(config)} (0640) and {fact(key)} (0600)"


def made_password(password: str) -> str:
    """Show a generated password, the only time it is shown."""
    return f"Password, shown once: {password}"


def serve_next(config: Path | None) -> str:
    """Say how to start the room; None if `serve` finds the configuration by itself."""
    return "Start the room: sockatuh serve" + (f" --config {fact(config)}" if config else "")


def secret_unusable(origin: str, reason: str) -> str:
    """Say why a password cannot be read from its file, variable or stdin."""
    return f"The password cannot be read: {fact(origin)} {reason}."


def no_such_home(path: str) -> str:
    """Say that a path begins with a home directory that does not exist."""
    return f"{fact(path)}: there is no such home directory. Write the whole path."


def password_refused(reason: str) -> str:
    """Say why a password cannot be used."""
    return f"That password cannot be used: {reason}."


def password_weak(size: int, enough: int) -> str:
    """Say that a password is too short, in bytes, and how to use it anyway."""
    return (
        f"That password has {size} byte{'' if size == 1 else 's'}, which is soon guessed; nothing was done. "
        f"Choose one of {enough} bytes or more, or add --weak to use it anyway."
    )


def room_refused(reason: str) -> str:
    """Say why a name for a room cannot be used."""
    return f"The room's name {reason}."


def no_history(path: Path) -> str:
    """Say that there is no database to read."""
    return f"There is no {fact(path)}. Name the room's state_dir with --config FILE, or in $SOCKATUH_STATE_DIR."


def day(date: str) -> str:
    """Show where a new day begins."""
    return f"— {date} —"


def struck(name: str, to: str, by: str, because: str) -> str:
    """Show that a line (to `to`, if it was private) has no text any more; `by` and `because` may be ""."""
    private = f" to {to}" if to else ""
    return f"what {name} said{private} was removed" + (f" by {by}" if by else "") + (f" ({because})" if because else "")


def came(name: str, address: str, program: str) -> str:
    """Show that somebody joined."""
    return f"{name} joined from {address} ({program})"


def went(moment: str, reason: str) -> str:
    """Show when and why that ended."""
    return f", gone {moment} ({reason})"


def ready(room: Ready) -> str:
    """Say that the room can be joined, and how."""
    told = "\n        or:  ".join(f"sockatuh chat {bracketed(address)}{_port(room)}" for address in room.addresses)
    return (
        f'Room "{room.room}" on udp {bracketed(room.host)}:{room.port}\n'
        f"Fingerprint  {' '.join(room.words)}  (SHA256:{room.fingerprint})\n"
        f"Tell people: {told}\n"
        f"Invite:      {room.invite}"
    )


def ready_here(program: str, room: Ready) -> str:
    """Say what to type in a second terminal of this machine; `program` is the command there."""
    is_local = room.host in ("", "::", "0.0.0.0", "127.0.0.1", "::1")  # noqa: S104 - compared
    return f"In a second terminal: {program} chat {'localhost' if is_local else bracketed(room.host)}{_port(room)}"


def _port(room: Ready) -> str:
    return "" if room.port == DEFAULT_PORT else f":{room.port}"
