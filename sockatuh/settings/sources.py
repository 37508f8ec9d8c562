"""Read the settings from every place they may be set in, with the origin of each and everything that is wrong.

The places are pydantic-settings' sources, the strongest first: flags, environment, the service manager's credential,
the TOML file, and this machine's defaults. pydantic lays their values over each other and validates the result; each
source asked by itself says where a value came from, so `--show-origin` and every error can name its origin.
"""

from __future__ import annotations

import codecs
import difflib
import json
import os
import socket
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import platformdirs
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, InitSettingsSource, SecretsSettingsSource, TomlConfigSettingsSource

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.store.files import find_expanded

from .model import KEYS, VARIABLES, Settings, contradictions, wanted
from .secret import SecretError, read_secret
from .values import checked_directory, room_name
from .variables import PREFIX, without_foreign

SYSTEM_FILE: Final = Path("/etc/sockatuh/sockatuh.toml")
LOCAL_FILE: Final = Path("config/sockatuh.toml")
HOMELESS: Final = "~/.local/state/sockatuh"
"""The default state directory of a user without a home; it is reported like any other that cannot be used."""
CREDENTIAL: Final = "password_hash"
CREDENTIAL_DIRECTORIES: Final = (
    ("RUNTIME_DIRECTORY", f"credential {CREDENTIAL}, renewed by a reload"),
    ("CREDENTIALS_DIRECTORY", f"credential {CREDENTIAL}"),
)
"""Variables that name the directories in which the credential may be, the strongest first, with each one's origin."""
CLIENT_VARIABLES: Final = frozenset(
    PREFIX + name
    for name in (
        "CONFIG",
        "CLIENT_DIR",
        "PASSWORD_FILE",
        "PASSWORD",
        "SERVER",
        "NAME",
        "TRUST",
        "DISCOVER",
        "LANG",
        "NOTIFY",
        "SCREEN",
        "NOTIFY",
    )
)
"""Variables that are not settings of the server: the client's, and the one that names the file."""
_LONGEST_QUOTED: Final = 40
_PATHS: Final = frozenset({"state_dir", "control"})

Found: TypeAlias = dict[str, tuple[object, str]]
"""Value and origin by dotted key."""


def host_name() -> str:
    """Return this machine's name as the default name of a room, or "room" if no room can have that name."""
    try:
        return room_name(socket.gethostname())
    except ValueError:  # not UTF-8, for example
        return "room"


def find_file(config: object, environ: Mapping[str, str], cwd: Path) -> tuple[Path, str] | None:
    """Return the configuration file to read and what chose it; one that was asked for need not exist."""
    if config is not None:
        return cwd / (find_expanded(str(config)) or str(config)), "flag --config"
    if named := environ.get(PREFIX + "CONFIG"):
        return cwd / (find_expanded(named) or named), f"environment {PREFIX}CONFIG"
    for path in (cwd / LOCAL_FILE, SYSTEM_FILE):
        if os.path.isfile(path):  # Path.is_file raises where the directory may not be searched
            return path, "found in its place"
    return None


def find_state_dir(environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the state directory in force where no file and no flag sets one, or raise ConfigurationError."""
    sources = (_Environment(environ, cwd, []), _Defaults(environ))
    value, origin = _values_and_origins(sources)["state_dir"]
    try:
        return Path(str(checked_directory(value)))
    except ValueError as error:
        raise ConfigurationError([Problem("state_dir", origin, str(error))]) from None


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    serving: bool = True,
    credential: Path | None = None,
) -> Settings:
    """Return the settings in force, or raise ConfigurationError with everything that is wrong.

    `flags` holds the options of the command line, `config` among them (None: not given). Commands that only read the
    history need no password and pass `serving=False`. `credential` is the file from which the service manager would
    make the credential, for commands that run outside the service.
    """
    settings, _, problems = read(flags, environ, cwd, serving=serving, credential=credential)
    if settings is None or problems:
        raise ConfigurationError(problems)
    return settings


def read(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    serving: bool = True,
    credential: Path | None = None,
) -> tuple[Settings | None, Found, list[Problem]]:
    """Return the settings, everything that is set and where, and everything that is wrong; see `load`.

    The settings are None when a value cannot be used.
    """
    problems: list[Problem] = []
    file = _File(find_file(flags.get("config"), environ, cwd), problems)
    sources = (
        _Flags(flags),
        _Environment(environ, cwd, problems),
        _Credential(environ, credential, problems),
        file,
        _Defaults(environ),
    )
    found = _values_and_origins(sources)
    if serving and file.is_usable and CREDENTIAL not in {*found, *(problem.key for problem in problems)}:
        problems.append(
            Problem(CREDENTIAL, "not set", "should be what `sockatuh hash-password` prints, or run `sockatuh init`")
        )
    return _validated(sources, found, problems), found, problems


class _Flags(InitSettingsSource):
    """Options of the command line."""

    def __init__(self, flags: Mapping[str, object]) -> None:
        given = {key: value for key, value in flags.items() if value is not None and key != "config"}
        super().__init__(Settings, given)

    def origin(self, key: str) -> str:
        return f"flag --{key}"


class _Environment(EnvSettingsSource):
    """Variables that begin with SOCKATUH_; any that is not known is a problem."""

    def __init__(self, environ: Mapping[str, str], cwd: Path, problems: list[Problem]) -> None:
        self._cwd = cwd
        self._known: dict[str, str] = {}
        for name, value in sorted(without_foreign(environ).items()):
            if name in VARIABLES:
                self._known[name] = value
            elif name.startswith(PREFIX) and name not in CLIENT_VARIABLES:
                problems.append(Problem(name, "environment", _unknown(name, (*VARIABLES, *CLIENT_VARIABLES))))
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        """Return the variables of the environment we were given, with their names as the library looks them up."""
        return {name.lower(): value for name, value in self._known.items()}

    def __call__(self) -> dict[str, Any]:
        return _with_paths_in(self._cwd, super().__call__())

    def origin(self, key: str) -> str:
        return f"environment {next(name for name, each in VARIABLES.items() if each == key)}"


class _Credential(SecretsSettingsSource):
    """The password's hash as the service manager's credential.

    systemd copies a credential when the service starts and never again, so a reload puts a renewed copy into the
    runtime directory, which is removed with the service. `file` is the original, for commands outside the service.
    """

    def __init__(self, environ: Mapping[str, str], file: Path | None, problems: list[Problem]) -> None:
        self._problems, self._origin = problems, ""
        places = [
            (Path(environ[name], CREDENTIAL), origin) for name, origin in CREDENTIAL_DIRECTORIES if environ.get(name)
        ]
        if file is not None:
            places.append((file, f"credential file {file}"))
        path, self._origin = next(((path, origin) for path, origin in places if os.path.isfile(path)), (None, ""))
        self._value = self._read(path) if path is not None else None
        super().__init__(Settings, path.parent if path is not None else None)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return the credential for its own setting, and nothing for the others."""
        return (self._value if field_name == CREDENTIAL else None), field_name, False

    def _read(self, path: Path) -> str | None:
        try:
            return read_secret(path)
        except OSError as error:
            self._problems.append(Problem(CREDENTIAL, self._origin, f"cannot be read: {error.strerror}"))
        except SecretError as error:
            self._problems.append(Problem(CREDENTIAL, self._origin, str(error)))
        return None

    def origin(self, key: str) -> str:  # noqa: ARG002
        return self._origin


class _File(TomlConfigSettingsSource):
    """The TOML file; a key that is not known is a problem, and so is a file that cannot be read."""

    def __init__(self, chosen: tuple[Path, str] | None, problems: list[Problem]) -> None:
        self._path: Path | None
        self._path, self._chosen_by = chosen or (None, "")
        self._problems = problems
        self.is_usable = True
        super().__init__(Settings, self._path)

    def _read_files(self, files: object, deep_merge: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Read the one file, also where the library would ignore that it does not exist."""
        if self._path is None:
            return {}
        try:
            table = tomllib.loads(toml_text(self._path.read_bytes()))
        except OSError as error:
            self._refuse(f"cannot be read: {error.strerror}")
            return {}
        except (ValueError, RecursionError) as error:
            self._refuse(f"is not a TOML file: {error}")
            return {}
        return _with_paths_in(self._path.parent, self._without_unknown(table))

    def _refuse(self, reason: str) -> None:
        self.is_usable = False
        self._problems.append(Problem(str(self._path), self._chosen_by, reason))

    def _without_unknown(self, table: Mapping[str, object]) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for key, value in _leaves(table):
            if key in KEYS:
                _put(known, key, value)
            else:
                self._problems.append(Problem(key, self.origin(key), _unknown(key, KEYS)))
        return known

    def origin(self, key: str) -> str:  # noqa: ARG002
        return f"file {self._path}"


class _Defaults(InitSettingsSource):
    """What depends on this machine and not on the program: the room's name and the state directory."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        state_dir, self._state_dir_origin = _default_state_dir(environ)
        super().__init__(Settings, {"room": host_name(), "state_dir": state_dir})

    def origin(self, key: str) -> str:
        return self._state_dir_origin if key == "state_dir" else "default"


_Source: TypeAlias = _Flags | _Environment | _Credential | _File | _Defaults


def _values_and_origins(sources: Iterable[_Source]) -> Found:
    """Ask each source by itself, the weakest first, so that the strongest that sets a key gives its origin."""
    found: Found = {}
    for source in reversed(tuple(sources)):
        found |= {key: (value, source.origin(key)) for key, value in _leaves(source())}
    return found


def _validated(sources: tuple[_Source, ...], found: Found, problems: list[Problem]) -> Settings | None:
    origins = {key: found[key][1] if key in found else "default" for key in KEYS}
    try:
        settings = Settings(sources=sources)  # type: ignore[call-arg]
    except ValidationError as error:
        problems += [_problem(".".join(map(str, detail["loc"])), detail, origins) for detail in error.errors()]
        return None
    settings._origins = origins
    problems += [Problem(key, origins[key], expected) for key, expected in contradictions(settings)]
    return settings


def _problem(key: str, detail: ErrorDetails, origins: Mapping[str, str]) -> Problem:
    """Return what is wrong with a value, in the words of our own check or of the field, never in pydantic's."""
    error = detail.get("ctx", {}).get("error")
    expected = str(error) if isinstance(error, ValueError) else f"{wanted(key)}, not {_quoted(detail['input'])}"
    return Problem(key, origins.get(key, "default"), expected)


def _default_state_dir(environ: Mapping[str, str]) -> tuple[object, str]:
    """Return the service manager's directory, else one in the home of this user, which a service may not have."""
    if directories := environ.get("STATE_DIRECTORY"):
        return directories.split(":")[0], "environment STATE_DIRECTORY"
    try:
        return platformdirs.user_state_path("sockatuh", appauthor=False), "default"
    except RuntimeError:  # this user has no home that can be found
        return HOMELESS, "default"


def toml_text(data: bytes) -> str:
    """Return the text of a TOML file, without a byte order mark, with any system's line ends, or raise ValueError."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is UTF-16; save it as UTF-8")
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _leaves(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield dotted keys and values; a table in the place of a setting is that setting's value."""
    for name, value in table.items():
        if isinstance(value, dict) and prefix + name not in KEYS:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _put(table: dict[str, Any], key: str, value: object) -> None:
    above, _, name = key.rpartition(".")
    (table.setdefault(above, {}) if above else table)[name] = value


def _with_paths_in(directory: Path, table: dict[str, Any]) -> dict[str, Any]:
    """Resolve relative paths against the directory they were written in: the file's, or the working one."""
    for key in _PATHS & table.keys():
        value = table[key]
        if isinstance(value, str) and value:
            path = find_expanded(value)
            if key == "control":  # is never relative
                table = table | {key: str(path) if path and value.startswith("~") else value}
            else:
                table = table | {key: str(directory / path) if path else value}
    return table


def _unknown(name: str, known: Iterable[str]) -> str:
    names = {each.lower(): each for each in known}
    nearest = difflib.get_close_matches(name.lower(), names, n=1)
    return f"is not known; did you mean {names[nearest[0]]}?" if nearest else "is not known"


def _quoted(value: object) -> str:
    """Return a value as it would stand in a file, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}…"
