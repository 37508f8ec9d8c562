"""A process that has imported SockAtuh once and forks: each fork runs one command line, as a new interpreter would.

A new interpreter spends 0.2 to 0.5 s of processor on imports, and the tests start hundreds; a fork takes 10 ms. It has
its own streams, environment, session and terminal. It joins its threads at the end, but does not take the interpreter
apart, which would copy all of this process's memory. Tests of what a start imports, or of how the interpreter ends,
execute a command instead.

For every program it receives one byte and four descriptors: a control socket, stdin, stdout and stderr. The control
socket carries a request in JSON; back come the process id and, when the program has ended, its exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import termios
import threading
import time
import traceback
from typing import Any


def main() -> None:
    """Serve the socket whose descriptor is the first argument, until its other end is closed."""
    _import_all()
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    controls: dict[int, socket.socket] = {}
    while True:
        readable, _, _ = select.select([requests, ended], [], [])
        if ended in readable:
            ended.recv(1_000)
            _report(controls)
        if requests in readable:
            data, descriptors, _, _ = socket.recv_fds(requests, 1, 4)
            if not data:
                return
            if not (pid := os.fork()):
                break
            control, *streams = descriptors
            for descriptor in streams:
                os.close(descriptor)
            controls[pid] = socket.socket(fileno=control)
            with contextlib.suppress(OSError):  # whoever asked may be gone by now
                controls[pid].sendall(b"%d\n" % pid)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for sock in (requests, ended, wake, *controls.values()):
        sock.close()
    _become_program(*descriptors)


def _report(controls: dict[int, socket.socket]) -> None:
    """Tell how the programs that have ended did so."""
    while controls:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with controls.pop(pid) as control, contextlib.suppress(OSError):
            control.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _import_all() -> None:
    import sockatuh

    for module in pkgutil.walk_packages(sockatuh.__path__, "sockatuh."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _become_program(control: int, *streams: int) -> None:
    """Take over the streams and what else is asked for, run the command line, and end."""
    with socket.socket(fileno=control) as sock:
        request: dict[str, Any] = json.loads(b"".join(iter(lambda: sock.recv(65_536), b"")))
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    if command := request["command"]:
        os.execvpe(command[0], [*command, *request["args"]], request["environ"])  # noqa: S606 (that is the point)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        errors = "backslashreplace" if name == "stderr" else "surrogateescape"
        mode = "w" if number else "r"
        stream = open(  # noqa: SIM115 (it is there as long as the program)
            number, mode, 1 if name == "stderr" else -1, encoding="utf-8", errors=errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["sockatuh", *request["args"]]
    from sockatuh.cli import main

    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does at its end: it joins what still runs
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
