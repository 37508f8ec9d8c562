"""Signals that tests send: under nohup or in the background some are ignored, and child processes inherit that."""

from __future__ import annotations

import signal


def heed_signals() -> None:
    """Let this process, and those it starts, be ended by Ctrl-C, Ctrl-\\ and a terminal that closes."""
    for name, handler in (
        ("SIGINT", signal.default_int_handler),
        ("SIGQUIT", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
