"""Hostile names of files, hosts and options, a hostile configuration and a hostile invite, on an admin's terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cli.people import Client
from e2e.running import PASSWORD, hash_password
from hostile import COCKTAIL, lies_in
from kit.programs import SOCKATUH
from kit.terminal import Terminal
from prove.attack import Attack, Found, Run, require
from prove.shown import Watched
from prove.terminals import json_lines

EVIL: Final = COCKTAIL.replace("/", "")
ELSEWHERE: Final = "127.0.0.1:9"
AT_ONCE: Final = 4
"""Commands that run at the same time."""
KEY: Final = "A" * 43
SAID_ON_JSON: Final = (("history",), ("check",), ("send", "hello"), ("who",), ("identity",))


def hostile_papers(run: Run) -> Found:
    """Run each command with something hostile for each thing it may tell about."""
    configs = _write_configs(run.directory)
    missing, made = str(run.directory / f"missing{EVIL}"), str(run.directory / f"made{EVIL}")
    commands: list[tuple[list[str], Mapping[str, str]]] = [
        *(([command, "--config", path], {}) for command in ("check", "serve", "history") for path in configs),
        *((["check", "--show-origin", "--config", path], {}) for path in configs),
        (["check"], {"SOCKATUH_ROOM": EVIL, "SOCKATUH_HOST": EVIL, f"SOCKATUH_{EVIL}": EVIL}),
        (["history", "--config", missing], {}),
        (["history", "--since", EVIL], {}),
        (["history", "--name", EVIL, "--config", configs[-1]], {}),
        (["init", "--dir", made, "--non-interactive"], {}),
        (["init", "--dir", made, "--room", EVIL, "--non-interactive"], {}),
        (["backup", missing, "--config", configs[-1]], {}),
        (["restore", missing, "--config", configs[-1]], {}),
        (["install-service", "--config", missing, "--print"], {}),
        (["chat", EVIL], {}),
        (["chat", f"sockatuh://{quote(EVIL)}:1/kitchen#k={KEY}"], {}),
        (["send", "--server", f"sockatuh://{ELSEWHERE}/{quote(EVIL[:20])}#k={KEY}", EVIL, "--timeout", "0.3"], {}),
        (["send", "--server", "evil\x9b77mhost\u202e", "hello", "--timeout", "0.3"], {}),
        (["send", "--server", ELSEWHERE, "hello", "--password-file", missing], {}),
        (["send", f"-{EVIL}"], {}),
        (["send", f"--{EVIL}"], {}),
        (["send", EVIL, EVIL, EVIL], {}),
        (["tail", "-n", EVIL], {}),
        (["tail", "--since", EVIL], {}),
        (["who", "--trust", EVIL], {}),
        (["who"], {"SOCKATUH_SERVER": EVIL}),
        (["who"], {"SOCKATUH_CLIENT_DIR": missing}),
        (["identity"], {"SOCKATUH_CLIENT_DIR": missing}),
        (["identity", "forget", EVIL], {}),
        ([EVIL], {}),
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(_run, run.directory / f"{at}", *command) for at, command in enumerate(commands)]
        rows = sum(job.result() for job in jobs)
        objects = [pool.submit(_run_json, run.directory / f"json{at}", args) for at, args in enumerate(SAID_ON_JSON)]
        lines = sum(job.result() for job in objects)
    return Found(
        f"{len(commands)} commands, {rows} rows on a terminal, {lines} JSON lines",
        "0 escape sequences, control or format characters, 0 lines begun by a file's name, a setting or an argument",
    )


def _write_configs(directory: Path) -> list[str]:
    """Write configurations with something hostile in every place, the last of them in order; return their paths."""
    good = {"room": "kitchen", "host": "127.0.0.1", "port": 0, "password_hash": hash_password()}
    evil: list[dict[str, object]] = [
        {
            "room": EVIL,
            "host": EVIL,
            EVIL: EVIL,
            "log_format": EVIL,
            "classic_networks": EVIL,
            "message_retention": EVIL,
        },
        good | {"host": f"127.0.0.1{EVIL}"},
        good | {"host": EVIL, "state_dir": str(directory / EVIL)},
        good | {"state_dir": str(directory / f"state{EVIL}"), "port": 65_535, "host": "192.0.2.1"},
    ]
    paths = []
    for at, settings in enumerate(evil):
        path = directory / f"{at}{EVIL}.toml"
        path.write_text(
            "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in settings.items()), "utf-8"
        )
        paths.append(str(path))
    broken = directory / "broken.toml"
    broken.write_text(f"room = {EVIL}", "utf-8")
    return [str(broken), *paths]


def _run(directory: Path, args: list[str], environ: Mapping[str, str]) -> int:
    """Run a command on a terminal and look at what it wrote; return how many rows that were."""
    client = Client(directory, SOCKATUH_PASSWORD=PASSWORD, SOCKATUH_NAME="ana", command=SOCKATUH)
    client.environ |= environ
    what = f"{args[0]!r} {list(environ)!r}"
    try:
        watched = Watched(client.terminal(*args, columns=240), what)
        code = _end(watched.terminal)
    finally:
        client.close()
    watched.judge()
    lines = [line.strip() for line in watched.terminal.written.split("\r\n")]
    require("Traceback" not in watched.terminal.written, f"{what}: {watched.terminal.written[-300:]!r}")
    require(code in (0, 1, 2, 3, 4, 8), f"{what}: exit {code}")
    require(not lies_in(lines), f"{what}: {lies_in(lines)[:1]} begins a line")
    return len(lines)


def _end(terminal: Terminal) -> int:
    try:
        return terminal.end()
    except AssertionError:
        return -1


def _run_json(directory: Path, args: tuple[str, ...]) -> int:
    client = Client(directory, SOCKATUH_SERVER=ELSEWHERE, SOCKATUH_CONFIG=str(directory / EVIL), command=SOCKATUH)
    done = client.run(*args, "--json")
    return json_lines(" ".join(args), done.stdout)


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "hostile-papers",
        "Neither does a file name, a configuration, an invite or an argument that somebody else has written",
        "every command with hostile paths, options, hosts, variables, invites and configurations, on a terminal and as "
        "--json",
        hostile_papers,
    ),
)
