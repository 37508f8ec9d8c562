"""Windows, as far as it can be simulated: without Unix's modules, and with the platform reported as Windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cli.people import Person, Server
from kit.terminal import PATIENCE

from sockatuh.cli.app import ON_THE_BOX
from sockatuh.store import files

WINDOWS = """
import asyncio, getpass, multiprocessing, os, pathlib, platformdirs, socket, sqlite3, subprocess, sys, tempfile, types
import concurrent.futures, ctypes, prompt_toolkit.input.defaults, prompt_toolkit.output.defaults, typer.main
sys.modules["msvcrt"] = types.SimpleNamespace(LK_LOCK=1, LK_NBLCK=2, locking=lambda *_: None)
for name in ("fcntl", "termios", "pwd", "resource", "grp", "tty", "pty"):
    sys.modules[name] = None
for name in ("fchmod", "fchown", "chroot", "fork", "setuid", "geteuid", "getuid", "O_NOFOLLOW", "O_NONBLOCK"):
    delattr(os, name)
sys.platform = "win32"
asyncio.SelectorEventLoop.add_signal_handler = lambda *_: (_ for _ in ()).throw(NotImplementedError)
"""
RUN = "from sockatuh.cli import main\nmain()"
RUN_EACH = """
from sockatuh.cli.app import run
sys.exit(sum(run([command]) for command in sys.argv[1:]))
"""
DEAF = """
# Ctrl-C ends no waiting for sockets there: here another thread takes the signal.
import signal, threading
def interrupt():
    import time
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
from sockatuh.cli import event_loop
async def quiet():
    threading.Thread(target=interrupt, daemon=True).start()
    await asyncio.Event().wait()
try:
    event_loop.run(quiet)
except KeyboardInterrupt:
    sys.exit(130)
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows is simulated on what is not Windows")


def on_windows(*arguments: str, program: str = RUN, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS + program, *arguments],
        capture_output=True,
        env=environ or {name: value for name, value in os.environ.items() if not name.startswith("SOCKATUH_")},
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_serving_on_windows_is_refused_in_one_sentence() -> None:
    said = "The server needs Linux or macOS; on Windows use chat, send, tail and who.\n"
    assert on_windows(*sorted(ON_THE_BOX), program=RUN_EACH) == (len(ON_THE_BOX), "", said * len(ON_THE_BOX))


@pytest.mark.slow  # three interpreters start
def test_a_client_can_join_send_and_list_members(server: Server, person: Person) -> None:
    wira = person("wira", server)
    for command in (["send", "soup at one"], ["who"], ["identity", "show"]):
        code, out, err = on_windows(*command, environ=wira.environ)
        assert (code, "bug" in err) == (0, False), (command, out, err)
    command = [sys.executable, "-c", WINDOWS + RUN, "tail", "-n", "1", "--json"]
    with subprocess.Popen(command, env=wira.environ, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        watchdog = threading.Timer(PATIENCE, tail.kill)
        watchdog.start()
        assert any("soup at one" in line for line in tail.stdout)
        tail.send_signal(signal.SIGINT)
        assert tail.wait() == 130
        watchdog.cancel()


def test_redirected_output_is_utf_8(person: Person) -> None:
    wira = person("wira", PYTHONIOENCODING="cp1252:strict", PYTHONUTF8="0")
    program = "from sockatuh.cli import safe_output\nsafe_output.make_safe()\nprint('王さん — …')"
    assert on_windows(program=program, environ=wira.environ)[1] == "王さん — …\n"


@pytest.mark.slow
def test_ctrl_c_interrupts_an_idle_client() -> None:
    assert on_windows(program=DEAF)[0] == 130


def test_a_file_that_a_scanner_has_open_is_replaced_as_soon_as_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refusals = os.replace, [PermissionError(13, "it is open")] * 3

    def refuse_at_first(source: Path, target: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse_at_first)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(files, "sys", type("", (), {"platform": "win32"}))
    monkeypatch.setattr(files, "_open_itself", lambda path, flags: os.open(path, flags, 0o600))
    files.write_private(tmp_path / "names", b"new")
    assert (tmp_path / "names").read_bytes() == b"new"
