"""Measure SockAtuh beside its peers and beside the machine's own limits; `scripts/bench` runs this."""

from __future__ import annotations

import argparse
import sys

from bench.plan import OUR_SIZES, ROUNDS, SIZES, Figures, measure, names_for
from bench.process import CROWD_CORE, on_core
from bench.subjects import OURS, PEERS, missing_peers


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round at 10, 100 and 1,000 members")
    parser.add_argument("--members", type=int, action="append", help="only this size; may be given again")
    parser.add_argument("--only", action="append", choices=[OURS, *PEERS], help="only this server; may be given again")
    options = parser.parse_args()
    missing = missing_peers()
    peers = [name for name in PEERS if name not in missing]
    for name in missing:
        print(f"{name} is not here: apt-get install {PEERS[name]}", file=sys.stderr)
    on_core(CROWD_CORE)
    figures = Figures()
    rounds, seconds = (1, 1.0) if options.quick else (ROUNDS, 2.0)
    for members in options.members or (SIZES if options.quick else (*SIZES, *OUR_SIZES)):
        names = [name for name in names_for(members, peers) if not options.only or name in options.only]
        measure(figures, names, members, rounds, seconds, lambda line: print(line, flush=True))
    for note in figures.notes:
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
