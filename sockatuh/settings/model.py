"""Everything that an admin can set for a room: names, types, ranges and defaults.

The values come from `sources.py`, which is also where every error gets its sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, create_model
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.server.limits import Limits

from .values import (
    AUTO,
    DAY,
    PRIVATE_NETWORKS,
    Network,
    checked_announcer,
    checked_control,
    checked_directory,
    checked_file,
    checked_hash,
    checked_host,
    checked_names,
    checked_networks,
    checked_nodes,
    checked_place,
    format_span,
    parse_span,
    room_name,
)
from .variables import PREFIX
from .web_door import Encryption, WebDoor

_MAX_TEXT_BYTES: Final = 16_384
_MIN_MESSAGE_BYTES: Final = 65_536
_MIN_HALF_LINES: Final = 131_072
_MAX_NUMBER: Final = (1 << 53) - 1  # the largest whole number that every reader of JSON and TOML keeps exact

Span: TypeAlias = Annotated[float, BeforeValidator(parse_span)]


def _refuse_bool(value: object) -> object:
    """Refuse true and false, which Python would accept as 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("no_number", "no number")
    return value


_NUMBER: Final = BeforeValidator(_refuse_bool)


def _limits_form() -> type[BaseModel]:
    """Return a model with the fields and defaults of `Limits`, in which every value must be positive."""
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


_DOOR: Final = WebDoor()


class _WebForm(BaseModel):
    """The fields of `WebDoor` and what each may be."""

    model_config = ConfigDict(extra="forbid")

    server: str = _DOOR.server
    listen: Annotated[str, BeforeValidator(checked_place)] = _DOOR.listen
    encryption: Encryption = _DOOR.encryption
    certificate: Annotated[str, BeforeValidator(checked_file)] = _DOOR.certificate
    key: Annotated[str, BeforeValidator(checked_file)] = _DOOR.key
    browsers: Annotated[int, _NUMBER, Field(ge=1, le=1_000)] = _DOOR.browsers
    names: Annotated[tuple[str, ...], BeforeValidator(checked_names)] = _DOOR.names


def _web(value: object) -> WebDoor:
    return value if isinstance(value, WebDoor) else WebDoor(**_WebForm.model_validate(value).model_dump())


_FORMS: Final[Mapping[str, tuple[type, type[BaseModel]]]] = {
    "limits": (Limits, _LimitsForm),
    "web": (WebDoor, _WebForm),
}
"""The tables of the file, each with its value and its form."""


class Settings(BaseSettings):
    """The settings of one room; `sources.load` makes them."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=False,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,  # a list in a variable is words, not JSON
    )

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
    join_lines_up_to: Annotated[int, _NUMBER, Field(ge=0, le=10_000)] = 200
    discoverable: bool = True
    nodes: Annotated[tuple[str, ...], BeforeValidator(checked_nodes)] = ()
    control: Annotated[str, BeforeValidator(checked_control)] = AUTO
    announce_as: Annotated[str, BeforeValidator(checked_announcer)] = "admin"
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_messages: Literal["auto", "always", "never"] = "auto"
    limits: Annotated[Limits, BeforeValidator(_limits)] = Limits()
    web: Annotated[WebDoor, BeforeValidator(_web)] = WebDoor()

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
        """Return the sources that `Settings(sources=…)` was given, the strongest first."""
        return tuple(cast(InitSettingsSource, init_settings).init_kwargs["sources"])

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each dotted key was set, in the order of the fields."""
        return self._origins

    def shown(self, key: str) -> str | int | float | list[str]:
        """Return the value of a dotted key as it would be written in the file."""
        table, _, name = key.rpartition(".")
        value: Any = getattr(getattr(self, table) if table else self, name)
        if key in SPANS:
            return format_span(value)
        if isinstance(value, tuple):
            return [str(item) for item in value]
        return str(value) if isinstance(value, Path) else value


def _dotted_keys() -> Iterator[str]:
    for name in Settings.model_fields:
        if name in _FORMS:
            yield from (f"{name}.{field.name}" for field in fields(_FORMS[name][0]))
        else:
            yield name


KEYS: Final = tuple(_dotted_keys())
SPANS: Final = frozenset({"message_retention", "event_retention", "name_ownership"})
VARIABLES: Final[Mapping[str, str]] = {PREFIX + key.upper().replace(".", "__"): key for key in KEYS}


def wanted(key: str) -> str:
    """Return what the value of a dotted key should be, for fields with a list of words or a range of numbers."""
    table, _, name = key.rpartition(".")
    field = (_FORMS[table][1] if table else Settings).model_fields[name]
    if get_origin(field.annotation) is Literal:
        return "should be " + " or ".join(f'"{each}"' for each in get_args(field.annotation))
    if field.annotation is bool:
        return "should be true or false"
    bounds = {
        kind: getattr(each, kind) for each in field.metadata for kind in ("ge", "gt", "le") if hasattr(each, kind)
    }
    if field.annotation is str:
        return "should be a text"
    if field.annotation is float:
        return f"should be a number over {bounds['gt']}"
    return f"should be a whole number from {bounds.get('ge', 1)} to {bounds['le']}"


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield key and sentence for each value that is wrong only in combination with another one."""
    limits, web = settings.limits, settings.web
    if (web.encryption == "certificate") != bool(web.certificate):
        yield "web.certificate", 'should be set if web.encryption is "certificate", and only then'
    if web.key and not web.certificate:
        yield "web.key", "should not be set without web.certificate"
    if limits.text_bytes > _MAX_TEXT_BYTES:
        yield "limits.text_bytes", f"should be at most {_MAX_TEXT_BYTES}: the protocol cuts an entry into 16 parts"
    if limits.half_line_bytes < _MIN_HALF_LINES:
        yield "limits.half_line_bytes", f"should be at least {_MIN_HALF_LINES}: a few long texts that come in parts"
    if limits.ping_seconds >= limits.idle_seconds:
        yield "limits.ping_seconds", f"should be less than limits.idle_seconds ({limits.idle_seconds})"
    if settings.max_members > limits.sessions:
        yield "max_members", f"should be at most limits.sessions ({limits.sessions}): each member needs a session"
