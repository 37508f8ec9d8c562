"""A disk of our own whose power can fail: ext4 in a file, mounted where nobody else sees it.

The attack's process moves into a mount namespace of its own before it mounts anything, so whatever ends its processes,
even `kill -9`, ends the mounts with them.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Final

from prove.attack import Missing

NEW_MOUNTS: Final = 0x0002_0000
SHUTDOWN: Final = 0x8004_587D
"""EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32)."""
WITHOUT_FLUSHING: Final = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: neither data nor journal reaches the disk any more."""
MEGABYTES: Final = 64
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
TRIES: Final = 50


class Disk:
    """An ext4 file system at `place`; to be made once in a process, before it has threads."""

    def __init__(self, image: Path, place: Path) -> None:
        self.place = place
        self._image = image
        self._boot_id = image.with_suffix(".boot")
        move_apart()
        place.mkdir(mode=0o700)
        with image.open("xb") as file:
            file.truncate(MEGABYTES << 20)
        call("mkfs.ext4", "-q", "-F", str(image))
        self._start_machine()
        call("mount", "--bind", str(self._boot_id), str(BOOT_ID))

    def mount(self) -> None:
        """Start the machine: what is on the disk is there, and the boot has a name of its own."""
        self._start_machine()
        call("mount", "-o", "loop", str(self._image), str(self.place))
        self.place.chmod(0o700)

    def lose_power(self) -> None:
        """Let nothing that is not on the disk get there any more; writes fail."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        except OSError as error:
            raise Missing(f"this kernel does not shut ext4 down ({error}): use Linux 4.14 or newer") from None
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Take the disk out, once nobody holds a file of it."""
        for _ in range(TRIES):
            if subprocess.run(["umount", str(self.place)], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.02)
        call("umount", str(self.place))

    def _start_machine(self) -> None:
        self._boot_id.write_text(f"{uuid.uuid4()}\n", "ascii")


def move_apart() -> None:
    """Move this process into a mount namespace of its own."""
    if not sys.platform.startswith("linux"):
        raise Missing("loop-mounted ext4 is Linux's; run it there")
    if os.geteuid() != 0:
        raise Missing("mounting a file takes root; run it with sudo")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS):
        raise Missing(f"a mount namespace is refused: {os.strerror(ctypes.get_errno())}; run it outside a container")
    call("mount", "--make-rprivate", "/")


def call(program: str, *arguments: str) -> None:
    if shutil.which(program) is None:
        raise Missing(f"there is no {program}: apt-get install e2fsprogs mount")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise Missing(f"`{program} {' '.join(arguments)}` is refused: {said}; run it as root outside a container")
