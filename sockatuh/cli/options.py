"""The words that the client's commands have in common, and what they wish for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from sockatuh.protocol.messages import MEMBER
from sockatuh.wording import client as phrases


class Trust(StrEnum):
    """What to do about a server that was never met."""

    ASK = "ask"
    ACCEPT_NEW = "accept-new"
    STRICT = "strict"


ServerArgument = Annotated[str | None, typer.Argument(metavar="SERVER", help=phrases.HELP_SERVER)]
ServerOption = Annotated[str | None, typer.Option("--server", help=phrases.HELP_SERVER, metavar="SERVER")]
NameOption = Annotated[str | None, typer.Option("--name", envvar="SOCKATUH_NAME", help=phrases.HELP_NAME)]
PasswordFileOption = Annotated[
    str | None,
    typer.Option("--password-file", envvar="SOCKATUH_PASSWORD_FILE", help=phrases.HELP_PASSWORD_FILE, metavar="FILE"),
]
TrustOption = Annotated[Trust, typer.Option("--trust", envvar="SOCKATUH_TRUST", help=phrases.HELP_TRUST)]
JsonOption = Annotated[bool, typer.Option("--json", help=phrases.HELP_JSON)]


@dataclass(frozen=True, slots=True)
class Range:
    """The part of the log one wants to read: at most `lines`, said `since` (ms since 1970), behind `after` (a seq).

    None asks for nothing: as many lines as the server gives, of any time, from wherever it begins.
    """

    lines: int | None = None
    since: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one wants to come in; None is left to memory, and then to a person if `may_ask`.

    `chooses`: it is a chat, and what somebody chooses there holds for the next one. `role`: as what one comes, in the
    protocol's number. `wanted`: what to read of what was said before. `seconds` bounds the whole way in, without the
    questions.
    """

    server: str | None
    name: str | None
    password_file: str | None
    trust: Trust
    may_ask: bool
    chooses: bool = False
    role: int = MEMBER
    wanted: Range = Range()
    seconds: float | None = None
