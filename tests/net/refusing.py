"""A system that refuses some of its calls: a seccomp(2) filter on one thread, which ends with it."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

NUMBERS: Final = {
    "x86_64": {"sendmsg": 46, "recvmsg": 47, "sendmmsg": 307},
    "aarch64": {"sendmsg": 211, "recvmsg": 212, "sendmmsg": 269},
}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD_NUMBER, EQUALS, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000


def where_refused(call: Callable[[], T], *names: str, error: int = errno.EPERM) -> T:
    """Return what a call returns in a thread in which the system refuses the calls of these names."""
    if sys.platform != "linux" or platform.machine() not in NUMBERS:
        pytest.skip("no filter of system calls is known for this machine")
    outcome: list[T | BaseException] = []

    def run() -> None:
        try:
            _refuse([NUMBERS[platform.machine()][name] for name in names], error)
            outcome.append(call())
        except BaseException as failure:
            outcome.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _refuse(numbers: list[int], error: int) -> None:
    rules = [(EQUALS, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    program = [(LOAD_NUMBER, 0, 0, 0), *rules, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERRNO | error)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    filtered = struct.pack("@HP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, filtered, 0, 0)):
        if libc.prctl(*words):
            pytest.skip(f"no filter of system calls here: {os.strerror(ctypes.get_errno())}")
