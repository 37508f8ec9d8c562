"""A Debian of our own, booted as a machine: systemd is its first process, a cable connects it with the attack.

The tree of a release is made once by debootstrap, as small as minimal images are (no libnss-systemd, no procps), and
kept in the user's cache directory, and so are the wheels the program needs there, because a machine of ours has no
network but the cable. A machine's own files lie over that tree in memory, in a mount namespace of the attack's process.
So whatever ends the attack, even `kill -9`, ends the machine and all that is in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prove.attack import Broken, Missing
from prove.lan import go_ashore, need, run_command

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "iproute2")
VARIANT: Final = "1"
"""Counts what the trees are made of: another number, and each is made anew."""
PYTHONS: Final = {"bookworm": "3.11", "trixie": "3.13"}
PLATFORMS: Final = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
BRIDGE: Final = "lan"
HERE: Final = "10.66.0.1"
ADDRESS: Final = "10.66.0.2"
"""Where the attack is on the cable, and where the machine."""
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HIERARCHIES: Final = tuple(map(Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")))
GROUP: Final = "sockatuh-prove-"
MAKES_WITHIN: Final = 900.0
STARTS_WITHIN: Final = 60.0
ENDS_WITHIN: Final = 30.0
COMMAND_SECONDS: Final = 300.0
LOOK_AGAIN: Final = 0.05
OVER: Final = {
    "etc/machine-id": "",
    "etc/hostname": "kitchen\n",
    "etc/systemd/network/10-lan.network": f"[Match]\nName=host0\n[Network]\nAddress={ADDRESS}/24\n",
    # There is one user here, and she is root.
    "usr/local/bin/sudo": '#!/bin/sh\nexec "$@"\n',
    "etc/pip.conf": "[global]\nno-index = true\nfind-links = /srv/wheels\ndisable-pip-version-check = true\n",
}
"""Files in which a machine differs from the tree of its release."""


def cache_directory() -> Path:
    """Return where trees and wheels are kept from one run to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "sockatuh")


@contextlib.contextmanager
def _alone(cache: Path, name: str) -> Iterator[Path]:
    """Give the place of something in the cache while nobody else makes it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache / name


def tree_of(release: str) -> Path:
    """Return the tree of a Debian that nobody has used, made the first time; Missing says what keeps it from that."""
    with _alone(cache_directory(), f"debian-{release}-{VARIANT}") as tree:
        if tree.exists():
            return tree
        need("debootstrap")
        fresh = tree.with_name(f"{tree.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", release, str(fresh)]
        print(f"making a minimal Debian, {release}, once: a minute or two …", file=sys.stderr, flush=True)
        _make(command)
        shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
        fresh.rename(tree)
        return tree


def wheels_for(release: str) -> Path:
    """Return a directory with all that `pip install '.[web]'` wants on a Debian, fetched the first time."""
    made = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = made["project"]
    wanted = [*made["build-system"]["requires"], *project["dependencies"], *project["optional-dependencies"]["web"]]
    constraints = ROOT / "scripts/constraints.txt"
    stamp = hashlib.blake2s("\n".join([*wanted, constraints.read_text("ascii")]).encode(), digest_size=6).hexdigest()
    python = PYTHONS[release]
    with _alone(cache_directory(), f"wheels-{python}-{stamp}") as place:
        if place.exists():
            return place
        fresh = place.with_name(f"{place.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        abis = [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
        _make([
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *abis),
            *(f"--platform={each}_{platform.machine()}" for each in PLATFORMS),
            "--platform=any",
            *(f"--constraint={constraints}", f"--dest={fresh}", *wanted),
        ])  # fmt: skip
        fresh.rename(place)
        return place


def _make(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAKES_WITHIN, check=False)
    if done.returncode:
        said = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise Missing(f"`{command[0]}` could not fetch what a machine is made of: {said}")


def lay_cable(*releases: str) -> None:
    """Move this process to a place of its own, with a bridge that machines are connected to; once, before threads.

    What machines of these releases are made of is fetched before: from there on there is no other network.
    """
    if os.geteuid() != 0:
        raise Missing("a machine of our own: run this as root")
    need("systemd-nspawn", "unshare")
    for release in releases:
        tree_of(release)
        wheels_for(release)
    go_ashore()
    run_command("ip", "link", "add", BRIDGE, "type", "bridge")
    run_command("ip", "addr", "add", f"{HERE}/24", "dev", BRIDGE)
    run_command("ip", "link", "set", BRIDGE, "up")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command on a machine: `said` holds stdout and stderr, as a person sees them."""

    code: int
    said: str


def _make_groups(name: str) -> list[Path]:
    """Make control groups for a machine, which others of ours on this system have too; remove those of the dead."""
    made = []
    for hierarchy in HIERARCHIES:
        if not (hierarchy / "cgroup.procs").is_file():
            continue
        for stale in hierarchy.glob(f"{GROUP}*"):
            if not Path("/proc", stale.name.removeprefix(GROUP).partition("-")[0]).exists():
                _remove_group(stale)
        place = hierarchy / f"{GROUP}{os.getpid()}-{name}"
        place.mkdir(exist_ok=True)
        made.append(place)
    return made


def _remove_group(place: Path) -> None:
    """Remove a group and those in it, as soon as the last of its dead are gone; some may be somebody's."""
    ends_at = time.monotonic() + 1.0
    while place.exists() and time.monotonic() < ends_at:
        for directory, _, _ in os.walk(place, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        time.sleep(LOOK_AGAIN)


class Box:
    """A machine with a fresh Debian of a release; only one of them is on the cable at a time.

    Use it as a context manager: it is switched off at the end, by pulling the plug.
    """

    def __init__(self, release: str, name: str, directory: Path) -> None:
        self._name, self._log = name, directory / f"{name}.console"
        tree, wheels, place = tree_of(release), wheels_for(release), directory / name
        place.mkdir()
        run_command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place))
        upper, work, self.root = place / "upper", place / "work", place / "root"
        for each in (upper, work, self.root):
            each.mkdir()
        layers = f"lowerdir={tree},upperdir={upper},workdir={work}"
        run_command("mount", "-t", "overlay", "-o", layers, "overlay", str(self.root))
        for path, text in OVER.items():
            self.write(path, text)
        (self.root / "usr/local/bin/sudo").chmod(0o755)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
        # There is no module to load, no console to log in at, and no name server to look for.
        for unit in ("systemd-modules-load.service", "console-getty.service"):
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        shutil.copytree(wheels, self.root / "srv/wheels")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Box:
        try:
            self.switch_on()
        except BaseException:
            self._throw_away()
            raise
        return self

    def _throw_away(self) -> None:
        self.pull_the_plug()
        for place in _make_groups(self._name):
            _remove_group(place)
        for place in (self.root, self.root.parent):
            run_command("umount", "--lazy", str(place))

    def __exit__(self, *_: object) -> None:
        self._throw_away()

    # Its files, also while it is off.

    def write(self, path: str, text: str) -> None:
        """Put a file in its tree."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def copy_source(self, path: str) -> None:
        """Put there what a clone of this repository has."""
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.decode().split("\0")):
            target = self.root / path.lstrip("/") / name
            if (ROOT / name).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)

    # The machine.

    def switch_on(self) -> None:
        """Boot, and wait until it is up."""
        command = [
            *(
                "unshare",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "systemd-nspawn",
                "--quiet",
                f"--directory={self.root}",
            ),
            *(f"--machine={self._name}", "--register=no", "--keep-unit", f"--network-bridge={BRIDGE}"),
            *("--system-call-filter=bpf", "--capability=all", "--boot"),
        ]
        entered = "".join(f"echo 0 >{place}/cgroup.procs; " for place in _make_groups(self._name))
        command = ["sh", "-ec", f'{entered}exec "$@"', "sh", *command]
        environ = {"PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "LANG": "C.UTF-8"}
        with self._log.open("ab") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environ
            )
        self._await_boot()

    def reboot(self) -> None:
        """Shut it down as its admin does, and start it again."""
        assert self._process is not None
        self.run("systemctl", "poweroff")
        self._process.wait(ENDS_WITHIN)
        self.switch_on()

    def pull_the_plug(self) -> None:
        """End it as a power failure does; its files stay as they are."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(ENDS_WITHIN)
            self._process = None

    def run(self, *command: str, text: str = "", seconds: float = COMMAND_SECONDS) -> Done:
        """Run a command there as root."""
        inside = ["nsenter", f"--target={self._first_process()}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        environ = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=cat"]
        done = subprocess.run(
            [*inside, "--cgroup", "env", "-i", "--chdir=/root", *environ, *command],
            input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def paste(self, commands: str, *, text: str = "") -> str:
        """Give commands to a shell there as a person pastes them; Broken unless each succeeds. Return what is shown."""
        done = self.run("sh", "-e", "-c", commands, text=text)
        if done.code:
            raise Broken(f"`{commands.strip()}` ends with {done.code}: {done.said[-600:]}")
        return done.said

    def _await_boot(self) -> None:
        self._until(self._is_up, "it does not come up")

    def _is_up(self) -> bool:
        if not self._first_process():
            return False
        state = self.run("systemctl", "is-system-running").said.strip()
        return state in ("running", "degraded") and ADDRESS in self.run("ip", "-4", "addr", "show", "host0").said

    def _first_process(self) -> int:
        """Return the id of its systemd here, 0 if there is none."""
        assert self._process is not None
        found = self._process.pid
        for _ in ("systemd-nspawn", "systemd"):
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{found}/task/{found}/children").read_text("ascii").split()
                if not children:
                    return 0
                found = int(children[0])
        return found

    def _until(self, holds: Callable[[], bool], complaint: str) -> None:
        ends_at = time.monotonic() + STARTS_WITHIN
        while not holds():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > ends_at:
                console = self._log.read_text("utf-8", errors="replace")[-600:]
                raise Broken(f"{self._name}: {complaint}: {console}")
            time.sleep(LOOK_AGAIN)
