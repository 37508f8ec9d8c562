"""The server's settings: read from every place they may stand in, checked, each with its origin.

A later place wins: default, TOML file, systemd credential, environment, flag. Every place is read into one flat table
`dotted key -> (value, origin)`, the tables are laid over each other, and only the result is validated. So each value
knows where it came from, and everything that is wrong can be told at once.
"""

from __future__ import annotations

import codecs
import difflib
import json
import os
import socket
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin, get_type_hints

import platformdirs
from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.hashform import checked_hash
from sockatuh.home import find_expanded
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.server.limits import Limits
from sockatuh.secret import SecretError, read_secret
from sockatuh.spans import DAY, format_span, parse_span
from sockatuh.values import PRIVATE_NETWORKS, Network, checked_directory, checked_host, checked_networks, room_name
from sockatuh.variables import PREFIX, ours

SYSTEM_FILE: Final = Path("/etc/sockatuh/sockatuh.toml")
LOCAL_FILE: Final = Path("config/sockatuh.toml")
HOMELESS: Final = "~/.local/state/sockatuh"
"""The state directory of a user who has no home; nobody can use it, and it is told as any that cannot be used."""
CREDENTIAL: Final = "password_hash"
RENEWED_FIRST: Final = (
    ("RUNTIME_DIRECTORY", f"credential {CREDENTIAL}, renewed by a reload"),
    ("CREDENTIALS_DIRECTORY", f"credential {CREDENTIAL}"),
)
"""Variables that name the directories where the credential may be, and what each origin is called."""
CLIENT_VARIABLES: Final = frozenset(
    PREFIX + name for name in ("CONFIG", "CLIENT_DIR", "PASSWORD_FILE", "PASSWORD", "SERVER", "NAME", "TRUST")
)
"""Variables that are no setting of the server: the client's, and the one that names the file."""

_LONGEST_QUOTED: Final = 40
_MAX_TEXT_BYTES: Final = 16_384
_MIN_MESSAGE_BYTES: Final = 65_536
_MIN_HALF_LINES: Final = 131_072
_MAX_NUMBER: Final = (1 << 53) - 1  # what fits the wire, and any other reader of the file

Found: TypeAlias = dict[str, tuple[object, str]]


def host_name() -> str:
    """Return this machine's name, for a room that was given none; "room" when a room cannot be called so."""
    try:
        return room_name(socket.gethostname())
    except ValueError:  # it is not UTF-8, say
        return "room"


def _refuse_bool(value: object) -> object:
    """Refuse what Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("no_number", "no number")
    return value


_NUMBER: Final = BeforeValidator(_refuse_bool)


def _limits_form() -> type[BaseModel]:
    """Return a model with the fields and defaults of `Limits`, each of which has to be a positive number."""
    types = get_type_hints(Limits)
    form: dict[str, Any] = {
        field.name: (Annotated[types[field.name], _NUMBER, Field(gt=0, allow_inf_nan=False)], field.default)
        if types[field.name] is float
        else (Annotated[types[field.name], _NUMBER, Field(gt=0, le=_MAX_NUMBER)], field.default)
        for field in fields(Limits)
    }
    return create_model("LimitsForm", **form)


_LimitsForm: Final = _limits_form()


def _limits(value: object) -> Limits:
    return value if isinstance(value, Limits) else Limits(**_LimitsForm.model_validate(value).model_dump())


Span: TypeAlias = Annotated[float, BeforeValidator(parse_span)]


class Settings(BaseSettings):
    """Everything the admin may set about one room; made by `load`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)

    host: Annotated[str, BeforeValidator(checked_host)] = "::"
    port: Annotated[int, _NUMBER, Field(ge=0, le=65_535)] = DEFAULT_PORT
    room: Annotated[str, BeforeValidator(room_name)]
    password_hash: Annotated[str, Field(repr=False), BeforeValidator(checked_hash)] = ""
    state_dir: Annotated[Path, BeforeValidator(checked_directory)]
    synchronous: Literal["full", "normal"] = "full"
    history_on_join: Annotated[int, _NUMBER, Field(ge=0, le=10_000)] = 200
    message_retention: Span = 30 * DAY
    message_bytes: Annotated[int, Field(ge=_MIN_MESSAGE_BYTES, le=_MAX_NUMBER)] = 1 << 30
    event_retention: Span = 365 * DAY
    name_ownership: Span = 90 * DAY
    classic: Literal["off", "on"] = "off"
    classic_networks: Annotated[tuple[Network, ...], BeforeValidator(checked_networks)] = PRIVATE_NETWORKS
    max_members: Annotated[int, _NUMBER, Field(ge=1, le=10_000)] = 1_000
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_messages: Literal["auto", "always", "never"] = "auto"
    limits: Annotated[Limits, BeforeValidator(_limits)] = Limits()

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load` only: the others read the environment, and cannot say where a value stood."""
        return (init_settings,)

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each dotted key came from, in the order of the fields."""
        return self._origins

    def shown(self, key: str) -> str | int | float | list[str]:
        """Return the value of a dotted key as it would be written in the file."""
        table, _, name = key.rpartition(".")
        value: Any = getattr(self.limits if table else self, name)
        if key in SPANS:
            return format_span(value)
        if isinstance(value, tuple):
            return [str(item) for item in value]
        return str(value) if isinstance(value, Path) else value


def _dotted_keys() -> Iterator[str]:
    for name in Settings.model_fields:
        if name == "limits":
            yield from (f"limits.{field.name}" for field in fields(Limits))
        else:
            yield name


KEYS: Final = tuple(_dotted_keys())
SPANS: Final = frozenset({"message_retention", "event_retention", "name_ownership"})
VARIABLES: Final[Mapping[str, str]] = {PREFIX + key.upper().replace(".", "__"): key for key in KEYS}


def find_file(config: object, environ: Mapping[str, str], cwd: Path) -> tuple[Path, str] | None:
    """Return the configuration file to read and how it was chosen; one that was asked for need not exist."""
    if config is not None:
        return cwd / (find_expanded(str(config)) or str(config)), "flag --config"
    if named := environ.get(PREFIX + "CONFIG"):
        return cwd / (find_expanded(named) or named), f"environment {PREFIX}CONFIG"
    for path in (cwd / LOCAL_FILE, SYSTEM_FILE):
        if os.path.isfile(path):  # Path.is_file raises where a directory may not be looked into
            return path, "found in its place"
    return None


def find_state_dir(environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the state directory that is in force where no file and no flag names one, or raise ConfigurationError."""
    found = _from_system(environ) | _from_environment(environ, cwd, [])
    value, origin = found["state_dir"]
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

    `flags` holds what the command line gave (None: not given), `config` among it. Reading history needs no password:
    then `serving` is False. `credential` is the file that a service manager would pass as the credential.
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

    There are no Settings when a value cannot be used.
    """
    problems: list[Problem] = []
    file = _from_file(find_file(flags.get("config"), environ, cwd), problems)
    found = (
        _from_system(environ)
        | (file or {})
        | _from_credential(environ, credential, problems)
        | _from_environment(environ, cwd, problems)
        | {key: (value, f"flag --{key}") for key, value in flags.items() if value is not None and key != "config"}
    )
    if serving and file is not None and CREDENTIAL not in {*found, *(problem.key for problem in problems)}:
        problems.append(
            Problem(CREDENTIAL, "not set", "should be what `sockatuh hash-password` prints, or run `sockatuh init`")
        )
    return _validated(found, problems), found, problems


def _from_system(environ: Mapping[str, str]) -> Found:
    return {"room": (host_name(), "default"), "state_dir": _default_state_dir(environ)}


def _default_state_dir(environ: Mapping[str, str]) -> tuple[object, str]:
    """Return the service manager's directory; a home is looked for only without one, for a service may have none."""
    if directories := environ.get("STATE_DIRECTORY"):
        return directories.split(":")[0], "environment STATE_DIRECTORY"
    try:
        return platformdirs.user_state_path("sockatuh", appauthor=False), "default"
    except RuntimeError:  # this user has no home, or none that can be found out
        return HOMELESS, "default"


def _from_file(chosen: tuple[Path, str] | None, problems: list[Problem]) -> Found | None:
    """Return what the file sets, or None if it cannot be read at all."""
    if chosen is None:
        return {}
    path, how = chosen
    try:
        table = tomllib.loads(toml_text(path.read_bytes()))
    except OSError as error:
        problems.append(Problem(str(path), how, f"cannot be read: {error.strerror}"))
        return None
    except (ValueError, RecursionError) as error:
        problems.append(Problem(str(path), how, f"is not a TOML file: {error}"))
        return None
    origin = f"file {path}"
    found: Found = {}
    for key, value in _leaves(table):
        if key in KEYS:
            found[key] = (_against(path.parent, key, value), origin)
        else:
            problems.append(Problem(key, origin, _unknown(key, KEYS)))
    return found


def toml_text(data: bytes) -> str:
    """Return the text of a TOML file, without a byte order mark, with any system's line ends, or raise ValueError."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is UTF-16; save it as UTF-8")
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _leaves(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _from_credential(environ: Mapping[str, str], file: Path | None, problems: list[Problem]) -> Found:
    """Read the service manager's credential.

    It is copied when the service starts and never again, so a reload puts a renewed copy into the service's runtime
    directory, which ends with the service. `file` is what it is copied from, for whoever is not the service.
    """
    places = [(Path(environ[name], CREDENTIAL), origin) for name, origin in RENEWED_FIRST if environ.get(name)]
    if file is not None:
        places.append((file, f"credential file {file}"))
    for path, origin in places:
        if os.path.isfile(path):
            try:
                return {CREDENTIAL: (read_secret(path), origin)}
            except OSError as error:
                problems.append(Problem(CREDENTIAL, origin, f"cannot be read: {error.strerror}"))
            except SecretError as error:
                problems.append(Problem(CREDENTIAL, origin, str(error)))
            return {}
    return {}


def _from_environment(environ: Mapping[str, str], cwd: Path, problems: list[Problem]) -> Found:
    found: Found = {}
    for name in sorted(name for name in ours(environ) if name.startswith(PREFIX)):
        if key := VARIABLES.get(name):
            found[key] = (_against(cwd, key, environ[name]), f"environment {name}")
        elif name not in CLIENT_VARIABLES:
            problems.append(Problem(name, "environment", _unknown(name, (*VARIABLES, *CLIENT_VARIABLES))))
    return found


def _against(directory: Path, key: str, value: object) -> object:
    """Take a relative state directory from where it was written: beside the file, or the working directory."""
    if key != "state_dir" or not isinstance(value, str) or not value:
        return value
    path = find_expanded(value)
    return directory / path if path else value


def _unknown(name: str, known: Iterable[str]) -> str:
    names = {each.lower(): each for each in known}
    nearest = difflib.get_close_matches(name.lower(), names, n=1)
    return f"is not known; did you mean {names[nearest[0]]}?" if nearest else "is not known"


def _validated(found: Found, problems: list[Problem]) -> Settings | None:
    nested: dict[str, Any] = {"limits": {}}
    for key, (value, _) in found.items():
        table, _, name = key.rpartition(".")
        (nested[table] if table else nested)[name] = value
    origins = {key: found[key][1] if key in found else "default" for key in KEYS}
    try:
        settings = Settings(**nested)
    except ValidationError as error:
        problems += [_problem(".".join(map(str, detail["loc"])), detail, origins) for detail in error.errors()]
        return None
    settings._origins = origins
    problems += [Problem(key, origins[key], expected) for key, expected in _contradictions(settings)]
    return settings


def _problem(key: str, detail: ErrorDetails, origins: Mapping[str, str]) -> Problem:
    """Say in our words what is wrong with a value: our own checks have said it, pydantic's have only found it."""
    error = detail.get("ctx", {}).get("error")
    expected = str(error) if isinstance(error, ValueError) else f"{_wanted(key)}, not {_quoted(detail['input'])}"
    return Problem(key, origins.get(key, "default"), expected)


def _wanted(key: str) -> str:
    """Say what the value of a dotted key should be, where its field has a list of words or a range of numbers."""
    table, _, name = key.rpartition(".")
    field = (_LimitsForm if table else Settings).model_fields[name]
    if get_origin(field.annotation) is Literal:
        return "should be " + " or ".join(f'"{each}"' for each in get_args(field.annotation))
    bounds = {
        kind: getattr(each, kind) for each in field.metadata for kind in ("ge", "gt", "le") if hasattr(each, kind)
    }
    if field.annotation is float:
        return f"should be a number over {bounds['gt']}"
    return f"should be a whole number from {bounds.get('ge', 1)} to {bounds['le']}"


def _quoted(value: object) -> str:
    """Write a value as a file has it, and short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}…"


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what no single value shows."""
    limits = settings.limits
    if limits.text_bytes > _MAX_TEXT_BYTES:
        yield "limits.text_bytes", f"should be at most {_MAX_TEXT_BYTES}: the protocol cuts an entry into 16 parts"
    if limits.half_line_bytes < _MIN_HALF_LINES:
        yield "limits.half_line_bytes", f"should be at least {_MIN_HALF_LINES}: a few long texts that come in parts"
    if limits.ping_seconds >= limits.idle_seconds:
        yield "limits.ping_seconds", f"should be less than limits.idle_seconds ({limits.idle_seconds})"
    if settings.max_members > limits.sessions:
        yield "max_members", f"should be at most limits.sessions ({limits.sessions}): each member needs a session"
