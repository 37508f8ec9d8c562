"""Apply a changed configuration to a running room, without dropping anybody.

Each part applies its settings to whoever comes next; what a session was promised stays valid. Settings that were fixed
when the process started (its socket, its files, the room's name) are reported as needing a restart. A configuration
with a mistake changes nothing.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import msgspec

from sockatuh.errors import ConfigurationError
from sockatuh.log import Logger
from sockatuh.room.orders import OrderDenied
from sockatuh.room.text import clean_line

from .box_report import Reloaded, ReloadReply
from .build import Parts, classic_peers, room_limits, room_server_options
from .options import ServiceOptions

NEEDS_RESTART: Final = frozenset({"host", "port", "room", "state_dir", "synchronous", "log_format", "control"})


class ConfigChange(msgspec.Struct, frozen=True):
    """The options in force from now on, the names of those that changed, and of those that need a restart."""

    options: ServiceOptions
    taken: tuple[str, ...]
    left: tuple[str, ...]


def config_change(before: ServiceOptions, fresh: ServiceOptions) -> ConfigChange:
    """Compare the options in force with those just read."""
    differing = [name for name in _NAMES if getattr(before, name) != getattr(fresh, name)]
    left = [name for name in differing if name in NEEDS_RESTART]
    # Whether texts are written at all was decided when the log was opened.
    if "message_retention" in differing and not (before.message_retention and fresh.message_retention):
        left.append("message_retention")
    options = replace(fresh, **{name: getattr(before, name) for name in left})
    return ConfigChange(options, tuple(name for name in differing if name not in left), tuple(left))


def reply_to_reload(change: ConfigChange, fresh: ServiceOptions | Exception) -> ReloadReply:
    """Return what whoever ordered a reload is told."""
    if isinstance(fresh, Exception):
        problems = fresh.problems if isinstance(fresh, ConfigurationError) else [fresh]
        return OrderDenied(code="configuration_refused", problems=tuple(clean_line(str(each)) for each in problems))
    return Reloaded(taken=change.taken, restart=change.left)


class Reloader:
    """Passes a new configuration to the parts of a running server; each reload returns a sentence about it."""

    def __init__(self, parts: Parts, log: Logger) -> None:
        self._parts, self._log = parts, log

    def reload(self, before: ServiceOptions, fresh: ServiceOptions | Exception) -> tuple[ConfigChange, str]:
        """Apply what has changed, unless it could not be read; return that, and a sentence for the service manager."""
        if isinstance(fresh, Exception):
            problems = "; ".join(map(str, fresh.problems)) if isinstance(fresh, ConfigurationError) else str(fresh)
            self._log.warning("configuration_refused", problems=problems, consequence="nothing was changed")
            return ConfigChange(before, (), ()), f"Configuration not taken: {problems}"
        change = config_change(before, fresh)
        self._tell(change.options)
        said = ["configuration reloaded"]
        if "password_hash" in change.taken:
            said.append(self._replace_password(change.options.password_hash))
        self._log.info("configuration_reloaded", changed=", ".join(change.taken) or "nothing")
        if change.left:
            self._log.warning("restart_needed", settings=", ".join(change.left))
            said.append(f"needs a restart: {', '.join(change.left)}")
        return change, "; ".join(said)

    def _tell(self, options: ServiceOptions) -> None:
        parts = self._parts
        parts.core.discoverable = options.discoverable
        parts.endpoint.nodes = options.nodes
        parts.secure.replace_rules(options.limits, options.history_on_join)
        parts.room.replace_limits(room_limits(options))
        parts.room_server.replace_options(room_server_options(options))
        parts.classic.replace_rules(
            enabled=options.classic, networks=options.classic_networks, max_peers=classic_peers(options)
        )

    def _replace_password(self, password_hash: str) -> str:
        self._parts.secure.replace_password(password_hash)
        self._parts.desk.forget_password()
        staying = self._parts.room.in_contact
        self._log.info("password_changed", members_staying=staying, tickets="void")
        return f"password changed: {staying} {'member stays' if staying == 1 else 'members stay'}, tickets are void"


_NAMES: Final = tuple(each.name for each in fields(ServiceOptions))
