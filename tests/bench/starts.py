"""How soon a program is there: the server that is started, the script that says one line, the chat that shows the last.

Each is timed beside `python -c pass` in the same alternation, because what the interpreter itself takes is not ours.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import ours
from bench.crowd import Spoilt
from bench.feats import Feat
from bench.process import temporary

ALTERNATIONS: Final = 15
BARE: Final = (sys.executable, "-c", "pass")
TEXT: Final = "a line of history"


@dataclass(frozen=True, slots=True)
class Start:
    """One alternation: seconds of the interpreter alone, and what each took beyond that."""

    bare: float
    serve: float
    send: float
    chat: float


def starts(count: int, subjects: Mapping[str, Path | None], say: Callable[[str], None]) -> list[Feat]:
    """Start everything `count` times, of each checkout in turn; this one has no tree.

    Before that, all is started once: the first time, Python compiles the modules.
    """
    found: dict[str, list[Start]] = {name: [] for name in subjects}
    for tree in subjects.values():
        _alternate(tree)
    for number in range(count):
        for name in [*subjects][:: -1 if number % 2 else 1]:
            found[name].append(start := _alternate(subjects[name]))
            say(f"starts {name}: {start}")
    return [feat for name in subjects if found[name] for feat in _feats(name, subjects[name], found[name])]


def _feats(name: str, tree: Path | None, found: Sequence[Start]) -> list[Feat]:
    whose = "" if tree is None else f", {name}"
    bare = statistics.median(start.bare for start in found) * 1e3
    return [
        Feat(f"{what}{whose}", f"{_spread(times)} s beyond the {bare:.0f} ms of `python -c pass`", wanted)
        for what, times, wanted in (
            ("`serve` until it is ready", [start.serve for start in found], "0.6 s"),
            ("`send` to a known server", [start.send for start in found], "0.2 s"),
            ("`chat -n 1` until the line of history", [start.chat for start in found], "0.3 s"),
        )
    ]


def _spread(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.3f} ({min(times):.3f}–{max(times):.3f})"


def _alternate(tree: Path | None) -> Start:
    """Start each once, in a room of its own."""
    environ = ours.environ_of(tree)
    with temporary() as directory:
        bare = _seconds(BARE, environ, directory)
        began = time.monotonic()
        with ours.sockatuh(directory, sys.executable, tree=tree) as (_, port):
            serve = time.monotonic() - began
            environ |= {
                "SOCKATUH_CLIENT_DIR": str(directory / "client"),
                "SOCKATUH_PASSWORD": ours.PASSWORD,
                "SOCKATUH_NAME": "script",
                "SOCKATUH_TRUST": "accept-new",
            }
            program, server = [sys.executable, "-m", "sockatuh"], f"127.0.0.1:{port}"
            say = [*program, "send", "--server", server, TEXT]
            _seconds(say, environ, directory)  # makes its key and meets the server
            send = _seconds(say, environ, directory)
            chat = _seconds_until(TEXT, [*program, "chat", "-n", "1", server], environ, directory)
    return Start(bare, serve - bare, send - bare, chat - bare)


def _seconds(command: Sequence[str], environ: Mapping[str, str], directory: Path) -> float:
    """Run a command in a directory without modules, as Python prefers those it finds there; return the seconds."""
    began = time.monotonic()
    subprocess.run(command, check=True, env=environ, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _seconds_until(text: str, command: Sequence[str], environ: Mapping[str, str], directory: Path) -> float:
    """Return the seconds until a line with a text comes from a program; Spoilt if it does not."""
    began = time.monotonic()
    with subprocess.Popen(
        command, env=environ, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if text in line:
                seconds = time.monotonic() - began
                process.stdout.read()
                return seconds
    raise Spoilt(f"{' '.join(command[2:4])} ended without the line")
