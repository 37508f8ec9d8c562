"""The command `reload`: a running room takes its settings again, and says what it took."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from sockatuh.cli.control import OrderRefused, SocketOption, ask, print_lines
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.cli.rows import NOTE_INDENT, print_wrapped
from sockatuh.cli.service_files import CREDENTIAL, at
from sockatuh.cli.which_room import choose_room, is_root
from sockatuh.errors import Problem
from sockatuh.room import orders
from sockatuh.room.text import clean_line
from sockatuh.server import box_report
from sockatuh.wording import admin
from sockatuh.wording import control as wording

from .arguments import login
from .caller import Caller
from .denials import why_not

RENEWED: Final = "run/sockatuh"
"""Where the service looks for its credential before it takes systemd's, which is never renewed (see the unit)."""
MAX_CREDENTIAL: Final = 4_096
PATIENCE: Final = 40.0
"""Seconds; a small machine, which may be pruning, takes some for it."""
_PROBLEM: Final = re.compile(r"([\w.]+|/\S+) \((.+?)\): (.+)")


def reload(socket: SocketOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Have the server read its settings again, without dropping anybody."""
    if socket is None and is_root():
        _renew_credential(config)
    request = box_report.Reload(as_=login())
    try:
        answer = ask(request, socket, config, patience=PATIENCE)
    except OrderRefused as refused:
        sentence = _why_not(refused.denied, request, Caller.of(socket, config))
        raise OrderRefused(refused.denied, sentence, refused.line) from None
    if as_json:
        print_lines(answer)
    elif isinstance(answer.done, box_report.Reloaded):
        print_wrapped(_in_words(answer.done), NOTE_INDENT)


def _in_words(done: box_report.Reloaded) -> list[str]:
    taken, restart = (tuple(map(clean_line, names)) for names in (done.taken, done.restart))
    told = [wording.taken(taken) if taken else wording.NOTHING_CHANGED]
    return told + ([wording.restart_needed(restart)] if restart else [])


def _why_not(denied: orders.OrderDenied, request: box_report.Reload, caller: Caller) -> str:
    if denied.code == "unfinished":
        return wording.RELOAD_UNFINISHED
    if denied.code != "configuration_refused":
        return why_not(denied, request, caller)
    found = [_PROBLEM.fullmatch(clean_line(each)) for each in denied.problems]
    problems = [Problem(*match.groups()) for match in found if match is not None]
    others = [clean_line(text) for text, match in zip(denied.problems, found, strict=True) if match is None]
    told = [admin.bad_configuration(problems)] if problems else []
    return "\n".join([*told, *map(wording.settings_unreadable, others), wording.NOTHING_WAS_CHANGED])


def _renew_credential(config: Path | None) -> None:
    """Do what `systemctl reload` does first: put a new copy of the password's hash where the service finds it.

    Root only reads the file; what is done in the service's own directory is done as the service's user.
    """
    service, original, directory = choose_room(config).service, at(CREDENTIAL), at(RENEWED)
    if service is None or not service.is_active or not original.is_file() or not directory.is_dir():
        return
    from sockatuh.store.as_owner import as_owner
    from sockatuh.store.files import read_private, write_private

    data = read_private(original)[:MAX_CREDENTIAL]

    def put(place: Path, _: Any) -> None:
        write_private(place / original.name, data)

    as_owner(directory, put, apart=True)
