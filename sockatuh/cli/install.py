"""The commands that make the room a service of this machine, and undo it: install-service, uninstall-service.

What is to be done is settled first, as files and commands; so it can be shown, and done to another system's tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from .errors import ExitCode, stop
from .installation import (
    CONFIG,
    CREDENTIAL,
    PRIVATE_STATE,
    STATE,
    UNIT_DIRECTORY,
    UNITS,
    PlannedFile,
    Settled,
    credential_file,
    settle,
    units,
)
from .program import Program, named_program, this_program
from .setup import WeakOption, check_strength, choose_room, hash_text, new_password
from .wording import admin
from .wording import install as wording

if TYPE_CHECKING:
    from sockatuh.settings import Settings

Command: TypeAlias = tuple[str, ...]

WANTED_BY: Final = {"sockatuh.socket": "sockets.target", "sockatuh.service": "multi-user.target"}
BOOTED: Final = Path("/run/systemd/system")
"""There is such a directory where systemd runs: sd_booted(3)."""
OTHERS_LOOK: Final = 0o055
RELOAD_UNITS: Final = ("systemctl", "daemon-reload")

RootOption = Annotated[Path | None, typer.Option("--root", help=wording.HELP_ROOT, metavar="DIR")]


def install_service(
    config: Annotated[Path | None, typer.Option("--config", help=wording.HELP_FROM, metavar="FILE")] = None,
    room: Annotated[str | None, typer.Option("--room", help=admin.HELP_ROOM)] = None,
    password_file: Annotated[
        str | None, typer.Option("--password-file", help=admin.HELP_PASSWORD_FILE, metavar="FILE")
    ] = None,
    non_interactive: Annotated[bool, typer.Option("--non-interactive", help=admin.HELP_NON_INTERACTIVE)] = False,
    root: RootOption = None,
    program: Annotated[Path | None, typer.Option("--program", help=wording.HELP_PROGRAM, metavar="FILE")] = None,
    print_only: Annotated[bool, typer.Option("--print", help=wording.HELP_PRINT)] = False,
    weak: WeakOption = False,
) -> None:
    """Write units, settings and the password's hash, and start the room."""
    run_by, tree = named_program(program) if program else this_program(), root or Path("/")
    if root is None and not print_only:
        _admit("install-service")
    _check_program(run_by)
    asking = sys.stdin.isatty() and not (non_interactive or print_only)
    settled = _settle(tree, config, room, password_file, asking=asking)
    commands = () if root else _commands(is_update=any((tree / UNIT_DIRECTORY / name).exists() for name in UNITS))
    if print_only:
        _print_all([*units(tree, run_by, settled.settings), settled.config], commands, tree / CREDENTIAL)
        return
    password, made = ("", False) if settled.password_hash else new_password(password_file, asking=asking)
    check_strength(password, weak=weak)
    secret = credential_file(tree, settled.password_hash or hash_text(password))
    _do([*units(tree, run_by, settled.settings), settled.config, secret], commands, password if made else "")
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
        _admit("uninstall-service")
    tree = root or Path("/")
    installed = [tree / UNIT_DIRECTORY / name for name in UNITS]
    data = [tree / each for each in (CONFIG, CREDENTIAL, STATE, PRIVATE_STATE)]
    if not _there([*installed, *(data if purge else ())]):
        stop(wording.NOTHING_INSTALLED)
    if root is None and _there(installed):
        _run(("systemctl", "disable", "--now", *UNITS))
    links = [_link(tree, name) for name in UNITS]
    gone = _there([*links, *installed, *(data if purge else ())])
    for path in gone:
        _remove(path)
    if purge and (tree / CONFIG).parent.is_dir() and not any((tree / CONFIG).parent.iterdir()):
        (tree / CONFIG).parent.rmdir()
    if root is None:
        _run(RELOAD_UNITS)
    print(wording.removed(gone))
    if staying := _there(data):
        print(wording.kept(staying))


# Whether it can be done.


def _admit(command: str) -> None:
    if sys.platform != "linux":
        stop(wording.NOT_LINUX)
    if not BOOTED.is_dir():
        stop(wording.NO_SYSTEMD)
    if os.geteuid() != 0:
        stop(wording.not_root(command, " ".join(this_program().command)))


def _check_program(program: Program) -> None:
    if (place := program.hidden_place()) is not None:
        stop(wording.hidden_program(place))
    if (place := program.closed_place()) is not None:
        stop(wording.closed_program(place))


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
        stop(wording.password_is_set(tree / CREDENTIAL), ExitCode.USAGE)
    return settled


def _commands(*, is_update: bool) -> tuple[Command, ...]:
    enable: Command = ("systemctl", "enable", "--now", *UNITS)
    # Whatever has changed, the units or the program: with the socket held, starting again loses nothing.
    return (RELOAD_UNITS, enable, *([("systemctl", "restart", *UNITS)] if is_update else []))


# Showing it.


def _print_all(planned: Sequence[PlannedFile], commands: Iterable[Command], credential: Path) -> None:
    shown = [wording.file_shown(file.path, file.mode, file.text) for file in planned]
    secret = wording.file_shown(credential, 0o600, wording.SHOWN_AS_SECRET)
    print("\n".join([*shown, secret, *map(wording.command_shown, commands)]))


def _tell_running(settings: Settings) -> None:
    """Say that the room is open and how people come in; its key was made when it began."""
    from sockatuh.net.interfaces import lan_address_of
    from sockatuh.net.sockets import open_client_socket
    from sockatuh.protocol.noise import public_key
    from sockatuh.server.ready import Ready
    from sockatuh.store.keys import ServerKeys

    with open_client_socket() as sock:
        address = lan_address_of(sock) if settings.host in ("::", "0.0.0.0") else settings.host  # noqa: S104 - compared
    key = public_key(ServerKeys.load(Path("/") / STATE).private_key)
    print(admin.ready(Ready(settings.room, settings.host, address, settings.port, key)))
    print(wording.RUNNING)


# Doing it.


def _do(planned: Sequence[PlannedFile], commands: Sequence[Command], made_password: str) -> None:
    """Say what is about to happen, write the files and run the commands."""
    for file in planned:
        print(wording.will_write(file.path, file.mode, file.news), file=sys.stderr)
    for command in commands:
        print(wording.will_run(command), file=sys.stderr)
    for file in planned:
        _write(file)
    if made_password:
        print(admin.made_password(made_password))
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
    beside.replace(file.path)


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
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        stop(wording.command_failed(command, done.stderr.strip()))


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists() or path.is_symlink()]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
