"""The options that the client's commands share, and what a command needs from a connection."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from sockatuh.client.deadline import Patience
from sockatuh.client.items import Role
from sockatuh.client.sign_in import Trust
from sockatuh.wording import HELP_JSON, HELP_PASSWORD_FILE
from sockatuh.wording import client as phrases

ServerArgument = Annotated[str | None, typer.Argument(metavar="SERVER", help=phrases.HELP_SERVER)]
ServerOption = Annotated[str | None, typer.Option("--server", help=phrases.HELP_SERVER, metavar="SERVER")]
NameOption = Annotated[
    str | None, typer.Option("--name", envvar="SOCKATUH_NAME", help=phrases.HELP_NAME, metavar="NAME")
]
PasswordFileOption = Annotated[
    str | None,
    typer.Option("--password-file", envvar="SOCKATUH_PASSWORD_FILE", help=HELP_PASSWORD_FILE, metavar="FILE"),
]
TrustOption = Annotated[Trust, typer.Option("--trust", envvar="SOCKATUH_TRUST", help=phrases.HELP_TRUST)]
JsonOption = Annotated[bool, typer.Option("--json", help=HELP_JSON)]


class Range(msgspec.Struct, frozen=True):
    """The part of the log to read: at most `lines`, said `since` (ms since 1970), after the seq `after`.

    None is no restriction: as many lines as the server sends, of any age, from wherever it begins.
    """

    lines: int | None = None
    since: int | None = None
    after: int | None = None


class Wishes(msgspec.Struct, frozen=True):
    """How to connect; a value of None comes from the profile, or from a person if `may_ask`.

    `chooses`: this is a `chat`, so the profile remembers its server and name. `reads`: a person reads what is shown, so
    the profile remembers how far. `wanted`: which earlier lines to show.
    """

    server: str | None
    name: str | None
    password_file: str | None
    trust: Trust
    may_ask: bool
    chooses: bool = False
    reads: bool = False
    role: Role = Role.MEMBER
    wanted: Range = Range()
    patience: Patience = msgspec.field(default_factory=lambda: Patience(None))
