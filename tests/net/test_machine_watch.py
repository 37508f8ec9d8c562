"""Whether this machine's network has changed, and whether it slept, as the kernel reports it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys

import pytest

from sockatuh.net.machine_watch import SETTLED_AFTER, MachineWatch, open_clock, open_network, watch_machine

ALONE = ["unshare", "--user", "--map-root-user", "--net"]
WATCH = """
import asyncio, subprocess
from sockatuh.net.machine_watch import watch_machine

async def main():
    for change in (
        "ip link set lo up",
        "ip link add a0 type veth peer name a1",
        "ip addr add 192.0.2.1/24 dev a0",
        "ip link set a0 up",
        "ip route add 198.51.100.0/24 dev a0",
        "ip route del 198.51.100.0/24",
        "ip addr add 2001:db8::1/64 dev a0 nodad",
        "ip addr del 192.0.2.1/24 dev a0",
    ):
        reports = asyncio.Queue()
        watch = watch_machine(reports.put_nowait)
        subprocess.run(change.split(), check=True)
        print(await asyncio.wait_for(reports.get(), 10), change, flush=True)
        watch.close()
asyncio.run(main())
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel reports it on Linux")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("ip") is None, reason="makes a network")
def test_links_addresses_and_routes_are_reported_when_they_change() -> None:
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not make a network here")
    done = subprocess.run([*ALONE, sys.executable, "-c", WATCH], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["False"] * 8


def reports_of(readings: int) -> list[bool]:
    """Return the reports of a watch whose clock is a pipe with something to read."""
    clock, there = os.pipe2(os.O_NONBLOCK)
    os.write(there, b"x" * 8 * readings)

    async def story() -> list[bool]:
        reports: list[bool] = []
        watch = MachineWatch(reports.append, None, clock)
        assert (watch.sees_network, watch.sees_sleep) == (False, True)
        await asyncio.sleep(2 * SETTLED_AFTER)
        watch.close()
        return reports

    try:
        return asyncio.run(story())
    finally:
        os.close(there)


def test_a_clock_that_was_set_is_reported_once_as_possible_sleep() -> None:
    assert reports_of(1) == [True]
    assert reports_of(5) == [True]
    assert reports_of(0) == []


def test_nothing_is_readable_while_nothing_happens() -> None:
    clock, network = open_clock(), open_network()
    assert clock is not None
    assert network is not None
    with pytest.raises(BlockingIOError):
        os.read(clock, 8)
    os.close(clock)
    network.close()


def test_a_watch_that_was_closed_reports_nothing_and_holds_nothing() -> None:
    async def story() -> None:
        reports: list[bool] = []
        before = len(os.listdir("/proc/self/fd"))
        watch = watch_machine(reports.append)
        watch._report_soon()
        watch.close()
        watch.close()
        await asyncio.sleep(2 * SETTLED_AFTER)
        assert reports == []
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(story())
