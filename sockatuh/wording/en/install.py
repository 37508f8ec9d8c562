"""Every sentence that `install-service` and `uninstall-service` print."""
# ruff: noqa: S105 - sentences about passwords are no passwords

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_INSTALL: Final = """Install the room as a systemd service.

Also installs the manual page, and command completion for those of bash, zsh and fish that this machine has, in English.
"""
HELP_UNINSTALL: Final = "Remove the service; the settings and what was said stay."
HELP_PRINT: Final = "Print every file and every command, and do nothing."
HELP_FROM: Final = "Start from the settings in this file, such as `sockatuh init` writes."
HELP_PURGE: Final = "Also remove the settings, the password, the keys and everything that was said."
HELP_METRICS: Final = "Also write the room's numbers for Prometheus each minute."
HELP_NO_METRICS: Final = "Write these numbers no longer."
HELP_BACKUP: Final = "Also make a backup in DIR each night, and the first one now. DIR should be on another disk."
HELP_KEEP: Final = "How many backups to keep in DIR; default: 7."
HELP_NO_BACKUP: Final = "Make no more backups; those that are there stay."
HELP_WEB_DOOR: Final = "Also let browsers in, by a page at TCP port 7680."
HELP_NO_WEB_DOOR: Final = "Let browsers in no longer."

SHOWN_AS_SECRET: Final = "(the hash of the room's password)\n"
NEWS: Final = {"new": "new", "changed": "changed", "unchanged": "unchanged", "kept": "kept"}
NO_SYSTEMD: Final = (
    "This system was not started by systemd, so there is no service to install. Start the room with `sockatuh serve`."
)
NOT_LINUX: Final = "systemd runs on Linux only. Start the room with `sockatuh serve`."
RUNNING: Final = "It runs now, and after each start of this machine. Look at it: systemctl status sockatuh"
PORT_UNSET: Final = "should not be 0: clients could not find a service that uses any port"
METRICS_OR_NOT: Final = "--no-metrics does not go with --metrics."
WEB_OR_NOT: Final = "--no-web does not go with --web."
BACKUP_OR_NOT: Final = "--no-backup goes with neither --backup nor --keep."
KEEP_WHAT: Final = "--keep is about backups; name their directory with --backup DIR."
NOTHING_INSTALLED: Final = "There is no SockAtuh service here; nothing was done."
HASH_NOT_ALONE: Final = (
    "the password_hash in it cannot be moved to a file of its own; write it on one line, as `sockatuh init` does"
)
ONLY_ROOT: Final = "Only root can read the room of this machine's service. Try the same with sudo."
PASSWORD_IS_SET: Final = (
    "The room has a password, which is kept. Leave out --password-file; to change it:\n"
    "  sudo sockatuh hash-password --service"
)
PASSWORD_TAKEN: Final = "The new password is in force: members stay in, everybody else needs it."
ANEW: Final = (
    "For example, from the directory of its source:\n"
    "  sudo python3 -m venv /opt/sockatuh\n"
    "  sudo /opt/sockatuh/bin/pip install .\n"
    "  sudo /opt/sockatuh/bin/sockatuh install-service"
)
STATE_ELSEWHERE: Final = (
    "should be /var/lib/sockatuh, where the service keeps its state; move what you want to keep there"
)


def not_root(command: str, program: str) -> str:
    """Say that the command needs root."""
    return f"Only root may do that. Try: sudo {program} {command}"


def unreadable_program(command: Sequence[str], said: str) -> str:
    """Say that the service's user cannot run this program, and what it printed when it was tried."""
    why = f" says: {fact(said)}" if said else " fails"
    return (
        f"The service could not run this SockAtuh: `{' '.join(command)} version`, as a user of its own without your "
        f"environment and home directories,{why}.\n"
        f"Its user must be able to read the program: install it where everybody can, and run that one. {ANEW}"
    )


def ended_with(code: int) -> str:
    """Say how a trial of the program ended that printed nothing."""
    return f"it ends with {code}"


def packaged(path: Path) -> str:
    """Say that a package has installed units, which ours would override."""
    return (
        f"A package has installed {fact(path)}; units in /etc would take its place, so nothing was done. Use those:\n"
        "  sudo systemctl enable --now sockatuh.socket sockatuh.service"
    )


def no_answer(port: int) -> str:
    """Say that the service was started but does not answer."""
    return (
        f"The service was started, but nothing answers at UDP port {port} of this machine. See why:\n"
        "  systemctl status sockatuh.socket sockatuh.service"
    )


def no_service(program: str) -> str:
    """Say that there is no service whose password could be changed."""
    return f"There is no SockAtuh service here. Install it: sudo {program} install-service"


def password_waits(path: Path) -> str:
    """Say that a new password is in place."""
    return f"The new password is in {fact(path)}, and takes effect at the next start: sudo systemctl start sockatuh"


def password_not_taken(path: Path, reasons: str) -> str:
    """Say that a new password is in place, but the running room still uses the old one."""
    return (
        f"The new password is in {fact(path)}, but the running room did not accept it and still uses the old one"
        f"{_indented(reasons)}\nFix that, then: sudo systemctl reload sockatuh"
    )


def config_in_the_way(path: Path) -> str:
    """Say that there are settings already."""
    return f"{fact(path)} is there already and is kept. Leave out --config, or move it away first."


def room_is_set(path: Path) -> str:
    """Say that the room has its name already."""
    return f"The room's name is set in {fact(path)}. Leave out --room, or change it there."


def will_write(path: Path, mode: int | None, news: str) -> str:
    """Say what happens to a file, or to a link, which has no mode."""
    return (
        f"  {NEWS[news]:<9} {fact(path)}"
        + (f" ({mode:04o})" if mode is not None else "")
        + (" (it is another program's)" if news == "kept" else "")
    )


def will_run(command: Sequence[str]) -> str:
    """Say which command is run."""
    return f"  run       {' '.join(command)}"


def file_shown(path: Path, mode: int, text: str) -> str:
    """Show a whole file."""
    return f"==> {fact(path)} ({mode:04o}) <==\n{text}"


def shortcut_shown(path: Path, command: Sequence[str], script: str, *, is_ours: bool) -> str:
    """Show the shortcut to the program."""
    if not is_ours:
        return f"==> {fact(path)} stays: it is another program's\n"
    return file_shown(path, 0o755, script) if script else f"==> {fact(path)} -> {fact(command[0])}\n"


def command_shown(command: Sequence[str]) -> str:
    """Show a command."""
    return f"==> {' '.join(command)}"


def command_failed(command: Sequence[str], said: str, reasons: str) -> str:
    """Say that a systemd command failed, with what the service or the command printed."""
    why = reasons or said
    return (
        f"`{' '.join(command)}` failed{_indented(why)}\n"
        "The files are written, and a password that was shown is valid. When that is fixed: "
        "sudo systemctl restart sockatuh.socket sockatuh.service"
    )


def _indented(lines: str) -> str:
    return ":\n" + "\n".join(f"  {fact(line)}" for line in lines.splitlines()) if lines else "."


def no_directory(path: Path) -> str:
    """Say that backups cannot be put there."""
    return f"{fact(path)} is not a directory that can stand in a unit."


def within_room(path: Path) -> str:
    """Say that backups must not be among the room's own files."""
    return f"{fact(path)} is where the room itself is; backups there would be lost with it."


def writes_numbers(path: Path) -> str:
    """Say where the room's numbers are written."""
    return f"Its numbers are written each minute: {fact(path)}"


def serves_browsers(port: int, unit: str) -> str:
    """Say that browsers are let in, and where the address and the certificate are told."""
    return f"Browsers are let in at TCP port {port}; the address and the certificate: journalctl -u {unit}"


def makes_backups(directory: Path, keep: int) -> str:
    """Say where backups are made, and how many are kept."""
    return f"A backup is made each night, and the newest {keep:,} are kept: {fact(directory)}"


def backups_stay(directory: Path) -> str:
    """Say that the backups themselves are not removed."""
    return f"The backups stay: {fact(directory)}"


def removed(paths: Iterable[Path]) -> str:
    """Say what was removed."""
    return "\n".join(f"  removed   {fact(path)}" for path in paths)


def kept(paths: Iterable[Path], program: str) -> str:
    """Say what was kept."""
    return "\n".join(
        [
            *(f"  kept      {fact(path)}" for path in paths),
            f"To remove these too: sudo {program} uninstall-service --purge",
        ]
    )
