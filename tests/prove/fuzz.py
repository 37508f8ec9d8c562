"""Promise 4: whatever stands in a datagram, a file or a typed line, nothing of ours breaks (tests/fuzz)."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import hypothesis
from fuzz.targets import CORPUS, TARGETS
from hypothesis.stateful import run_state_machine_as_test
from prove.attack import Attack, Broken, Found, Missing, Pace, Run, require
from simulation.adversary import Adversary, effort

TESTS: Final = Path(__file__).parents[1]
SECONDS: Final = {
    "server": 6,
    "peer": 6,
    **dict.fromkeys(("name", "text", "line", "client_files", "key_files", "history_row"), 2),
    **dict.fromkeys(("settings_file", "settings_environment"), 2),
}
"""Those that get fewer than ten thousand inputs a second get more than `USUAL_SECONDS`."""
USUAL_SECONDS: Final = 1
LONGER: Final = 30
"""How many times longer each target takes with --long."""
AT_ONCE: Final = 2
MAX_INPUT: Final = 4_096
STUCK_AFTER: Final = 20
"""Seconds for one input after which it counts as hanging."""
START: Final = 120
"""Seconds an interpreter may need to begin and to end on a busy machine."""
STORIES: Final = 200
STEPS: Final = 50


def adversary(run: Run) -> Found:
    """Let the adversary of tests/simulation do what he likes, in many stories; a failure prints the story."""
    done: Counter[str] = Counter()

    class Story(Adversary):
        def teardown(self) -> None:
            super().teardown()
            done["stories"] += 1
            done["lines"] += self.siege.lines
            done["datagrams"] += self.siege.sent

    hypothesis.seed(run.seed)(Story)
    with contextlib.redirect_stdout(sys.stderr):
        run_state_machine_as_test(Story, settings=effort(STORIES * (LONGER if run.long else 1), STEPS))
    figure = "0 lines lost, 0 doubled, same order for all; 0 names held twice; no stranger got more than he sent"
    return Found(f"{done['stories']} stories, {done['lines']:,} lines, {done['datagrams']:,} datagrams", figure)


def fuzz(run: Run) -> Found:
    """Give each target as many inputs as its time allows."""
    if importlib.util.find_spec("atheris") is None:
        here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        raise Missing(f"atheris is not installed, or has no wheel for {here}; there are some for Linux on x86_64")
    with ThreadPoolExecutor(AT_ONCE) as workers:
        counts = list(workers.map(lambda target: _fuzz(target, run), TARGETS))
    return Found(f"{len(counts)} targets, {sum(counts):,} inputs", "0 crashes, 0 hangs")


def _fuzz(target: str, run: Run) -> int:
    """Fuzz one target and return how many inputs it got; Broken with the input that broke it."""
    directory = run.directory / target
    found = directory / "found"
    found.mkdir(parents=True)
    seconds = SECONDS.get(target, USUAL_SECONDS) * (LONGER if run.long else 1)
    limits = {"seed": run.seed % 2**31 + 1, "max_total_time": seconds, "timeout": STUCK_AFTER, "max_len": MAX_INPUT}
    options = [f"-{name}={value}" for name, value in limits.items()]
    command = [sys.executable, "-m", "fuzz", target, str(found), str(CORPUS / target), *options]
    done = subprocess.run(
        [*command, f"-artifact_prefix={directory}/broke-", "-print_final_stats=1"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(TESTS), "TMPDIR": str(directory)},
        timeout=seconds + START + STUCK_AFTER,
        check=False,
    )
    said = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    if done.returncode:
        raise Broken(_explain(target, directory, said))
    count = re.search(r"number_of_executed_units: (\d+)", said)
    require(count is not None, f"{target}: the fuzzer said nothing of what it did: {said[-300:]}")
    return int(count[1]) if count else 0


def _explain(target: str, directory: Path, said: str) -> str:
    """Say which input broke a target, and how to keep it as a test."""
    raised = re.search(r"=== Uncaught Python exception: ===\n(.*)", said)
    reason = raised[1] if raised else said[-300:]
    inputs = sorted(directory.glob("broke-*"))
    if not inputs:
        return f"{target}: {reason}"
    data = base64.b64encode(inputs[0].read_bytes()).decode()
    keep = f"echo {data} | base64 -d > tests/fuzz/corpus/{target}/NAME && scripts/test -n0 tests/fuzz"
    return f"{target}: {reason}; to keep the input as a test: {keep}"


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "adversary",
        "An attacker who owns the whole network can delay the room, but not read it, change it or get in",
        "real server and clients in virtual time, every datagram in the attacker's hands: dropped, doubled, held, "
        "replayed, "
        "spoilt, spoofed, reflected, crafted; people come, talk, move and go, the server crashes, clocks jump",
        adversary,
        limit=150.0,
        pace=Pace.COMPUTED,
    ),
    Attack(
        "fuzz",
        "No bytes break a decoder, the server or a client: they decode to a value or to the one error, and are dropped",
        "atheris on every decoder, file and core of ours, from the corpus in tests/fuzz; plaintexts inside valid "
        "sessions too, so that encryption hides nothing from the fuzzer",
        fuzz,
        limit=900.0,
        pace=Pace.UNTIMED,
    ),
)
