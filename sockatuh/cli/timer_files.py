"""What goes beside the systemd service: the numbers for Prometheus, a backup each night, the door for browsers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from .program import Program
from .service_files import (
    PACKAGED_UNITS,
    PRIVATE_STATE,
    STATE,
    UNIT_DIRECTORY,
    PlannedFile,
    at,
    escaped,
    packaged_text,
    unescaped,
    words_of,
)

METRICS_TIMER: Final = "sockatuh-metrics.timer"
METRICS_SERVICE: Final = "sockatuh-metrics.service"
BACKUP_TIMER: Final = "sockatuh-backup.timer"
BACKUP_SERVICE: Final = "sockatuh-backup.service"
METRICS_UNITS: Final = (METRICS_TIMER, METRICS_SERVICE)
BACKUP_UNITS: Final = (BACKUP_TIMER, BACKUP_SERVICE)
WEB_SERVICE: Final = "sockatuh-web.service"
WEB_PORT: Final = 7680
"""The TCP port in the packaged template."""
WEB_STATE: Final = ("var/lib/sockatuh-web", "var/lib/private/sockatuh-web")
"""Where the door for browsers keeps their keys and its certificate."""
NUMBERS: Final = "var/lib/prometheus/node-exporter/sockatuh.prom"
"""Where Debian's node_exporter looks for files of other programs."""
NODE_EXPORTER: Final = "prometheus-node-exporter.service"
KEEP: Final = 7
_USUAL: Final = "/var/backups/sockatuh"
"""The directory in the packaged template."""
_MAKES_BACKUPS: Final = re.compile(r"^ExecStart=.* backup --keep (\d+) --every \S+ -- (.+)$", re.MULTILINE)


class Backups(msgspec.Struct, frozen=True):
    """The directory of the backups, and how many are kept there."""

    directory: Path
    keep: int = KEEP

    @property
    def is_within_room(self) -> bool:
        """Whether the directory is the room's own, or in it."""
        room = {each.resolve() for each in (at(STATE), at(PRIVATE_STATE))}
        return any(self.directory.resolve().is_relative_to(each) for each in room)


class Companions(msgspec.Struct, frozen=True):
    """What a service has beside it: timers, and the door for browsers."""

    metrics: bool = False
    backups: Backups | None = None
    web: bool = False

    def units(self, program: Program, web_port: int = WEB_PORT) -> list[PlannedFile]:
        """Return the units for this program; the door for browsers is at `web_port`."""
        names = (METRICS_UNITS if self.metrics else ()) + (BACKUP_UNITS if self.backups is not None else ())
        names += (WEB_SERVICE,) if self.web else ()
        return [
            PlannedFile(at(UNIT_DIRECTORY) / name, companion_unit(name, program, self.backups, web_port), 0o644)
            for name in names
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The units to be enabled and started."""
        wanted = {METRICS_TIMER: self.metrics, BACKUP_TIMER: self.backups is not None, WEB_SERVICE: self.web}
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def installed_companions() -> Companions:
    """Return those that are installed."""
    file = at(UNIT_DIRECTORY) / BACKUP_SERVICE
    found = _MAKES_BACKUPS.search(file.read_text("utf-8")) if file.is_file() else None
    words = words_of(found[2]) if found else []
    backups = Backups(Path(unescaped(words[0])), int(found[1])) if found and words else None
    units = at(UNIT_DIRECTORY)
    return Companions((units / METRICS_SERVICE).is_file(), backups, (units / WEB_SERVICE).is_file())


def installed_units(of: Iterable[str] = (*METRICS_UNITS, *BACKUP_UNITS, WEB_SERVICE)) -> list[Path]:
    """Return the units of companions that are there."""
    return [path for name in of if (path := at(UNIT_DIRECTORY) / name).exists() or path.is_symlink()]


def remove_directory_of_numbers() -> None:
    """Remove the directory of the numbers if it is empty, unless node_exporter is there, whose it is then."""
    if any((at(directory) / NODE_EXPORTER).exists() for directory in PACKAGED_UNITS):
        return
    for directory in at(NUMBERS).parents[:2]:
        if directory.is_symlink() or not directory.is_dir() or any(directory.iterdir()):
            return
        directory.rmdir()


def companion_unit(name: str, program: Program, backups: Backups | None, web_port: int = WEB_PORT) -> str:
    """Return one unit, made from the packaged template."""
    text = packaged_text(name, program).replace(
        f"SocketBindAllow=tcp:{WEB_PORT}\n", f"SocketBindAllow=tcp:{web_port}\n"
    )
    if backups is None:
        return text
    place = escaped(str(backups.directory))
    return (
        text.replace(f"--keep {KEEP} ", f"--keep {backups.keep} ")
        .replace(f"-- {_USUAL}\n", f"-- {place}\n")
        .replace(f"RequiresMountsFor={_USUAL}\n", f"RequiresMountsFor={_path(backups.directory)}\n")
        .replace(f"ReadWritePaths=-{_USUAL}\n", f"ReadWritePaths={_path(backups.directory, '-')}\n")
    )


def _path(directory: Path, prefix: str = "") -> str:
    """Return a path as a setting that is no command line takes it: `$` means nothing there."""
    return escaped(f"{prefix}{directory}").replace("$$", "$")
