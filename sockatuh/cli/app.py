"""The table of commands, and how a command line becomes a function call and an exit code.

A command is a function with Typer's annotations, and an entry in `COMMANDS`. Its module is imported only when the
command runs, so `--help` and the client's commands never load the server's libraries.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from sockatuh.wording import admin as wording
from sockatuh.wording import backup as backups
from sockatuh.wording import client as phrases
from sockatuh.wording import control as box
from sockatuh.wording import doctor as diagnoses
from sockatuh.wording import install as service
from sockatuh.wording import orders
from sockatuh.wording import status as seeing
from sockatuh.wording import web as door

from .environment import correct_environment
from .errors import ExitCode, end_row, guard, stop, warn
from .help_layout import HelpContext
from .language import asks_json, command_of

COMMANDS: Final = {
    # name: (module of this package, function, one sentence)
    "init": ("init", "init", wording.HELP_INIT),
    "check": ("check", "check", wording.HELP_CHECK),
    "hash-password": ("init", "hash_password", wording.HELP_HASH_PASSWORD),
    "serve": ("serve", "serve", wording.HELP_SERVE),
    "install-service": ("install", "install_service", service.HELP_INSTALL),
    "uninstall-service": ("install", "uninstall_service", service.HELP_UNINSTALL),
    "chat": ("chat", "chat", phrases.HELP_CHAT),
    "send": ("send", "send", phrases.HELP_SEND),
    "tail": ("tail", "tail", phrases.HELP_TAIL),
    "who": ("who", "who", phrases.HELP_WHO),
    "discover": ("discover", "discover", phrases.HELP_DISCOVER),
    "doctor": ("doctor", "doctor", diagnoses.HELP_DOCTOR),
    "ping": ("ping", "ping_server", phrases.HELP_PING),
    "status": ("box.status", "status", seeing.HELP_STATUS),
    "metrics": ("box.metrics", "metrics", seeing.HELP_METRICS),
    "reload": ("box.reload", "reload", box.HELP_RELOAD),
    "sessions": ("box.listing", "sessions", orders.HELP_SESSIONS),
    "names": ("box.listing", "names", orders.HELP_NAMES),
    "kick": ("box.acting", "kick", orders.HELP_KICK),
    "ban": ("box.acting", "ban", orders.HELP_BAN),
    "unban": ("box.acting", "unban", orders.HELP_UNBAN),
    "bans": ("box.listing", "bans", orders.HELP_BANS),
    "mute": ("box.acting", "mute", orders.HELP_MUTE),
    "unmute": ("box.acting", "unmute", orders.HELP_UNMUTE),
    "release": ("box.acting", "release", orders.HELP_RELEASE),
    "announce": ("box.acting", "announce", orders.HELP_ANNOUNCE),
    "strike": ("box.acting", "strike", orders.HELP_STRIKE),
    "audit": ("box.audit", "audit", orders.HELP_AUDIT),
    "history": ("history", "history", wording.HELP_HISTORY),
    "backup": ("backup", "backup", backups.HELP_BACKUP),
    "restore": ("backup", "restore", backups.HELP_RESTORE),
    "web": ("web", "web", door.HELP_WEB),
    "identity": ("identity", "identity", phrases.HELP_IDENTITY),
    "completion": ("completion", "completion", wording.HELP_COMPLETION),
    "help": ("help", "help_about", wording.HELP_HELP),
    "version": ("init", "version", wording.HELP_VERSION),
}


PERMANENT: Final = (ExitCode.USAGE, ExitCode.BAD_CONFIGURATION)
"""Exit codes of failures that a restart does not cure: sockatuh.service names both in RestartPreventExitStatus=."""
PAUSE: Final = 5.0
"""Seconds to wait before such an exit if systemd passed a socket: a datagram in it would restart us at once."""

_ACTING: Final = frozenset({"kick", "ban", "unban", "mute", "unmute", "release", "announce", "strike"})
_LISTING: Final = frozenset({"status", "sessions", "names", "bans", "audit"})
TELL_TIME: Final = frozenset({"serve", "chat", "tail", "who", "history", "backup", "restore"}) | _ACTING | _LISTING
"""Commands that print local times."""


_MAKING: Final = frozenset({"init", "check", "serve", "install-service", "uninstall-service", "backup", "restore"})
ON_THE_BOX: Final = frozenset({"metrics", "history", "reload", "web"}) | _MAKING | _ACTING | _LISTING
"""Commands that need the locks, owners and modes of Unix."""


class _LazyCommand(TyperCommand):
    """A command in the list, whose module is loaded when its arguments are parsed."""

    def __init__(self, name: str, module: str, function: str, sentence: str) -> None:
        super().__init__(name=name, help=sentence, rich_markup_mode=None)
        self._module, self._function = module, function

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - the list of commands is wrapped, not cut
        return (self.help or "").partition("\n\n")[0]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        if sys.platform == "win32" and self.name in ON_THE_BOX:
            stop(wording.BOX_ELSEWHERE)
        return self.load().make_context(info_name, args, parent=parent, **extra)

    def load(self) -> Any:
        """Import the command's module and return the command with its options and arguments."""
        only = typer.Typer(add_completion=False, rich_markup_mode=None)
        function = getattr(import_module(f"{__package__}.{self._module}"), self._function)
        only.command(self.name, help=self.help)(function)
        command = get_command(only)
        command.context_class = HelpContext
        return command


class _Commands(TyperGroup):
    context_class = HelpContext

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            end_row()
            raise


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error becomes a sentence, never a traceback."""
    app = all_commands()

    def command() -> object:
        for sentence in correct_environment(os.environ, tells_time=command_of(args) in TELL_TIME and not as_json):
            warn(sentence)
        # Standalone, Typer would print usage errors itself and break rows within words.
        return app.main(list(args), prog_name="sockatuh", standalone_mode=False)

    as_json = asks_json(args)
    has_passed_socket = "LISTEN_FDS" in os.environ  # `serve` takes it out
    code = guard(command, as_json=as_json)
    if has_passed_socket and code in PERMANENT:
        time.sleep(PAUSE)
    return code


def all_commands() -> TyperGroup:
    """Return the program as Typer knows it."""
    version = TyperOption(
        param_decls=["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
        help=wording.HELP_VERSION,
    )  # fmt: skip
    return _Commands(
        name="sockatuh",
        commands=[_LazyCommand(name, *entry) for name, entry in COMMANDS.items()],
        params=[version],
        help=wording.HELP,
        epilog=wording.HELP_EXIT_CODES,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _print_version(context: Any, option: Any, is_given: bool) -> None:  # noqa: ARG001 - Typer's signature
    if is_given and not context.resilient_parsing:
        from .init import version

        version()
        raise typer.Exit
