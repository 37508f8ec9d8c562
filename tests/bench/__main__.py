"""Measure SockAtuh beside its peers and beside the machine's own limits; `scripts/bench` runs this."""

from __future__ import annotations

import argparse
import sys

from bench.crowd import Spoilt
from bench.feats import Feat, commits, floods, joins, starts
from bench.limits import measure_limits
from bench.plan import OUR_SIZES, ROUNDS, SECONDS, SIZES, Figures, measure, names_for
from bench.process import CROWD_CORE, on_core
from bench.report import markdown, record
from bench.subjects import OURS, PEERS, missing_peers


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round at 10, 100 and 1,000 members")
    parser.add_argument("--members", type=int, action="append", help="only this size; may be given again")
    parser.add_argument("--only", action="append", choices=[OURS, *PEERS], help="only this server; may be given again")
    parser.add_argument("--record", action="store_true", help="write the tables into docs/PERFORMANCE.md")
    options = parser.parse_args()
    missing = missing_peers()
    peers = [name for name in PEERS if name not in missing]
    for name in missing:
        print(f"{name} is not here: apt-get install {PEERS[name]}", file=sys.stderr)
    on_core(CROWD_CORE)
    figures = Figures()
    rounds, seconds = (1, SECONDS / 2) if options.quick else (ROUNDS, SECONDS)
    for members in options.members or (SIZES if options.quick else (*SIZES, *OUR_SIZES)):
        for (way, load), cost in measure_limits(members, seconds / 2).items():
            figures.limits[way, load, members] = cost
        names = [name for name in names_for(members, peers) if not options.only or name in options.only]
        measure(figures, names, members, rounds, seconds, lambda line: print(line, flush=True))
    feats = [] if options.only and OURS not in options.only else _feats(figures)
    print(markdown(figures, feats))
    if options.record:
        record(figures, feats)
    return 0


def _feats(figures: Figures) -> list[Feat]:
    feats: list[Feat] = []
    for feat in (commits, lambda: joins(1_000), floods, starts):
        try:
            feats += feat()
        except (TimeoutError, OSError, Spoilt) as error:
            figures.notes.append(str(error))
    return feats


if __name__ == "__main__":
    sys.exit(main())
