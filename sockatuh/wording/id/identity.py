"""Every sentence that `identity` prints."""
# ruff: noqa: S105 - sentences about passphrases are not passphrases

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_ACTION: Final = (
    "show: kunci Anda dan server yang Anda kenal; forget: kunci dan tiket sebuah SERVER; export: kunci Anda ke sebuah "
    "FILE, terenkripsi; import: kunci dari FILE seperti itu."
)
HELP_WHAT: Final = (
    "Untuk forget, HOST atau HOST:PORT seperti ditulis `identity show`; untuk export dan import, berkasnya."
)
HELP_REPLACE: Final = "import: ganti kunci yang sudah ada, dan simpan yang lama dalam berkas di sampingnya."
HELP_PASSPHRASE_FILE: Final = (
    "Baca frasa sandi yang mengenkripsi kunci yang diekspor dari baris pertama sebuah berkas; - berarti stdin."
)

WHICH_ACTION: Final = (
    "`sockatuh identity show`, `sockatuh identity forget SERVER`, `sockatuh identity export FILE`, atau "
    "`sockatuh identity import FILE`."
)
REPLACE_WHAT: Final = "--replace hanya untuk `sockatuh identity import FILE`."
ASK_NEW_PASSPHRASE: Final = "Frasa sandi untuk berkas itu (paling sedikit 8 byte): "
ASK_PASSPHRASE: Final = "Frasa sandi berkas itu: "
PASSPHRASES_DIFFER: Final = "Kedua frasa sandi berbeda; tidak ada yang ditulis. Coba lagi."
PASSPHRASE_MISSING: Final = "Berkas itu dienkripsi dengan frasa sandi. Berikan dengan --passphrase-file FILE."
PASSPHRASE_EMPTY: Final = "Frasa sandinya kosong; tidak ada yang dilakukan."
FAULTS: Final[Mapping[str, str]] = {
    "foreign": "{file} tidak berisi kunci yang ditulis `sockatuh identity export`.",
    "newer": "{file} ditulis oleh sockatuh yang lebih baru. Perbarui yang ini, lalu impor lagi.",
    "damaged": "{file} rusak. Salin sekali lagi, atau ekspor kuncinya lagi.",
    "too_costly": (
        "{file} menuntut lebih banyak memori atau kerja untuk dibuka daripada yang ditulis sockatuh mana pun; "
        "berkas itu tidak dibuka."
    ),
    "wrong_passphrase": "Itu bukan frasa sandi yang mengenkripsi {file}; tidak ada yang diubah.",
}


def passphrase_short(size: int, least: int) -> str:
    """Say that a passphrase is too short to protect a key."""
    return (
        f"Frasa sandi itu hanya {size} byte; siapa pun yang mendapat berkasnya bisa menebaknya. "
        f"Pilih yang paling sedikit {least} byte."
    )


def exists(file: Path) -> str:
    """Say that nothing is overwritten."""
    return f"{fact(file)} sudah ada; pilih nama lain, atau pindahkan berkas itu."


def exported(file: Path, words: Sequence[str], fingerprint: str) -> str:
    """Say where the key is, and what to do with it."""
    return (
        f"Kunci Anda {' '.join(words)}  (SHA256:{fingerprint})\n"
        f"ditulis ke {fact(file)} (0600), terenkripsi dengan frasa sandi itu.\n"
        f"Di komputer lain: sockatuh identity import {fact(file.name)}\n"
        "Siapa pun yang memegang berkas dan frasa sandinya adalah Anda, bagi semua ruang."
    )


def import_refused(fault: str, file: str) -> str:
    """Say why a berkas cannot be imported."""
    return FAULTS[fault].format(file=fact(file))


def has_another(path: str) -> str:
    """Say that there is another key already, which may own names."""
    return (
        f"Komputer ini sudah punya kunci lain, di {fact(path)}; nama-nama miliknya ikut hilang bersamanya. "
        "Kalau Anda ingin kunci yang diimpor: --replace, yang menyimpan kunci lama dalam berkas di sampingnya."
    )


def is_the_same() -> str:
    """Say that the imported key is the one that is there already."""
    return "Itu kunci yang sudah Anda punya; tidak ada yang diubah."


def imported(words: Sequence[str], fingerprint: str) -> str:
    """Say that servers know this person by the imported key from now on."""
    return (
        f"Mulai sekarang server mengenal Anda dari kunci {' '.join(words)}  (SHA256:{fingerprint})\n"
        "Nama-nama miliknya juga menjadi nama Anda di sini; setiap ruang menanyakan kata sandinya sekali."
    )


def kept(path: Path) -> str:
    """Say where the key is that was replaced."""
    return f"Kunci yang lama disimpan di {fact(path)}; nama dan tiket miliknya dilupakan."


def identity(words: Sequence[str], fingerprint: str, path: Path) -> str:
    """Show the person's own key."""
    return f"Sidik jari    {' '.join(words)}  (SHA256:{fingerprint})\nDisimpan di   {fact(path)}"


def known_server(server: str, words: Sequence[str], first_seen: str, room: str) -> str:
    """Show a known server."""
    return f"{server}  {room}\n    {' '.join(words)}  (sejak {first_seen})"


def forgotten(server: str) -> str:
    """Say that a server's key is no longer known."""
    return f"Sudah dilupakan: {server}. `sockatuh chat {server}` berikutnya akan menjadi pertemuan pertama."


def not_known(server: str) -> str:
    """Say that there was nothing to forget."""
    return f"{server} tidak dikenal di sini. `sockatuh identity show` menampilkan server yang dikenal."
