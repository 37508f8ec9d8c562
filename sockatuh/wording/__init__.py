"""Every sentence that is printed for people, in the language that this process speaks.

There is one package per language, all with the same modules, names and signatures (docs/TRANSLATING.md):

* `admin`: about running a room, and about errors;
* `client`: about being in a room;
* `commands`: about the commands that are typed in a chat;
* `control`: about the server's control socket;
* `orders`: about the commands with which an admin acts on a running room;
* `attendance`: about the picture and the timeline of `history`;
* `install`, `check`, `backup`, `doctor`, `identity`: about the commands of these names;
* `page`: the page for browsers; the gateway reads it in the language of each browser;
* `status`: about how a running room is, for people and for monitoring;
* `reasons`: why something failed, as the packages below say it;
* `usage`: the words of help pages and usage errors;
* `web`: about the web door.

`from sockatuh.wording import client` is that module in the language chosen from the environment when this module is
imported; for type checkers it is English. The packages themselves never import this module, so several languages can
be loaded side by side.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

VARIABLE: Final = "SOCKATUH_LANG"
"""The variable that names the language; without it the locale does."""
FOR_PROGRAMS: Final = "_SOCKATUH_FOR_PROGRAMS"
"""Set by `cli.language` within a process that speaks to programs, and so in English whatever a person asks for."""
LANGUAGES: Final = {
    # the package: the codes that stand for it in the variable and in the names of locales
    "en": ("en", "c", "posix"),
    "id": ("id", "in"),
}
_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_CODE: Final = re.compile(r"([A-Za-z]+)(?:[_.@-].*)?", re.ASCII | re.DOTALL)


def find_language(name: str) -> str | None:
    """Return the package for a language or locale such as `id` or `id_ID.UTF-8`, None if there is none."""
    code = found[1].lower() if (found := _CODE.fullmatch(name)) else ""
    return next((package for package, codes in LANGUAGES.items() if code in codes), None)


def choose_language(environ: Mapping[str, str]) -> str:
    """Return the package that an environment asks for; English if it asks for a language that we do not have."""
    asked = next(filter(None, map(environ.get, (VARIABLE, *_LOCALE))), "en")
    return find_language(asked) or "en"


def find_unknown(environ: Mapping[str, str]) -> str | None:
    """Return what our variable asks for if that is no language we have."""
    asked = environ.get(VARIABLE, "")
    return asked if asked and find_language(asked) is None else None


if TYPE_CHECKING:
    from .en import (
        HELP_JSON,
        HELP_PASSWORD_FILE,
        NO_ANSWER_GIVEN,
        admin,
        attendance,
        backup,
        check,
        client,
        commands,
        control,
        doctor,
        identity,
        install,
        orders,
        reasons,
        status,
        usage,
        web,
    )
else:
    _spoken = "en" if FOR_PROGRAMS in os.environ else choose_language(os.environ)
    _chosen = import_module(f".{_spoken}", __name__)
    _MODULES = frozenset(
        (
            "admin",
            "attendance",
            "backup",
            "check",
            "client",
            "commands",
            "control",
            "doctor",
            "identity",
            "install",
            "orders",
            "reasons",
            "status",
            "usage",
            "web",
        )
    )

    def __getattr__(name: str) -> object:
        """Return a module or a sentence of the chosen language, loaded on first use."""
        if name in _MODULES:
            return import_module(f".{name}", _chosen.__name__)
        return getattr(_chosen, name)


__all__ = [
    "FOR_PROGRAMS",
    "HELP_JSON",
    "HELP_PASSWORD_FILE",
    "LANGUAGES",
    "NO_ANSWER_GIVEN",
    "VARIABLE",
    "admin",
    "attendance",
    "backup",
    "check",
    "choose_language",
    "client",
    "commands",
    "control",
    "doctor",
    "find_language",
    "find_unknown",
    "identity",
    "install",
    "orders",
    "reasons",
    "status",
    "usage",
    "web",
]
