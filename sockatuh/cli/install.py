"""The commands that make the room a service of this machine, and undo it: install-service, uninstall-service.

What is to be done is settled first, as files and commands; so it can be shown, and done to another system's tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from sockatuh.store.trusted_path import refuse_strangers_links
from sockatuh.wording import admin
from sockatuh.wording import install as wording

from .errors import ExitCode, stop
from .given import a_path
from .installation import (
    CONFIG,
    CREDENTIAL,
    PRIVATE_STATE,
    SHORTCUT,
    STATE,
    UNIT_DIRECTORY,
    UNITS,
    PlannedFile,
    PlannedShortcut,
    Settled,
    credential_file,
    find_packaged_unit,
    find_shortcut,
    installed_command,
    settle,
    units,
)
from .installed import ROOT, SERVICE_UNIT, SOCKET_UNIT, find_installed, is_booted, is_root
from .program import Program, called_as, named_program, this_program
from .setup import WeakOption, check_strength, choose_room, hash_text, new_password

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

Command: TypeAlias = tuple[str, ...]
Planned: TypeAlias = PlannedFile | PlannedShortcut

WANTED_BY: Final = {SOCKET_UNIT: "sockets.target", SERVICE_UNIT: "multi-user.target"}
OTHERS_LOOK: Final = 0o055
RELOAD_UNITS: Final = ("systemctl", "daemon-reload")
JOURNAL: Final = ("journalctl", f"--unit={SERVICE_UNIT}", "--no-pager", "--output=cat", "--lines=8")
ANSWERS_WITHIN: Final = 10.0
"""Seconds a room that was started may take to answer."""

RootOption = Annotated[Path | None, typer.Option("--root", parser=a_path, help=wording.HELP_ROOT, metavar="DIR")]


def install_service(
    config: Annotated[
        Path | None, typer.Option("--config", parser=a_path, help=wording.HELP_FROM, metavar="FILE")
    ] = None,
    room: Annotated[str | None, typer.Option("--room", help=admin.HELP_ROOM)] = None,
    password_file: Annotated[
        str | None, typer.Option("--password-file", help=admin.HELP_PASSWORD_FILE, metavar="FILE")
    ] = None,
    non_interactive: Annotated[bool, typer.Option("--non-interactive", help=admin.HELP_NON_INTERACTIVE)] = False,
    root: RootOption = None,
    program: Annotated[
        Path | None, typer.Option("--program", parser=a_path, help=wording.HELP_PROGRAM, metavar="FILE")
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help=wording.HELP_PRINT)] = False,
    weak: WeakOption = False,
) -> None:
    """Write units, settings and the password's hash, and start the room."""
    tree = root or ROOT
    if root is None and not print_only:
        admit("install-service")
    if (packaged := find_packaged_unit(tree)) is not None:
        stop(wording.packaged(packaged))
    run_by = named_program(program) if program else this_program()
    _check_program(run_by, is_here=program is None)
    asking = sys.stdin.isatty() and not (non_interactive or print_only)
    settled = _settle(tree, config, room, password_file, asking=asking)
    planned: list[Planned] = [*units(tree, run_by, settled.settings), settled.config]
    if (shortcut := find_shortcut(tree, run_by)) is not None:
        planned.append(shortcut)
    is_update = bool(_there(tree / UNIT_DIRECTORY / name for name in UNITS))
    commands = () if root else _commands(planned, is_update=is_update)
    if print_only:
        _print_all(planned, commands, tree / CREDENTIAL)
        return
    password, made = ("", False) if settled.password_hash else new_password(password_file, asking=asking)
    check_strength(password, weak=weak)
    secret = credential_file(tree, settled.password_hash or hash_text(password))
    _do([*planned, secret], commands, password if made else "")
    if root:
        _enable_in(root)
        print(wording.installed_into(root, settled.settings.port))
    else:
        _tell_running(settled.settings)


def uninstall_service(
    purge: Annotated[bool, typer.Option("--purge", help=wording.HELP_PURGE)] = False, root: RootOption = None
) -> None:
    """Stop the service and remove its units; settings and history stay unless they are purged."""
    if root is None:
        admit("uninstall-service")
    tree = root or ROOT
    installed = [tree / UNIT_DIRECTORY / name for name in UNITS]
    data = [tree / each for each in (CONFIG, CREDENTIAL, STATE, PRIVATE_STATE)]
    command, called = installed_command(tree), called_as()
    shortcut = PlannedShortcut(tree / SHORTCUT, command, (command,))
    if not _there([*installed, *(data if purge else ())]):
        stop(wording.NOTHING_INSTALLED)
    if root is None and _there(installed):
        _run(("systemctl", "disable", "--now", *UNITS))
    links = [_link(tree, name) for name in UNITS]
    shortcuts = [shortcut.path] if shortcut.news in ("changed", "unchanged") else []
    gone = _there([*links, *installed, *shortcuts, *(data if purge else ())])
    refuse_strangers_links(gone)
    for path in gone:
        _remove(path)
    if purge and (tree / CONFIG).parent.is_dir() and not any((tree / CONFIG).parent.iterdir()):
        (tree / CONFIG).parent.rmdir()
    if root is None:
        _run(RELOAD_UNITS)
        _call(("systemctl", "reset-failed", *UNITS))  # that it had failed is nobody's concern any more
    print(wording.removed(gone))
    if staying := _there(data):
        print(wording.kept(staying, called))


def replace_password(password_hash: str) -> None:
    """Make it the password of the installed service, whole or not at all, and let a room that runs take it."""
    service = find_installed()
    if service is None:
        stop(wording.no_service(called_as()))
    secret = credential_file(ROOT, password_hash)
    _write(secret)
    if not service.is_active:
        print(wording.password_waits(secret.path), file=sys.stderr)
        return
    began_at = time.time()
    if _call(("systemctl", "reload", SERVICE_UNIT)).returncode:
        stop(wording.password_not_taken(secret.path, _reasons(began_at)))
    print(wording.PASSWORD_TAKEN, file=sys.stderr)


# Whether it can be done.


def admit(command: str) -> None:
    """Leave with what is missing unless a service can be had here, by this user."""
    if sys.platform != "linux":
        stop(wording.NOT_LINUX)
    if not is_booted():
        stop(wording.NO_SYSTEMD)
    if not is_root():
        stop(wording.not_root(command, called_as()))


def _check_program(program: Program, *, is_here: bool) -> None:
    if (place := program.hidden_place()) is not None:
        stop(wording.hidden_program(place))
    if (place := program.closed_place()) is not None:
        stop(wording.closed_program(place))
    if is_here and (fault := program.fault()):
        stop(wording.broken_program(program.command, fault))


def _settle(tree: Path, config: Path | None, room: str | None, password_file: str | None, *, asking: bool) -> Settled:
    """Settle what will be, and leave if what is asked for is settled otherwise already."""
    there = tree / CONFIG
    if config is not None and there.exists() and not (config.exists() and there.samefile(config)):
        stop(wording.config_in_the_way(there), ExitCode.USAGE)
    source = there if there.exists() else config
    if source is not None and room is not None:
        stop(wording.room_is_set(source), ExitCode.USAGE)
    settled = settle(tree, source, choose_room(room, asking=asking) if source is None else "")
    if settled.password_hash and password_file is not None:
        stop(wording.PASSWORD_IS_SET, ExitCode.USAGE)
    return settled


def _commands(planned: Iterable[Planned], *, is_update: bool) -> tuple[Command, ...]:
    """Return what starts the service, and what starts it again when it was there.

    Whatever has changed, the units or the program: with the socket held, starting again loses nothing. The socket is
    opened anew only where its unit says something else.
    """
    enable: Command = ("systemctl", "enable", "--now", *UNITS)
    keeps_socket = any(file.path.name == SOCKET_UNIT and file.news == "unchanged" for file in planned)
    again: Command = ("systemctl", "restart", *([SERVICE_UNIT] if keeps_socket else UNITS))
    return (RELOAD_UNITS, enable, *([again] if is_update else []))


# Showing it.


def _print_all(planned: Sequence[Planned], commands: Iterable[Command], credential: Path) -> None:
    shown = [
        wording.file_shown(each.path, each.mode, each.text)
        if isinstance(each, PlannedFile)
        else wording.shortcut_shown(each.path, each.command, each.script, is_ours=each.is_ours)
        for each in planned
    ]
    secret = wording.file_shown(credential, 0o600, wording.SHOWN_AS_SECRET)
    print("\n".join([*shown, secret, *map(wording.command_shown, commands)]))


def _tell_running(settings: Settings) -> None:
    """Say that the room is open and how people come in; its key was made when it began."""
    from sockatuh.net.interfaces import lan_addresses_of
    from sockatuh.net.probe import find_server_key
    from sockatuh.net.sockets import open_client_socket
    from sockatuh.server.ready import Ready

    service = find_installed()
    host, port = (service and service.listens) or (settings.host, settings.port)
    with open_client_socket() as sock:
        addresses = lan_addresses_of(sock) if host in ("::", "0.0.0.0") else (host,)  # noqa: S104 - compared
    key = find_server_key(host, port, ANSWERS_WITHIN)
    if key is None:
        stop(wording.no_answer(port))
    print(admin.ready(Ready(settings.room, host, addresses, port, key)))
    print(wording.RUNNING)


# Doing it.


def _do(planned: Sequence[Planned], commands: Sequence[Command], made_password: str) -> None:
    """Say what is about to happen, write the files and run the commands."""
    for each in planned:
        mode = each.mode if isinstance(each, PlannedFile) else None
        print(wording.will_write(each.path, mode, each.news), file=sys.stderr)
    for command in commands:
        print(wording.will_run(command), file=sys.stderr)
    refuse_strangers_links(each.path for each in planned)
    for each in planned:
        if isinstance(each, PlannedFile):
            _write(each)
        elif each.is_ours:
            _write_shortcut(each)
    if made_password:
        # At once: it is seen once, and whatever comes next may fail.
        print(admin.made_password(made_password), flush=True)
    for command in commands:
        _run(command)


def _write(file: PlannedFile) -> None:
    """Put a file in its place whole; nobody sees a secret before its mode is set."""
    _open_directory(file.path.parent)
    beside = file.path.with_name(f".{file.path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        os.fchmod(descriptor, file.mode)  # whatever the umask took away
        stream.write(file.text)
        stream.flush()
        os.fsync(descriptor)
    beside.replace(file.path)


def _write_shortcut(shortcut: PlannedShortcut) -> None:
    if shortcut.script:
        shortcut.path.unlink(missing_ok=True)
        _write(PlannedFile(shortcut.path, shortcut.script, 0o755))
        return
    _open_directory(shortcut.path.parent)
    beside = shortcut.path.with_name(f".{shortcut.path.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(shortcut.command[0])
    beside.replace(shortcut.path)


def _open_directory(directory: Path) -> None:
    """Make a directory that the service's user may look into, whatever the umask takes away."""
    missing = [each for each in directory.parents if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for each in (directory, *missing):
        each.chmod(each.stat().st_mode | OTHERS_LOOK)


def _enable_in(root: Path) -> None:
    """Do what `systemctl enable` does, in a tree whose systemd does not run."""
    for name in UNITS:
        link = _link(root, name)
        _open_directory(link.parent)
        link.unlink(missing_ok=True)
        link.symlink_to(Path("/") / UNIT_DIRECTORY / name)


def _link(tree: Path, name: str) -> Path:
    return tree / UNIT_DIRECTORY / f"{WANTED_BY[name]}.wants" / name


def _run(command: Command) -> None:
    began_at = time.time()
    done = _call(command)
    if done.returncode != 0:
        stop(wording.command_failed(command, done.stderr.strip(), _reasons(began_at)))


def _call(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def _reasons(since: float) -> str:
    """Return what the service has said since a time, "" if nothing can be found out."""
    try:
        done = _call((*JOURNAL, f"--since=@{int(since)}"))
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists() or path.is_symlink()]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
