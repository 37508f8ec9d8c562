"""Questions to a person at a terminal, and the signals that end them; those of joining are in test_entrance.py."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import bcrypt
import pytest
from kit.programs import SOCKATUH
from kit.terminal import PATIENCE, Terminal

from sockatuh.cli import questions
from sockatuh.cli.event_loop import StoppedAtQuestion
from sockatuh.cli.questions import ask


@pytest.fixture(name="was_left_open")
def _was_left_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Answer no question; tell whether one was ended by nothing but the end of stdin, which comes after a while."""
    left_open = threading.Event()
    out, into = os.pipe()
    with open(out) as stdin, open(into, "w") as answers:

        def give_up() -> None:
            left_open.set()
            answers.close()

        monkeypatch.setattr(sys, "stdin", stdin)
        giving_up = threading.Timer(PATIENCE, give_up)
        giving_up.start()
        yield left_open
        giving_up.cancel()
        giving_up.join()


def once_asked(then: Callable[[], None]) -> Callable[[], None]:
    """Return what waits in another thread until this one reads an answer, and then does something."""
    asking = threading.get_ident()

    def wait() -> None:
        until = time.monotonic() + PATIENCE
        while sys._current_frames()[asking].f_code is not questions._read_line.__code__:
            assert time.monotonic() < until, "never asked"
        then()

    return wait


def test_a_signal_that_comes_just_before_the_read_ends_the_question(was_left_open: threading.Event) -> None:
    def interrupt() -> None:
        # A signal that another thread takes interrupts no system call of the main thread either.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        interrupted = pool.submit(once_asked(interrupt))
        with pytest.raises(KeyboardInterrupt):
            ask("Well? ")
        interrupted.result()
    assert not was_left_open.is_set()


@pytest.mark.usefixtures("was_left_open")
def test_the_event_loop_is_told_of_a_signal_that_ended_a_question_and_of_those_after_it() -> None:
    async def ask_in_a_loop() -> None:
        loop, told = asyncio.get_running_loop(), [asyncio.Event() for _ in range(2)]
        for number, event in zip((signal.SIGTERM, signal.SIGUSR1), told, strict=True):
            loop.add_signal_handler(number, event.set)
        with ThreadPoolExecutor(1) as pool:
            terminated = pool.submit(once_asked(lambda: os.kill(os.getpid(), signal.SIGTERM)))
            with pytest.raises(StoppedAtQuestion):
                ask("Well? ")
            terminated.result()
        signal.raise_signal(signal.SIGUSR1)
        async with asyncio.timeout(PATIENCE):
            for event in told:
                await event.wait()

    asyncio.run(ask_in_a_loop())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_at_a_question_outside_the_room_gives_the_echo_back(number: signal.Signals) -> None:
    with closing(Terminal(["hash-password"], os.environ)) as terminal:
        terminal.wait_for("Room password:")
        assert not terminal.echoes
        terminal.signal(number)
        assert terminal.end() == (130 if number is signal.SIGINT else -number)
        assert terminal.echoed_at_the_end


@pytest.mark.usefixtures("was_left_open")
def test_a_signal_that_ends_nothing_is_the_exit_code_of_the_question() -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # as for the first process of a container
    try:
        with ThreadPoolExecutor(1) as pool:
            terminated = pool.submit(once_asked(lambda: os.kill(os.getpid(), signal.SIGTERM)))
            with pytest.raises(SystemExit) as caught:
                ask("Well? ")
            terminated.result()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught.value.code == 143


def test_two_signals_at_once_give_the_echo_back() -> None:
    with closing(Terminal(["hash-password"], os.environ)) as terminal:
        terminal.wait_for("Room password:")
        terminal.signal(signal.SIGINT)
        terminal.signal(signal.SIGTERM)
        assert terminal.end() in (130, -signal.SIGTERM)
        assert terminal.echoed_at_the_end


def test_what_was_typed_ahead_answers_no_question_on_a_terminal_without_lines_either() -> None:
    command = ["sh", "-c", 'stty -icanon; exec "$@"', "sh", *SOCKATUH]
    with closing(Terminal(["hash-password"], os.environ, command=command)) as terminal:
        terminal.wait_for("Room password:")
        terminal.type("tulip-harbor\nsomething else\n")
        terminal.answer("Again:", "tulip-harbor\n")
        assert terminal.end() == 0, terminal.text


def test_a_password_has_the_encoding_of_the_terminal_and_not_of_the_streams() -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1", "LC_ALL": "C.UTF-8"}
    with closing(Terminal(["hash-password"], environ, command=SOCKATUH)) as terminal:
        for question in ("Room password:", "Again:"):
            terminal.answer(question, "tulip-hárbor")
        assert terminal.end() == 0
        assert bcrypt.checkpw("tulip-hárbor".encode(), terminal.lines[-1].encode())


SHELL = """
import os, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
usual = termios.tcgetattr(0)

def job(*, foreground):
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    if foreground:
        os.tcsetpgrp(0, os.getpid())
    if "deaf" not in sys.argv:
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    else:
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    os.execvp(sys.executable, [sys.executable, "-m", "sockatuh", "hash-password"])

def is_stopped(child):
    return os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
"""
FOREGROUND = """
editing = [usual[0] & ~termios.ICRNL, *usual[1:]]  # as the shell has it to read the next command
termios.tcsetattr(0, termios.TCSANOW, editing)
child = job(foreground=False)
assert is_stopped(child)
termios.tcsetattr(0, termios.TCSANOW, usual)
os.tcsetpgrp(0, child)
os.kill(child, signal.SIGCONT)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
os.tcsetpgrp(0, os.getpid())
assert termios.tcgetattr(0) == usual
"""
KILL_STOPPED = """
child = job(foreground=True)
assert is_stopped(child)
os.tcsetpgrp(0, os.getpid())
assert termios.tcgetattr(0) == usual
os.kill(child, signal.SIGTERM)
os.kill(child, signal.SIGCONT)
assert os.waitstatus_to_exitcode(os.waitpid(child, os.WUNTRACED)[1]) == -signal.SIGTERM
"""
NEVER_CONTINUED = """
child = job(foreground=False)
assert os.waitstatus_to_exitcode(os.waitpid(child, os.WUNTRACED)[1]) == 1
assert termios.tcgetattr(0) == usual
"""


def shell(script: str, *args: str) -> Terminal:
    """Run a script that starts `hash-password` as a shell starts a job."""
    return Terminal(args, os.environ, command=[sys.executable, "-c", SHELL + script])


def test_a_question_of_a_job_in_the_background_waits_until_the_terminal_is_its_own() -> None:
    with closing(shell(FOREGROUND)) as terminal:
        terminal.wait_for("Room password:")
        terminal.type("\x04")
        assert terminal.end() == 0, terminal.text


def test_a_question_that_was_stopped_can_be_ended() -> None:
    with closing(shell(KILL_STOPPED)) as terminal:
        terminal.wait_for("Room password:")
        terminal.type("\x1a")
        assert terminal.end() == 0, terminal.text


def test_a_job_that_nothing_stops_takes_no_terminal_of_others() -> None:
    with closing(shell(NEVER_CONTINUED, "deaf")) as terminal:
        assert terminal.end() == 0, terminal.text
    assert "stdin: Input/output error." in terminal.text
