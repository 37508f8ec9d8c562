"""What the picture and the timeline of `history` say, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_SVG: Final = "Dengan --joins: gambar siapa hadir kapan (SVG), ke FILE; `-` berarti stdout."
HELP_TIMELINE: Final = "Siapa hadir kapan, sebagai satu baris karakter untuk setiap nama."
HELP_FORCE: Final = "Dengan --svg: ganti FILE."

SVG_NEEDS_JOINS: Final = "--svg menggambar siapa yang datang dan pergi: tambahkan --joins."
NO_JSON: Final = (
    "--svg dan --timeline dibuat untuk dilihat orang: jangan pakai --json. "
    "`history --joins --json` mendaftar sesi-sesinya."
)
NOT_BOTH: Final = "--svg dan --timeline adalah dua bentuk dari hal yang sama: pilih salah satu."
ONLY_A_SPAN: Final = (
    "--svg dan --timeline menampilkan rentang waktu: pilih dengan --since, tanpa -n, --after, --all, dan --private."
)
FORCE_WHAT: Final = "--force mengganti FILE dari --svg."

NOBODY: Final = "Tidak ada yang hadir."
HERE: Final = "hadir"
LOST: Final = "kontak hilang"
HERE_NOW: Final = "hadir sekarang"


def span(began: str, ended: str, zone: str) -> str:
    """Name the span of time that is shown, in local time."""
    return f"{began} – {ended} ({zone})"


def heading(room: str) -> str:
    """Name what is shown."""
    return f"Siapa yang hadir di {room}"


def busiest(count: int, at: str) -> str:
    """Say how many were here at once at most, and when."""
    return f"paling banyak {count} sekaligus, {at}"


def others(count: int) -> str:
    """Count the names that are not shown."""
    return f"dan {count} nama lain, yang hadir lebih singkat"


def lasting(minutes: int) -> str:
    """Show a span of time."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} jam {rest:02} mnt" if hours else f"{rest} mnt"


def was_here(name: str, began: str, ended: str, code: str) -> str:
    """Say from when to when somebody was here, and why not longer."""
    return f"{name}: {began} – {ended} ({code})" if code else f"{name}: {began} – {ended}"


def is_here(name: str, began: str) -> str:
    """Say since when somebody is here."""
    return f"{name}: sejak {began}"


def was_lost(name: str, began: str, ended: str) -> str:
    """Say from when to when there was no contact with somebody."""
    return f"{name}: kontak hilang {began} – {ended}"


def is_lost(name: str, began: str) -> str:
    """Say since when there is no contact with somebody."""
    return f"{name}: kontak hilang sejak {began}"


def wrote(file: Path, names: int) -> str:
    """Say that the picture is there."""
    return f"Gambar ditulis ke {fact(file)}: {names} nama."
