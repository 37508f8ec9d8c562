"""Every command with every kind of standard streams, from the first line of the program to the interpreter's end.

One process imports the program; each case is a child of it that ends as a program does, by `sys.exit`.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.people import Client, Server
from kit.programs import SOCKATUH
from kit.terminal import PATIENCE

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="it has no fork and no /dev/full"),
    pytest.mark.slow,  # forty interpreters start and end
]

MOTHER = """
import gc, json, os, sys
from importlib import import_module
import sockatuh.cli
from sockatuh.cli.app import COMMANDS
for module, *_ in COMMANDS.values():
    import_module("sockatuh.cli." + module)
cases, results = json.load(open(sys.argv[1])), []
gc.collect()
gc.freeze()
os.chdir(sys.argv[2])

def be(number, case, name, mode):
    kind = case["streams"].get(name, "file" if number else "null")
    stream = None
    if kind == "closed":
        os.close(number)
    else:
        path = {"file": f"{index}.{name}", "null": os.devnull, "full": "/dev/full"}.get(kind)
        if kind == "gone":
            out, opened = os.pipe()
            os.close(out)
        elif kind == "text":
            opened, into = os.pipe()
            os.write(into, case["text"].encode())
            os.close(into)
        else:
            opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
        stream = open(number, mode, encoding=case.get("encoding", "utf-8"), errors="strict")
    setattr(sys, name, stream)
    setattr(sys, "__" + name + "__", stream)

for index, case in enumerate(cases):
    if not (child := os.fork()):
        for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
            be(number, case, name, mode)
        sys.argv = ["sockatuh", *case["args"]]
        sockatuh.cli.main()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kept = [f"{index}.{name}" for name in ("stdout", "stderr")]
    printed = [open(name, encoding=case.get("encoding")).read() if os.path.exists(name) else "" for name in kept]
    results.append([code, *printed])
json.dump(results, sys.stdout)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended; what it printed, where that could be kept."""

    code: int
    out: str
    err: str


STATES: Mapping[str, Mapping[str, str]] = {
    "stdout closed": {"stdout": "closed"},
    "stdout full": {"stdout": "full"},
    "stdout gone": {"stdout": "gone"},
    "stderr closed": {"stderr": "closed"},
    "all closed": {"stdin": "closed", "stdout": "closed", "stderr": "closed"},
    "outputs full": {"stdout": "full", "stderr": "full"},
    "outputs gone": {"stdin": "closed", "stdout": "gone", "stderr": "gone"},
}
UNPRINTABLE = ("stdout full", "outputs gone", "all closed")
SILENT = ("outputs full", "all closed")
"""Where reading commands, and commands that go wrong, are tried here; `scripts/prove --only streams` tries all."""
HISTORY = ("history", "--config", "room.toml", "-n", "1")
READING = (("version",), ("--help",), ("identity", "show", "--json"), ("who",), HISTORY)
WRONG = {
    ("--nonsense",): 2,
    ("send", "--timeout", "x", "hello"): 2,
    ("check", "--config", "none"): 8,
    ("identity", "forget", "nowhere"): 1,
    ("who", "--json", "a host"): 2,
}
LOST = "The output could not be written to stdout: No space left on device.\n"


def cases() -> Iterator[tuple[str, tuple[str, ...], Mapping[str, object]]]:
    """Yield (name of the state, command, case)."""
    said = {"text": "two\nlines\n"}
    for encoding in ("ascii", "latin-1"):
        yield encoding, HISTORY, {"args": HISTORY, "streams": {}, "encoding": encoding}
    for commands, states in ((READING, UNPRINTABLE), (tuple(WRONG), SILENT)):
        for state, args in itertools.product(states, commands):
            yield state, args, {"args": args, "streams": STATES[state]}
    for state, streams in STATES.items():
        spoken = {"stdin": "text", **streams}
        words = ("send", "--json", "hello") if spoken["stdin"] == "closed" else ("send", "--json", "-")
        yield state, ("send",), {"args": words, "streams": spoken, **said}
    for state in ("stdout closed", "stdout full", "stdout gone"):
        yield state, ("chat",), {"args": ["chat"], "streams": {"stdin": "text", **STATES[state]}, **said}


@pytest.fixture(scope="module", name="done")
def _done(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, tuple[str, ...]], Done]:
    """Run them all, each in a process of its own."""
    place = tmp_path_factory.mktemp("streams")
    ana = Client(place / "ana-of-the-streams", server)
    assert ana.call("send", "naïve ✓ 茶").returncode == 0
    (place / "room.toml").write_text(server.config.read_text())
    every = list(cases())
    (place / "cases.json").write_text(json.dumps([case for _, _, case in every]))
    done = subprocess.run(
        [sys.executable, "-c", MOTHER, str(place / "cases.json"), str(place)],
        env=ana.environ, capture_output=True, text=True, check=False, timeout=8 * PATIENCE,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    results = [Done(*result) for result in json.loads(done.stdout)]
    return {(state, args): each for (state, args, _), each in zip(every, results, strict=True)}


Results = Mapping[tuple[str, tuple[str, ...]], Done]


@pytest.mark.parametrize("state", STATES)
def test_a_stored_line_is_a_success_with_any_standard_streams(done: Results, state: str) -> None:
    each = done[state, ("send",)]
    assert each.code == 0
    assert each.err == "" or (state == "stdout full" and re.match(r"Stored as \d+; .* No space left", each.err))


@pytest.mark.parametrize("args", READING, ids=" ".join)
@pytest.mark.parametrize("state", UNPRINTABLE)
def test_lost_output_is_reported_unless_unwanted(done: Results, state: str, args: tuple[str, ...]) -> None:
    each = done[state, args]
    assert each.code == (state == "stdout full")
    assert each.err == (LOST if state == "stdout full" else "")


@pytest.mark.parametrize("args", WRONG, ids=" ".join)
@pytest.mark.parametrize("state", SILENT)
def test_errors_keep_their_exit_code_without_streams(done: Results, state: str, args: tuple[str, ...]) -> None:
    assert done[state, args].code == WRONG[args]


@pytest.mark.parametrize(
    ("state", "code", "printed"), [("stdout closed", 0, ""), ("stdout full", 1, LOST), ("stdout gone", 0, "")]
)
def test_a_pipe_through_chat_ends_with_its_output(done: Results, state: str, code: int, printed: str) -> None:
    each = done[state, ("chat",)]
    assert each.code in (code, 3)
    assert each.err.endswith(printed)
    assert "bug" not in each.err + each.out


def test_unencodable_characters_are_escaped(done: Results) -> None:
    assert "na\\xefve ok \\u8336" in done["ascii", HISTORY].out
    assert "naïve ok \\u8336" in done["latin-1", HISTORY].out
    assert done["ascii", HISTORY].code == 0


def test_a_room_is_served_with_no_stream_at_all(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "room.toml"
    config.write_text(server.config.read_text().replace(str(server.config.parent), str(tmp_path / "state")))
    command = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *SOCKATUH, "serve", "--config", str(config), "--port", "0"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE)
        manager.bind(str(tmp_path / "notify"))
        environ["NOTIFY_SOCKET"] = manager.getsockname()
        with subprocess.Popen(command, env=environ) as process:
            try:
                while not manager.recv(1000).startswith(b"READY=1"):
                    pass
                if sys.platform == "linux":
                    descriptors = [Path(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
                    assert [str(each.readlink()) for each in descriptors] == ["/dev/null"] * 3
            finally:
                process.terminate()
    assert process.returncode == 0


@pytest.mark.parametrize(("redirected", "code"), [("<&- >&- 2>&-", 0), (">/dev/full 2>/dev/full", 1)])
def test_a_separate_process_behaves_the_same(redirected: str, code: int) -> None:
    done = subprocess.run(["sh", "-c", f'"$0" "$@" {redirected}', *SOCKATUH, "version"], check=False)
    assert done.returncode == code
