"""Count the functions and files that one line runs through, from the key press to another member's screen.

`PYTHONPATH=tests python -m bench.way [TREE]` starts a server and two chats in terminals, from this tree or another, and
counts what each of the three processes calls of the package while one line travels (comprehensions do not count).
`-v` lists the functions.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import bcrypt
import pexpect

PASSWORD: Final = "tulip-harbor"
PATIENCE: Final = 60.0
TRAILING_SECONDS: Final = 0.3
"""Time for acknowledgements that follow the line."""

COUNTING: Final = """
import json, os, signal, sys, threading
calls, counts = set(), []
def count(frame, event, _):
    if counts and event == "call" and "/sockatuh/" in frame.f_code.co_filename and frame.f_code.co_name[0] != "<":
        calls.add((frame.f_code.co_filename.split("/sockatuh/", 1)[1], frame.f_code.co_qualname))
def write(*_):
    counts.clear()
    with open(os.environ["COUNTS"] + ".part", "w") as file:
        json.dump(sorted(calls), file)
    os.rename(os.environ["COUNTS"] + ".part", os.environ["COUNTS"])
signal.signal(signal.SIGUSR1, lambda *_: counts.append(1))
signal.signal(signal.SIGUSR2, write)
threading.setprofile(count)
sys.setprofile(count)
from sockatuh.cli import main
main()
"""


def main() -> None:
    """Run the experiment and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("-v", action="store_true", dest="lists", help="list the functions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        counted = count_one_line(options.tree.resolve(), Path(directory))
    for process, calls in counted.items():
        print(f"{process}: {len({file for file, _ in calls})} files, {len(calls)} functions")
    every = {call for calls in counted.values() for call in calls}
    print(f"all: {len({file for file, _ in every})} files, {len(every)} functions")
    if options.lists:
        print("\n".join(f"{file}  {name}" for file, name in sorted(every)))


def count_one_line(tree: Path, directory: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the functions each process called, as pairs of a file and a name."""
    password_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    (directory / "room").mkdir()
    (directory / "sockatuh.toml").write_text(
        f'room = "kitchen"\nhost = "127.0.0.1"\npassword_hash = "{password_hash}"\n'
        f'state_dir = "{directory / "room"}"\nport = 0\n'
    )
    server = _start(tree, directory, "server", "serve", "--config", str(directory / "sockatuh.toml"))
    server.expect(re.compile(r"sockatuh://127\.0\.0\.1:(\d+)/"))
    port = server.match[1]
    chats = [_start(tree, directory, name, "chat", "-n", "0", f"127.0.0.1:{port}") for name in ("ana", "budi")]
    processes = dict(zip(("server", "ana", "budi"), (server, *chats), strict=True))
    for chat in chats:
        chat.expect("you are here")
    time.sleep(1.0)  # until nothing is under way any more
    for process in processes.values():
        process.kill(signal.SIGUSR1)
    time.sleep(TRAILING_SECONDS)
    chats[0].send("hello\r")
    for chat in (chats[1], chats[0]):
        chat.expect(r"ana.{0,40}hello")
    time.sleep(TRAILING_SECONDS)
    for process in processes.values():
        process.kill(signal.SIGUSR2)
    counted = {name: _read(directory / f"{name}.json") for name in processes}
    for process in processes.values():
        with contextlib.suppress(pexpect.ExceptionPexpect):  # a busy machine takes its time to notice a kill
            process.close(force=True)
    return counted


def _start(tree: Path, directory: Path, name: str, *words: str) -> Any:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    if words[0] == "chat":
        environ |= {"SOCKATUH_NAME": name, "SOCKATUH_PASSWORD": PASSWORD, "SOCKATUH_TRUST": "accept-new"}
    environ |= {"SOCKATUH_CLIENT_DIR": str(directory / name), "COUNTS": str(directory / f"{name}.json")}
    program = tree / ".venv/bin/python" if (tree / ".venv/bin/python").exists() else Path(sys.executable)
    return pexpect.spawn(
        str(program), ["-c", COUNTING, *words], env=environ, cwd=str(tree), encoding="utf-8", timeout=PATIENCE
    )


def _read(path: Path) -> list[tuple[str, str]]:
    ends_at = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > ends_at:
            raise TimeoutError(path)
        time.sleep(0.05)
    return [(file, name) for file, name in json.loads(path.read_text("utf-8"))]


if __name__ == "__main__":
    main()
