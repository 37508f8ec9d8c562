"""Every sentence that is printed for people, in the language that this process speaks.

There is one package per language, all with the same modules, names and signatures (docs/TRANSLATING.md):

* `admin`: about running a room, and about errors;
* `client`: about being in a room;
* `install`, `check`, `backup`, `doctor`: about the commands of these names.

`from sockatuh.wording import client` is that module in the language chosen from the environment when this module is
imported; for type checkers it is English. The packages themselves never import this module, so several languages can
be loaded side by side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .en import HELP_JSON, HELP_PASSWORD_FILE, NO_ANSWER_GIVEN, admin, backup, check, client, doctor, install
else:
    _chosen = import_module(".en", __name__)

    def __getattr__(name: str) -> object:
        """Return a module or a sentence of the chosen language, loaded on first use."""
        if name in _MODULES:
            return import_module(f".{name}", _chosen.__name__)
        return getattr(_chosen, name)

    _MODULES = frozenset({"admin", "backup", "check", "client", "doctor", "install"})

__all__ = [
    "HELP_JSON",
    "HELP_PASSWORD_FILE",
    "NO_ANSWER_GIVEN",
    "admin",
    "backup",
    "check",
    "client",
    "doctor",
    "install",
]
