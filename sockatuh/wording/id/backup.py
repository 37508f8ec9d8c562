"""Every sentence that `backup` and `restore` print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_BACKUP: Final = "Salin ruang ke satu berkas, selagi berjalan."
HELP_RESTORE: Final = "Pulihkan ruang dari cadangan."
HELP_BACKUP_FILE: Final = (
    "Berkas cadangan yang akan ditulis; di sebuah direktori ia dinamai menurut tanggal. Isinya riwayat dan kunci "
    "server, jadi jagalah seaman komputer ini. Konfigurasi adalah berkas lain: simpan salinannya juga."
)
HELP_KEEP: Final = "FILE adalah direktori; hapus cadangan ruang ini yang paling lama di sana, sampai tersisa N."
HELP_EVERY: Final = (
    "FILE adalah direktori; cadangan berikutnya dinanti dalam jangka waktu ini, misalnya 1d. `sockatuh status` memberi "
    "tahu kalau ada yang gagal atau terlambat."
)
HELP_RESTORE_FILE: Final = (
    "Berkas yang ditulis `sockatuh backup`, atau sebuah room.db. Ruang yang sekarang disimpan di sebelahnya."
)
HELP_FORCE: Final = "Ganti berkas yang sudah ada."

WITH_KEYS: Final = ", dan kunci server"
WITHOUT_KEYS: Final = "; kunci server tidak ada di dalamnya"


SERVE: Final = "sockatuh serve"
START_SERVICE: Final = "sudo systemctl start sockatuh.socket sockatuh.service"


def install_service(program: str) -> str:
    """Return the command that makes a restored room a service."""
    return f"sudo {program} install-service"


def no_room_yet(state_dir: Path) -> str:
    """Say that nothing says where to restore the room."""
    return (
        f"Tidak ada ruang di sini, dan tidak ada konfigurasi yang menyebut tempatnya; {fact(state_dir)} hanya tebakan. "
        "Tidak ada yang dilakukan.\nBuat dulu dengan `sockatuh init`, atau sebutkan tempatnya dengan --config FILE "
        "atau di $SOCKATUH_STATE_DIR; sebagai layanan, dengan sudo."
    )


def no_room(database: Path) -> str:
    """Say that there is no room to back up."""
    return f"Tidak ada {fact(database)}. Sebutkan state_dir ruang dengan --config FILE, atau di $SOCKATUH_STATE_DIR."


def belongs_to_room(file: Path) -> str:
    """Say that a backup must not overwrite the room's own files."""
    return f"{fact(file)} adalah milik ruang itu sendiri. Pilih nama lain."


def not_written(file: Path, reason: str) -> str:
    """Say why the backup could not be written."""
    advice = f"Apakah ruang kosongnya cukup, dan bolehkah Anda menulis di sana? Coba: df -h {fact(file.parent)}"
    return f"{fact(file)} tidak bisa ditulis: {in_words(reason)}. {advice}"


def is_there(file: Path) -> str:
    """Say that an existing file was not replaced."""
    return f"{fact(file)} sudah ada dan dibiarkan. Pilih nama lain, atau ganti dengan --force."


def not_an_interval(text: str) -> str:
    """Say that a text is no span in which a next backup could be expected."""
    return f"--every berisi jangka waktu seperti 12h atau 1d, bukan {fact(text)}."


def deleted(files: Iterable[Path]) -> str:
    """Say which older backups were deleted."""
    return "\n".join(f"Menghapus {fact(file)}." for file in files)


def not_noted(why: str) -> str:
    """Say that the room could not be told of a backup."""
    return f"Status ruang tidak akan tahu tentang ini: {why}"


def backed_up(file: Path, entries: int, last: int, moment: str | None, *, keys: bool) -> str:
    """Say what a backup holds, and what to do with it."""
    return (
        f"Sudah ditulis: {fact(file)}: {_held(entries, last, moment)}{WITH_KEYS if keys else WITHOUT_KEYS}.\n"
        "Simpan di tempat lain, seaman komputer ini. "
        f"Ruang dipulihkan dengan: sockatuh restore {fact(file)}"
    )


def restored(database: Path, entries: int, last: int, moment: str | None, kept: Iterable[Path], start: str) -> str:
    """Say what was restored, where the previous files are, and how to start the room."""
    before = "".join(f"  {fact(path)}\n" for path in kept)
    return (
        f"Sudah dipulihkan: {fact(database)}: {_held(entries, last, moment)}.\n"
        + (f"Yang tadinya ada di sana disimpan sebagai:\n{before}" if before else "")
        + f"Anggota akan diberi tahu bahwa log dikembalikan ke keadaan lama. Buka ruang: {start}"
    )


def unreadable(reason: str) -> str:
    """Say what it means that the replaced room cannot be read."""
    return (
        f"Yang tadinya ada di sana tidak bisa dibaca: {in_words(reason)}. Jadi anggota yang bergabung sejak cadangan "
        "itu tidak dibangunkan; program mereka menyadarinya sendiri dalam 25 detik."
    )


def not_restored(file: Path, reason: str) -> str:
    """Say why a file cannot be put in the room's place."""
    return (
        f"{fact(file)} tidak bisa dipulihkan: {in_words(reason)}. Tidak ada yang diubah. "
        "Apakah ada cadangan yang lebih lama?"
    )


def _held(entries: int, last: int, moment: str | None) -> str:
    if moment is None:
        return "tanpa entri"
    return f"{entries} entri sampai nomor {last} dari {moment}"
