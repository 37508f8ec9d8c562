"""Every sentence that `status` and `metrics` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_STATUS: Final = "Lihat keadaan ruang di komputer ini: apa yang salah, siapa yang ada, dan alamatnya."
HELP_STATUS_CHECK: Final = (
    "Tampilkan satu baris, lalu keluar dengan 0 kalau pesan disimpan dan semua bagian server menjawab dalam 3 detik, "
    "atau dengan 1 kalau tidak; untuk HEALTHCHECK dan monit."
)
HELP_METRICS: Final = "Tampilkan angka-angka ruang untuk Prometheus."
HELP_TO: Final = (
    "Tulis ke berkas ini saja (0644, diganti seluruhnya), untuk textfile collector milik node_exporter. Kalau tidak "
    "ada server yang menjawab, isinya sockatuh_up 0."
)

LABELS: Final = {
    # the names of the facts, at most 10 columns
    "address": "alamat",
    "browsers": "peramban",
    "backup": "cadangan",
    "dropped": "dibuang",
    "invite": "undangan",
    "orders": "perintah",
    "running": "berjalan",
    "sessions": "sesi",
    "storing": "menyimpan",
    "words": "kata",
}
TROUBLES: Final = {
    # what is wrong, by the code of the control socket
    "backup_failed": "Cadangan terakhir gagal",
    "backup_overdue": "Cadangan terlambat",
    "control_unusable": "Soket kendali tidak bisa dibuka",
    "datagrams_unread": "Ada datagram yang hilang",
    "guessing": "Banyak kata sandi salah sedang dicoba",
    "history_damaged": "Sebagian dari yang pernah ditulis rusak",
    "loop_late": "Server tertinggal dari pekerjaannya",
    "not_storing": "Pesan tidak disimpan",
    "receive_buffer_small": "Buffer penerima kecil, jadi serbuan datagram bisa ada yang hilang",
    "socket_overruled": "Ruang tidak berada di tempat yang ditulis setelannya",
    "writer_silent": "Bagian server yang menulis ke disk tidak menjawab",
}
ORDERS: Final = {
    # one and several of each kind
    "kick": ("kick", "kick"),
    "ban": ("ban", "ban"),
    "mute": ("mute", "mute"),
}
COLUMNS: Final = ("NAMA", "SEJAK", "KUNCI")
NOBODY: Final = "tidak ada siapa-siapa"
NONE: Final = "tidak ada"
NO_ORDERS: Final = "tidak ada yang berlaku"
NO_BACKUP: Final = "belum pernah dibuat di sini; sudo sockatuh install-service --backup DIR membuatnya setiap hari"
WELL: Final = "baik"
UNWELL: Final = "tidak baik"


def head(room: str, members: int, seats: int, lost: int, guests: int) -> str:
    """Name the room, and say how many are in it; some of the members are out of contact."""
    told = f"{_number(members)} anggota (paling banyak {_number(seats)})" if members else NOBODY
    told += f", {_number(lost)} di antaranya tidak terhubung" if lost else ""
    return f"{room}: {told}" + (f"; {_number(guests)} tamu" if guests else "")


def lost_since(moment: str) -> str:
    """Say since when contact with a member is lost."""
    return f"tidak terhubung sejak {moment}"


def in_sessions(count: int) -> str:
    """Say that a member is here from several windows or machines."""
    return f"{_number(count)} sesi"


def more(count: int) -> str:
    """Say how many members are not listed."""
    return f"… dan {_number(count)} lagi: sockatuh sessions"


def trouble(code: str, reason: str) -> str:
    """Say what is wrong."""
    what = TROUBLES.get(code) or fact(code)
    return f"{what}: {fact(_because(reason))}" if reason else f"{what}."


def overdue(moment: str) -> str:
    """Say since when the next backup is overdue."""
    return f"{TROUBLES['backup_overdue']} sejak {moment}."


def address(addresses: Sequence[str], port: int) -> str:
    """Say where the room is reached."""
    return f"{', '.join(map(fact, addresses))}, port UDP {port}"


def running(version: str, moment: str, seconds: float) -> str:
    """Say which version runs, since when, and how long that is."""
    return f"SockAtuh {fact(version)}, sejak {moment} ({_span(seconds)})"


def storing(is_storing: bool, head: int, size: int, unwritten: int) -> str:
    """Say whether lines are stored, which number the last entry has, how large the database is, and what waits."""
    waits = f"; {_number(unwritten)} menunggu" if unwritten else ""
    return f"{'ya' if is_storing else 'TIDAK'}{waits}; entri terakhir {_number(head)}; {_size(size)} di disk"


def counted(counts: Mapping[str, int]) -> str:
    """List how many there are of each kind."""
    return ", ".join(f"{_number(count)} {fact(kind)}" for kind, count in counts.items()) or NONE


def orders(counts: Mapping[str, int], command: str) -> str:
    """Say how many orders of each kind are in force, and which command lists them."""
    kinds = {kind: ORDERS.get(kind, (fact(kind),))[0] for kind in counts}
    told = [f"{_number(count)} {kinds[kind]}" for kind, count in counts.items()]
    return f"{', '.join(told)} berlaku; daftarnya: {command}" if told else NO_ORDERS


def dropped(counts: Mapping[str, int], buffer: int) -> str:
    """Say how many datagrams were dropped and why, and how large the receive buffer is."""
    total = sum(counts.values())
    why = f": {counted(counts)}" if counts else ""
    return f"{_number(total)} datagram sejak dimulai{why}; buffer penerima {_size(buffer)}"


def last_failed(moment: str) -> str:
    """Say when a backup was tried last, and failed."""
    return f"gagal {moment}"


def well(room: str, loop: float, writer: float) -> str:
    """Say in one line that the room is well; its loop and its writer answered so many seconds ago."""
    return f"{WELL}: {room} menyimpan pesan; loop {_decimal(loop)} detik, penulis {_decimal(writer)} detik"


def unwell(reason: str) -> str:
    """Say in one line what is wrong."""
    return f"{UNWELL}: {fact(in_words(reason))}"


def late(seconds: float) -> str:
    """Say for how long something did not answer."""
    return f"{seconds:.0f} detik"


def not_written(file: Path, reason: str) -> str:
    """Say that the numbers could not be written."""
    return f"{fact(file)} tidak bisa ditulis: {fact(in_words(reason))}."


def _because(reason: str) -> str:
    path, colon, why = reason.partition(": ")
    return f"{path}: {in_words(why)}" if colon and path.startswith("/") else in_words(reason)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} menit"
    hours = round(seconds / 3600)
    return f"{hours} jam" if hours < 48 else f"{_number(round(hours / 24))} hari"


def _size(count: int) -> str:
    return f"{_number(round(count / 1024))} KiB" if count < 10 << 20 else f"{_number(round(count / (1 << 20)))} MiB"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")


def _decimal(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")
