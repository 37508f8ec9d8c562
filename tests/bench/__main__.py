"""Measure SockAtuh beside its peers, beside a bare relay and beside the machine's own limits.

With --members, --loads, --only or `--rounds 0` it measures parts: these rooms, and the starts if --starts is given.
Otherwise it also measures starts, joins, strangers and the disk.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import starts
from bench.crowd import Spoilt
from bench.feats import Feat, commits, floods, joins
from bench.limits import measure_limits
from bench.plan import IDLE, LOADS, OUR_SIZES, ROUNDS, SECONDS, SIZES, Figures, measure, names_for
from bench.process import CROWD_CORE, on_core
from bench.report import markdown, record
from bench.subjects import COMMITTED, OURS, PEERS, missing_peers, name_of

QUICK_STARTS = 3
SUBJECTS = {name.lower(): name for name in (OURS, COMMITTED, *PEERS)}


def main() -> int:
    """Measure what was asked for and print it."""
    parser = _options()
    options = parser.parse_args()
    is_whole = not (options.members or options.loads or options.only or options.rounds == 0)
    if options.record and (options.beside or not is_whole):
        parser.error("--record writes all tables, so all has to be measured, and nothing beside it")
    began = time.monotonic()
    missing = missing_peers()
    peers = [name for name in PEERS if name not in missing]
    for name in missing:
        print(f"{name} is not here: apt-get install {PEERS[name]}", file=sys.stderr)
    on_core(CROWD_CORE)
    figures = Figures()
    for members, loads in _rooms(options):
        for (way, load), cost in measure_limits(members, _seconds(options) / 2).items():
            figures.limits[way, load, members] = cost
        names = [name for name in names_for(members, peers) if not options.only or name in options.only]
        subjects = dict.fromkeys(names) | (_beside(options) if members <= SIZES[-1] else {})
        measure(figures, subjects, members, loads, _rounds(options), _seconds(options), _say)
    feats = _feats(figures) if is_whole else []
    if count := _starts(options, is_whole=is_whole):
        feats += _tried(figures, lambda: starts.starts(count, {OURS: None} | _beside(options), _say))
    print(markdown(figures, feats))
    print(f"It took {(time.monotonic() - began) / 60:.1f} min.", file=sys.stderr)
    if options.record:
        record(figures, feats)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round, half as long; with 1,000 members only idle chat"
    )
    parser.add_argument(
        "--members", type=_sizes, metavar="N,N", help="only rooms of these sizes, by default 10, 100, 1,000 and 5,000"
    )
    parser.add_argument("--loads", type=_loads, metavar="LOAD,LOAD", help=f"only these of {', '.join(LOADS)}")
    parser.add_argument(
        "--only", type=_subjects, metavar="NAME,NAME", help=f"only these of {', '.join(SUBJECTS.values())}"
    )
    parser.add_argument(
        "--beside", type=Path, metavar="TREE", help="another checkout of SockAtuh, whose server runs beside this one's"
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help=f"rounds of all loads, by default {ROUNDS}; 0: no rooms"
    )
    parser.add_argument(
        "--starts",
        type=int,
        metavar="N",
        help=f"how often to start each command, by default {starts.ALTERNATIONS} times, {QUICK_STARTS} if quick",
    )
    parser.add_argument("--record", action="store_true", help="write the tables into docs/PERFORMANCE.md")
    return parser


def _sizes(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _loads(words: str) -> list[str]:
    return [_known(word, LOADS) for word in words.split(",")]


def _subjects(words: str) -> list[str]:
    return [_known(word.lower(), SUBJECTS) for word in words.split(",")]


def _known(word: str, known: dict[str, str]) -> str:
    if word not in known:
        raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(known)}")
    return known[word]


def _rooms(options: argparse.Namespace) -> list[tuple[int, list[str]]]:
    """Return the sizes to measure, each with its loads."""
    if not _rounds(options):
        return []
    sizes = options.members or (SIZES if options.quick else (*SIZES, *OUR_SIZES))
    rooms = []
    for members in sizes:
        default = [IDLE] if options.quick and members > 100 and not options.members else [*LOADS.values()]
        rooms.append((members, options.loads or default))
    return rooms


def _rounds(options: argparse.Namespace) -> int:
    default = 1 if options.quick else ROUNDS
    return default if options.rounds is None else int(options.rounds)


def _starts(options: argparse.Namespace, *, is_whole: bool) -> int:
    if options.starts is not None:
        return int(options.starts)
    if not is_whole:
        return 0
    return QUICK_STARTS if options.quick else starts.ALTERNATIONS


def _seconds(options: argparse.Namespace) -> float:
    return SECONDS / 2 if options.quick else SECONDS


def _beside(options: argparse.Namespace) -> dict[str, Path | None]:
    return {name_of(tree): tree} if (tree := options.beside and options.beside.resolve()) else {}


def _say(line: str) -> None:
    print(line, flush=True)


def _feats(figures: Figures) -> list[Feat]:
    return [found for feat in (commits, lambda: joins(1_000), floods) for found in _tried(figures, feat)]


def _tried(figures: Figures, feat: Callable[[], list[Feat]]) -> list[Feat]:
    """Return what a measurement found; what went wrong with it is noted."""
    try:
        return feat()
    except (TimeoutError, OSError, Spoilt) as error:
        figures.notes.append(str(error))
        return []


if __name__ == "__main__":
    sys.exit(main())
