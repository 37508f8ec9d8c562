"""Attack every promise of docs/RELIABILITY.md and print what came of it; `scripts/prove` runs this."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fnmatch
import json
import math
import os
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final

from dispositions import heed_signals
from prove.attack import Attack, Broken, Found, Late, Missing, Pace, Run
from prove.register import ATTACKS
from prove.report import Row, record, table

TRIES: Final = 3
"""How often an attack is tried that is late, which may be the machine's doing; nothing else is tried twice."""
LONGER: Final = 40.0
"""How many times longer an attack may take with --long."""
STARVED: Final = 10.0
"""How many times its limit of processor time a computed attack may take by the clock: then it waits for something."""


def main() -> int:
    """Run what was asked for; the exit code is 1 if a promise did not hold or could not be tried."""
    heed_signals()
    options = _parser().parse_args()
    attacks = _chosen(options.only)
    if not attacks:
        names = ", ".join(attack.name for attack in ATTACKS)
        print(f"No attack is called {' or '.join(options.only)}. There are: {names}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{attack.name:<22} {attack.how}" for attack in attacks))
        return 0
    if options.child:
        return _try(attacks[0], options.seed, options.long)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    began = time.monotonic()
    rows = _run_all(attacks, seed, options.long)
    print(table(rows, time.monotonic() - began))
    if options.record:
        record(rows)
    return 0 if all(row.held for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/prove", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="an attack, or a pattern: 'faults*'"
    )
    parser.add_argument("--seed", type=int, help="repeat the dice of another run")
    parser.add_argument("--long", action="store_true", help="harder and longer, with an hour's soak")
    parser.add_argument("--list", action="store_true", help="print the attacks")
    parser.add_argument("--record", action="store_true", help="write the figures into docs/RELIABILITY.md")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser


def _chosen(patterns: Sequence[str]) -> list[Attack]:
    """Return the attacks that are named; all if none is."""
    return [each for each in ATTACKS if not patterns or any(fnmatch.fnmatch(each.name, name) for name in patterns)]


def _run_all(attacks: Sequence[Attack], seed: int, long: bool) -> list[Row]:
    """Run the patient attacks beside those without a clock, then the others one by one; the rows are in their order."""

    def run(paces: Sequence[Pace]) -> list[Row]:
        return [_run_apart(attack, seed, long) for attack in attacks if attack.pace in paces]

    with ThreadPoolExecutor(2) as lanes:
        beside = [*lanes.map(run, ((Pace.PATIENT,), (Pace.UNTIMED, Pace.COMPUTED)))]
    rows = {row.attack.name: row for row in (*beside[0], *beside[1], *run((Pace.TIMED,)))}
    return [rows[attack.name] for attack in attacks]


def _run_apart(attack: Attack, seed: int, long: bool) -> Row:
    """Run an attack, again if it was only late; say what came of it."""
    print(f"{attack.name}: {attack.how} …", file=sys.stderr, flush=True)
    began, late = time.monotonic(), []
    while "late" in (answer := _answer_of(attack, seed, long)):
        late.append(answer["late"])
        print(f"{attack.name}: late at try {len(late)}: {late[-1]}", file=sys.stderr, flush=True)
        if len(late) == TRIES:
            answer = {"broken": f"{late[-1]}; so {TRIES} times"}
            break
    row = Row(attack, seed, long, time.monotonic() - began, late=tuple(late), **answer)
    print(f"{attack.name}: {row.result} ({row.seconds:.0f} s)", file=sys.stderr, flush=True)
    if not row.held:
        print(f"{attack.name}: again with: {row.command}", file=sys.stderr, flush=True)
    return row


def _answer_of(attack: Attack, seed: int, long: bool) -> dict[str, str]:
    """Run an attack in a process group of its own, so that nothing of it outlives its time."""
    command = [sys.executable, "-m", "prove", "--child", "--only", attack.name, "--seed", str(seed)]
    process = subprocess.Popen(
        [*command, "--long"] if long else command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    limit = attack.limit * (LONGER if long else 1.0)
    processor_time = math.ceil(limit)
    if attack.pace is Pace.COMPUTED:
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (processor_time, processor_time + 1))
        limit *= STARVED
    try:
        said, _ = process.communicate(timeout=limit)
        answer: dict[str, str] = json.loads(said.splitlines()[-1]) if said.strip() else {}
    except subprocess.TimeoutExpired:
        return {"broken": f"not finished after {limit:.0f} s"}
    finally:
        _end_group(process)
    if process.returncode == -signal.SIGXCPU:
        return {"broken": f"not finished after {processor_time} s of processor time"}
    return answer or {"broken": f"ended with {process.returncode}"}


def _end_group(process: subprocess.Popen[str]) -> None:
    """End whatever an attack has left running: servers, relays, clients."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _try(attack: Attack, seed: int, long: bool) -> int:
    """Run one attack in this process, and print what came of it as one line of JSON."""
    with tempfile.TemporaryDirectory(prefix="sockatuh-prove-") as directory:
        try:
            found = attack.run(Run(seed, Path(directory), long))
            answer = asdict(found if isinstance(found, Found) else asyncio.run(found))
        except Missing as missing:
            answer = {"missing": str(missing)}
        except Late as late:
            answer = {"late": str(late)}
        except Broken as broken:
            answer = {"broken": str(broken)}
        except Exception as error:
            traceback.print_exc()
            answer = {"broken": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
