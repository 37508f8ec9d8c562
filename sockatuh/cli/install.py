"""The commands `install-service` and `uninstall-service`, which make the room a service of this machine and undo it.

All files and commands are planned first, so that `--print` can show them.
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
from msgspec.structs import replace

from sockatuh.net.address import parse_server
from sockatuh.store.backup_stamp import expect_no_more
from sockatuh.store.trusted_path import refuse_strangers_links
from sockatuh.wording import admin
from sockatuh.wording import install as wording
from sockatuh.wording import web as door

from .arguments import a_path
from .errors import ExitCode, stop
from .new_room import (
    NonInteractiveOption,
    PasswordFileOption,
    RoomOption,
    WeakOption,
    check_strength,
    choose_room,
    hash_text,
    new_password,
)
from .program import Program, called_as, this_program
from .service_files import (
    CONFIG,
    CREDENTIAL,
    PRIVATE_STATE,
    SERVICE_UNIT,
    SHORTCUT,
    SOCKET_UNIT,
    STATE,
    UNIT_DIRECTORY,
    UNITS,
    PlannedFile,
    PlannedShortcut,
    ServiceSettings,
    at,
    credential_file,
    find_packaged_unit,
    find_shortcut,
    installed_command,
    service_settings,
    units,
)
from .shell_files import installed_shell_files, remove_empty_parents, shell_files
from .timer_files import (
    BACKUP_SERVICE,
    BACKUP_TIMER,
    BACKUP_UNITS,
    KEEP,
    METRICS_UNITS,
    NUMBERS,
    WEB_PORT,
    WEB_SERVICE,
    WEB_STATE,
    Backups,
    Companions,
    installed_companions,
    installed_units,
    remove_directory_of_numbers,
)
from .web import can_serve_web
from .which_room import find_installed, is_booted, is_root

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

Command: TypeAlias = tuple[str, ...]
Planned: TypeAlias = PlannedFile | PlannedShortcut

OTHERS_SEARCH: Final = 0o055
RELOAD_UNITS: Final = ("systemctl", "daemon-reload")
JOURNAL: Final = ("journalctl", "--no-pager", "--output=cat", "--lines=8")
AS_THE_SERVICE: Final = (
    "systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--property=DynamicUser=yes",
    "--property=ProtectHome=yes", "--property=PrivateTmp=yes", "--property=RuntimeMaxSec=60",
)  # fmt: skip
"""Runs a command as a user like the service's, without home directories and with a private /tmp."""
ANSWERS_WITHIN: Final = 10.0
"""Seconds within which a newly started room must answer."""


def install_service(
    config: Annotated[
        Path | None, typer.Option("--config", parser=a_path, help=wording.HELP_FROM, metavar="FILE")
    ] = None,
    room: RoomOption = None,
    password_file: PasswordFileOption = None,
    non_interactive: NonInteractiveOption = False,
    print_only: Annotated[bool, typer.Option("--print", help=wording.HELP_PRINT)] = False,
    weak: WeakOption = False,
    metrics: Annotated[bool, typer.Option("--metrics", help=wording.HELP_METRICS)] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics", help=wording.HELP_NO_METRICS)] = False,
    backup: Annotated[
        Path | None, typer.Option("--backup", parser=a_path, help=wording.HELP_BACKUP, metavar="DIR")
    ] = None,
    keep: Annotated[int | None, typer.Option("--keep", help=wording.HELP_KEEP, metavar="N", min=1)] = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help=wording.HELP_NO_BACKUP)] = False,
    web: Annotated[bool, typer.Option("--web", help=wording.HELP_WEB_DOOR)] = False,
    no_web: Annotated[bool, typer.Option("--no-web", help=wording.HELP_NO_WEB_DOOR)] = False,
) -> None:
    """Write units, settings and the password's hash, and start the room."""
    if not print_only:
        require_root_and_systemd("install-service")
    if (packaged := find_packaged_unit()) is not None:
        stop(wording.packaged(packaged))
    program = this_program()
    if not print_only:
        _require_readable(program)
    if metrics and no_metrics:
        stop(wording.METRICS_OR_NOT, ExitCode.USAGE)
    if web and no_web:
        stop(wording.WEB_OR_NOT, ExitCode.USAGE)
    before = installed_companions()
    companions = Companions(
        metrics or (before.metrics and not no_metrics),
        _choose_backups(before, backup, keep, no_backup),
        web or (before.web and not no_web),
    )
    if companions.web and not can_serve_web():
        stop(door.not_installed(sys.executable))
    asking = sys.stdin.isatty() and not (non_interactive or print_only)
    chosen = _choose_settings(config, room, password_file, asking=asking)
    _, web_port = parse_server(chosen.settings.web.listen, WEB_PORT)
    planned: list[Planned] = [*units(program, chosen.settings), *companions.units(program, web_port), chosen.config]
    if (shortcut := find_shortcut(program)) is not None:
        planned.append(shortcut)
    if shortcut is None or shortcut.is_ours:  # else the shells and `man` mean another program by this name
        planned += shell_files(program.command)
    is_update = bool(_existing(at(UNIT_DIRECTORY) / name for name in UNITS))
    commands = (*_commands(planned, is_update=is_update), *_companion_commands(companions, tries=bool(backup or keep)))
    if print_only:
        _print_all(planned, commands)
        return
    password, is_made_up = ("", False) if chosen.password_hash else new_password(password_file, asking=asking)
    check_strength(password, weak=weak)
    secret = credential_file(chosen.password_hash or hash_text(password))
    _remove_companions(before, companions)
    _make_directories(companions)
    _do([*planned, secret], commands, password if is_made_up else "")
    _tell_running(chosen.settings)
    if companions.metrics:
        print(wording.writes_numbers(at(NUMBERS)))
    if companions.backups is not None:
        print(wording.makes_backups(companions.backups.directory, companions.backups.keep))
    if companions.web:
        print(wording.serves_browsers(web_port, WEB_SERVICE))


def uninstall_service(
    purge: Annotated[bool, typer.Option("--purge", help=wording.HELP_PURGE)] = False,
) -> None:
    """Stop the service and remove its units; settings and history stay unless they are purged."""
    require_root_and_systemd("uninstall-service")
    installed = [at(UNIT_DIRECTORY) / name for name in UNITS]
    companions, companion_units = installed_companions(), installed_units()
    numbers = [at(NUMBERS)] if companions.metrics else []
    data = [at(each) for each in (CONFIG, CREDENTIAL, STATE, PRIVATE_STATE, *WEB_STATE)]
    command, called = installed_command(), called_as()
    shortcut = PlannedShortcut(at(SHORTCUT), command, (command,))
    if not _existing([*installed, *companion_units, *(data if purge else ())]):
        stop(wording.NOTHING_INSTALLED)
    shortcuts = [shortcut.path] if shortcut.news in ("changed", "unchanged") else []
    for_shells = installed_shell_files()
    gone = _existing([*installed, *companion_units, *numbers, *shortcuts, *for_shells, *(data if purge else ())])
    refuse_strangers_links(gone)
    if companion_units:
        _stop_companions(path.name for path in companion_units)
    if _existing(installed):
        _run(("systemctl", "disable", "--now", *UNITS))
    for path in gone:
        _remove(path)
    for path in for_shells:
        remove_empty_parents(path)
    if companions.metrics:
        remove_directory_of_numbers()
    if purge and at(CONFIG).parent.is_dir() and not any(at(CONFIG).parent.iterdir()):
        at(CONFIG).parent.rmdir()
    _run(RELOAD_UNITS)
    # Units that no longer exist should not be listed as failed.
    _call(("systemctl", "reset-failed", *UNITS, *(path.name for path in companion_units)))
    print(wording.removed(gone))
    if staying := _existing(data):
        print(wording.kept(staying, called))
    if companions.backups is not None:
        if at(STATE).exists():
            expect_no_more(at(STATE))
        print(wording.backups_stay(companions.backups.directory))


def replace_password(password_hash: str) -> None:
    """Replace the password of the installed service atomically, and reload a running room."""
    service = find_installed()
    if service is None:
        stop(wording.no_service(called_as()))
    secret = credential_file(password_hash)
    _write(secret)
    if not service.is_active:
        print(wording.password_waits(secret.path), file=sys.stderr)
        return
    began_at = time.time()
    if _call(("systemctl", "reload", SERVICE_UNIT)).returncode:
        stop(wording.password_not_taken(secret.path, _reasons(began_at)))
    print(wording.PASSWORD_TAKEN, file=sys.stderr)


# Whether it can be done.


def require_root_and_systemd(command: str) -> None:
    """Stop, with what is missing, unless this user can change services on this machine."""
    if sys.platform != "linux":
        stop(wording.NOT_LINUX)
    if not is_booted():
        stop(wording.NO_SYSTEMD)
    if not is_root():
        stop(wording.not_root(command, called_as()))


def _require_readable(program: Program) -> None:
    """Stop unless the service's user can read and run this program."""
    done = _call((*AS_THE_SERVICE, "--", *program.command, "version"))
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        stop(wording.unreadable_program(program.command, said[-1] if said else ""))


def _choose_backups(before: Companions, directory: Path | None, keep: int | None, is_refused: bool) -> Backups | None:
    """Return the backups that are wanted, or stop if the options contradict each other or cannot be used."""
    if is_refused:
        if directory is not None or keep is not None:
            stop(wording.BACKUP_OR_NOT, ExitCode.USAGE)
        return None
    if directory is None:
        if keep is None or before.backups is None:
            if keep is not None:
                stop(wording.KEEP_WHAT, ExitCode.USAGE)
            return before.backups
        return replace(before.backups, keep=keep)
    kept = before.backups.keep if before.backups is not None else KEEP
    backups = Backups(Path(os.path.abspath(directory)), kept if keep is None else keep)
    if not str(backups.directory).isprintable() or (directory.exists() and not directory.is_dir()):
        stop(wording.no_directory(directory), ExitCode.USAGE)
    if backups.is_within_room:
        stop(wording.within_room(directory), ExitCode.USAGE)
    return backups


def _choose_settings(
    config: Path | None, room: str | None, password_file: str | None, *, asking: bool
) -> ServiceSettings:
    """Return the settings to install, or stop if the options contradict an existing installation."""
    there = at(CONFIG)
    if config is not None and there.exists() and not (config.exists() and there.samefile(config)):
        stop(wording.config_in_the_way(there), ExitCode.USAGE)
    source = there if there.exists() else config
    if source is not None and room is not None:
        stop(wording.room_is_set(source), ExitCode.USAGE)
    chosen = service_settings(source, choose_room(room, asking=asking) if source is None else "")
    if chosen.password_hash and password_file is not None:
        stop(wording.PASSWORD_IS_SET, ExitCode.USAGE)
    return chosen


def _commands(planned: Iterable[Planned], *, is_update: bool) -> tuple[Command, ...]:
    """Return the commands that start the service, or restart it if it was installed before.

    A restart loses nothing while systemd holds the socket, so the socket is reopened only if its unit has changed.
    """
    enable: Command = ("systemctl", "enable", "--now", *UNITS)
    keeps_socket = any(file.path.name == SOCKET_UNIT and file.news == "unchanged" for file in planned)
    again: Command = ("systemctl", "restart", *([SERVICE_UNIT] if keeps_socket else UNITS))
    return (RELOAD_UNITS, enable, *([again] if is_update else []))


def _companion_commands(companions: Companions, *, tries: bool) -> tuple[Command, ...]:
    """Return the commands that start what goes beside the service; `tries`: the first backup is made at once."""
    enable: tuple[Command, ...] = (
        ("systemctl", "enable", *companions.names),
        ("systemctl", "restart", *companions.names),
    )
    first: Command = ("systemctl", "start", BACKUP_SERVICE)
    return (*(enable if companions.names else ()), *((first,) if tries and companions.backups is not None else ()))


# Showing it.


def _print_all(planned: Sequence[Planned], commands: Iterable[Command]) -> None:
    shown = [
        wording.file_shown(each.path, each.mode, each.text)
        if isinstance(each, PlannedFile)
        else wording.shortcut_shown(each.path, each.command, each.script, is_ours=each.is_ours)
        for each in planned
    ]
    secret = wording.file_shown(at(CREDENTIAL), 0o600, wording.SHOWN_AS_SECRET)
    print("\n".join([*shown, secret, *map(wording.command_shown, commands)]))


def _tell_running(settings: Settings) -> None:
    """Print that the room is open and how to join it; its key was created by the first start."""
    from sockatuh.net.interfaces import lan_addresses_of
    from sockatuh.net.probe import find_server_key
    from sockatuh.net.sockets import open_client_socket
    from sockatuh.server.options import Ready

    service = find_installed()
    host, port = (service and service.listens) or (settings.host, settings.port)
    with open_client_socket() as sock:
        addresses = lan_addresses_of(sock) if host in ("::", "0.0.0.0") else (host,)  # noqa: S104 - compared
    key = find_server_key(host, port, ANSWERS_WITHIN)
    if key is None:
        stop(wording.no_answer(port))
    print(admin.ready(Ready(settings.room, host, addresses, port, key, settings.nodes)))
    print(wording.RUNNING)


# Doing it.


def _stop_companions(names: Iterable[str]) -> None:
    _run(("systemctl", "disable", "--now", *names))
    _call(("systemctl", "clean", "--what=state", BACKUP_TIMER))  # when it ran last; systemd keeps that in a file


def _remove_companions(before: Companions, after: Companions) -> None:
    """Stop and remove what is not wanted any longer, and what it has written but backups and browsers' keys."""
    gone = [*(METRICS_UNITS if not after.metrics else ()), *(BACKUP_UNITS if after.backups is None else ())]
    gone += [] if after.web else [WEB_SERVICE]
    found = [*installed_units(gone), *_existing([at(NUMBERS)] if before.metrics and not after.metrics else [])]
    if not found:
        return
    refuse_strangers_links(found)
    _stop_companions(path.name for path in found if path.name in gone)
    for path in found:
        path.unlink()
    if before.metrics and not after.metrics:
        remove_directory_of_numbers()
    print(wording.removed(found), file=sys.stderr)
    if before.backups is not None and after.backups is None:
        expect_no_more(at(STATE))
        print(wording.backups_stay(before.backups.directory), file=sys.stderr)


def _make_directories(companions: Companions) -> None:
    """Make the directories that the timers write to, if they are missing; backups are nobody else's business."""
    if companions.metrics and not at(NUMBERS).parent.exists():
        _open_directory(at(NUMBERS).parent)
    if companions.backups is not None and not companions.backups.directory.exists():
        refuse_strangers_links([companions.backups.directory])
        companions.backups.directory.parent.mkdir(parents=True, exist_ok=True)
        companions.backups.directory.mkdir(mode=0o700)


def _do(planned: Sequence[Planned], commands: Sequence[Command], made_password: str) -> None:
    """Print what is about to happen, write the files and run the commands."""
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
        # Before the commands, because it is shown only once and they may fail.
        print(admin.made_password(made_password), flush=True)
    for command in commands:
        _run(command)


def _write(file: PlannedFile) -> None:
    """Write a file atomically; its mode is set before anything is written to it."""
    _open_directory(file.path.parent)
    beside = file.path.with_name(f".{file.path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        os.fchmod(descriptor, file.mode)  # regardless of the umask
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
    """Create a directory that the service's user can search, regardless of the umask."""
    missing = [each for each in directory.parents if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for each in (directory, *missing):
        each.chmod(each.stat().st_mode | OTHERS_SEARCH)


def _run(command: Command) -> None:
    began_at = time.time()
    done = _call(command)
    if done.returncode != 0:
        unit = command[-1] if command[-1].endswith(".service") else SERVICE_UNIT
        stop(wording.command_failed(command, done.stderr.strip(), _reasons(began_at, unit)))


def _call(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def _reasons(since: float, unit: str = SERVICE_UNIT) -> str:
    """Return what a service has logged to the journal since a time, "" if the journal cannot be read."""
    try:
        done = _call((*JOURNAL, f"--unit={unit}", f"--since=@{int(since)}"))
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _existing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists() or path.is_symlink()]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
