"""The words that the client's commands have in common, and what they wish for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from sockatuh.protocol.messages import MEMBER

from .wording import client as phrases


class Trust(StrEnum):
    """What to do about a server that was never met."""

    ASK = "ask"
    ACCEPT_NEW = "accept-new"
    STRICT = "strict"


ServerArgument = Annotated[str | None, typer.Argument(metavar="SERVER", help=phrases.HELP_SERVER)]
NameOption = Annotated[str | None, typer.Option("--name", envvar="SOCKATUH_NAME", help=phrases.HELP_NAME)]
PasswordFileOption = Annotated[
    str | None,
    typer.Option("--password-file", envvar="SOCKATUH_PASSWORD_FILE", help=phrases.HELP_PASSWORD_FILE, metavar="FILE"),
]
TrustOption = Annotated[Trust, typer.Option("--trust", envvar="SOCKATUH_TRUST", help=phrases.HELP_TRUST)]
JsonOption = Annotated[bool, typer.Option("--json", help=phrases.HELP_JSON)]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one wants to come in; None is left to memory, and then to a person if `may_ask`.

    `chooses`: it is a chat, and what somebody chooses there holds for the next one. `role`: as what one comes, in the
    protocol's number. `cursor` and `history`: where to begin to read, as in the protocol. `seconds` bounds the whole
    way in, without the questions.
    """

    server: str | None
    name: str | None
    password_file: str | None
    trust: Trust
    may_ask: bool
    chooses: bool = False
    role: int = MEMBER
    cursor: int = 0
    history: int | None = None
    seconds: float | None = None
