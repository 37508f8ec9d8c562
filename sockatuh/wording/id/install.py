"""Every sentence that `install-service` and `uninstall-service` print."""
# ruff: noqa: S105 - sentences about passwords are no passwords

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_INSTALL: Final = """Pasang ruang sebagai layanan systemd.

Halaman manual juga dipasang, begitu pula pelengkap perintah untuk bash, zsh, dan fish yang ada di komputer ini,
semuanya dalam bahasa Inggris.
"""
HELP_UNINSTALL: Final = "Copot layanan; setelan dan yang dikatakan tetap ada."
HELP_PRINT: Final = "Tampilkan setiap berkas dan setiap perintah, dan jangan lakukan apa pun."
HELP_FROM: Final = "Mulai dari setelan di berkas ini, seperti yang ditulis `sockatuh init`."
HELP_PURGE: Final = "Hapus juga setelan, kata sandi, kunci, dan semua yang dikatakan."
HELP_METRICS: Final = "Tulis juga angka-angka ruang untuk Prometheus setiap menit."
HELP_NO_METRICS: Final = "Jangan tulis lagi angka-angka itu."
HELP_BACKUP: Final = "Buat juga cadangan di DIR setiap malam, yang pertama sekarang. Sebaiknya DIR ada di disk lain."
HELP_KEEP: Final = "Berapa cadangan yang disimpan di DIR; bawaan: 7."
HELP_NO_BACKUP: Final = "Jangan buat cadangan lagi; yang sudah ada tetap ada."
HELP_WEB_DOOR: Final = "Buka juga untuk peramban, dengan halaman di porta TCP 7680."
HELP_NO_WEB_DOOR: Final = "Jangan buka lagi untuk peramban."

SHOWN_AS_SECRET: Final = "(hash kata sandi ruang)\n"
NEWS: Final = {"new": "baru", "changed": "diubah", "unchanged": "sama", "kept": "tetap"}
NO_SYSTEMD: Final = (
    "Sistem ini tidak dimulai oleh systemd, jadi tidak ada layanan yang bisa dipasang. "
    "Jalankan ruang dengan `sockatuh serve`."
)
NOT_LINUX: Final = "systemd hanya ada di Linux. Jalankan ruang dengan `sockatuh serve`."
RUNNING: Final = "Layanan berjalan sekarang, dan setiap kali komputer ini dinyalakan. Lihat: systemctl status sockatuh"
PORT_UNSET: Final = "tidak boleh 0: klien tidak bisa menemukan layanan yang memakai sembarang port"
METRICS_OR_NOT: Final = "--no-metrics tidak bisa bersama --metrics."
WEB_OR_NOT: Final = "--no-web tidak bisa bersama --web."
BACKUP_OR_NOT: Final = "--no-backup tidak bisa bersama --backup atau --keep."
KEEP_WHAT: Final = "--keep adalah tentang cadangan; sebutkan direktorinya dengan --backup DIR."
NOTHING_INSTALLED: Final = "Tidak ada layanan SockAtuh di sini; tidak ada yang dilakukan."
HASH_NOT_ALONE: Final = (
    "password_hash di dalamnya tidak bisa dipindahkan ke berkas sendiri; tulis dalam satu baris, seperti "
    "`sockatuh init`"
)
ONLY_ROOT: Final = "Hanya root yang bisa membaca ruang milik layanan komputer ini. Coba yang sama dengan sudo."
PASSWORD_IS_SET: Final = (
    "Ruang sudah punya kata sandi, dan itu dipertahankan. Hilangkan --password-file; untuk menggantinya:\n"
    "  sudo sockatuh hash-password --service"
)
PASSWORD_TAKEN: Final = "Kata sandi baru berlaku: anggota tetap di dalam, orang lain memerlukannya."
ANEW: Final = (
    "Misalnya, dari direktori kode sumbernya:\n"
    "  sudo python3 -m venv /opt/sockatuh\n"
    "  sudo /opt/sockatuh/bin/pip install .\n"
    "  sudo /opt/sockatuh/bin/sockatuh install-service"
)
STATE_ELSEWHERE: Final = (
    "seharusnya /var/lib/sockatuh, tempat layanan menyimpan datanya; pindahkan yang ingin Anda pertahankan ke sana"
)


def not_root(command: str, program: str) -> str:
    """Say that the command needs root."""
    return f"Hanya root yang boleh melakukannya. Coba: sudo {program} {command}"


def unreadable_program(command: Sequence[str], said: str) -> str:
    """Say that the service's user cannot run this program, and what it printed when it was tried."""
    why = f" menjawab: {fact(said)}" if said else " gagal"
    return (
        f"Layanan tidak bisa menjalankan SockAtuh ini: `{' '.join(command)} version`, sebagai pengguna tersendiri "
        f"tanpa lingkungan dan direktori rumah Anda,{why}.\n"
        "Penggunanya harus bisa membaca program ini: pasanglah di tempat yang terbuka bagi semua, dan jalankan yang "
        f"itu. {ANEW}"
    )


def ended_with(code: int) -> str:
    """Say how a trial of the program ended that printed nothing."""
    return f"program itu berakhir dengan {code}"


def packaged(path: Path) -> str:
    """Say that a package has installed units, which ours would override."""
    return (
        f"Sebuah paket sudah memasang {fact(path)}; unit di /etc akan menggantikannya, jadi tidak ada yang dilakukan. "
        "Pakailah yang itu:\n"
        "  sudo systemctl enable --now sockatuh.socket sockatuh.service"
    )


def no_answer(port: int) -> str:
    """Say that the service was started but does not answer."""
    return (
        f"Layanan sudah dimulai, tetapi tidak ada yang menjawab di port UDP {port} komputer ini. Lihat sebabnya:\n"
        "  systemctl status sockatuh.socket sockatuh.service"
    )


def no_service(program: str) -> str:
    """Say that there is no service whose password could be changed."""
    return f"Tidak ada layanan SockAtuh di sini. Pasang: sudo {program} install-service"


def password_waits(path: Path) -> str:
    """Say that a new password is in place."""
    return (
        f"Kata sandi baru ada di {fact(path)}, dan berlaku mulai ruang dijalankan lagi: sudo systemctl start sockatuh"
    )


def password_not_taken(path: Path, reasons: str) -> str:
    """Say that a new password is in place, but the running room still uses the old one."""
    return (
        f"Kata sandi baru ada di {fact(path)}, tetapi ruang yang berjalan tidak menerimanya dan masih memakai yang lama"
        f"{_indented(reasons)}\nPerbaiki itu, lalu: sudo systemctl reload sockatuh"
    )


def config_in_the_way(path: Path) -> str:
    """Say that there are settings already."""
    return f"{fact(path)} sudah ada dan dipertahankan. Hilangkan --config, atau pindahkan dulu berkas itu."


def room_is_set(path: Path) -> str:
    """Say that the room has its name already."""
    return f"Nama ruang ditentukan di {fact(path)}. Hilangkan --room, atau ubah di sana."


def will_write(path: Path, mode: int | None, news: str) -> str:
    """Say what happens to a file, or to a link, which has no mode."""
    return (
        f"  {NEWS[news]:<9} {fact(path)}"
        + (f" ({mode:04o})" if mode is not None else "")
        + (" (itu milik program lain)" if news == "kept" else "")
    )


def will_run(command: Sequence[str]) -> str:
    """Say which command is run."""
    return f"  jalankan  {' '.join(command)}"


def file_shown(path: Path, mode: int, text: str) -> str:
    """Show a whole file."""
    return f"==> {fact(path)} ({mode:04o}) <==\n{text}"


def shortcut_shown(path: Path, command: Sequence[str], script: str, *, is_ours: bool) -> str:
    """Show the shortcut to the program."""
    if not is_ours:
        return f"==> {fact(path)} tetap: itu milik program lain\n"
    return file_shown(path, 0o755, script) if script else f"==> {fact(path)} -> {fact(command[0])}\n"


def command_shown(command: Sequence[str]) -> str:
    """Show a command."""
    return f"==> {' '.join(command)}"


def command_failed(command: Sequence[str], said: str, reasons: str) -> str:
    """Say that a systemd command failed, with what the service or the command printed."""
    why = reasons or said
    return (
        f"`{' '.join(command)}` gagal{_indented(why)}\n"
        "Berkas-berkasnya sudah ditulis, dan kata sandi yang ditampilkan berlaku. Setelah itu diperbaiki: "
        "sudo systemctl restart sockatuh.socket sockatuh.service"
    )


def _indented(lines: str) -> str:
    return ":\n" + "\n".join(f"  {fact(line)}" for line in lines.splitlines()) if lines else "."


def no_directory(path: Path) -> str:
    """Say that backups cannot be put there."""
    return f"{fact(path)} bukan direktori yang bisa ditulis dalam sebuah unit."


def within_room(path: Path) -> str:
    """Say that backups must not be among the room's own files."""
    return f"{fact(path)} adalah tempat ruang itu sendiri; cadangan di sana akan hilang bersamanya."


def writes_numbers(path: Path) -> str:
    """Say where the room's numbers are written."""
    return f"Angka-angkanya ditulis setiap menit: {fact(path)}"


def serves_browsers(port: int, unit: str) -> str:
    """Katakan bahwa peramban dapat masuk, dan di mana alamat serta sertifikatnya disebut."""
    return f"Peramban dapat masuk di porta TCP {port}; alamat dan sertifikatnya: journalctl -u {unit}"


def makes_backups(directory: Path, keep: int) -> str:
    """Say where backups are made, and how many are kept."""
    return f"Cadangan dibuat setiap malam, dan {_number(keep)} yang terbaru disimpan: {fact(directory)}"


def backups_stay(directory: Path) -> str:
    """Say that the backups themselves are not removed."""
    return f"Cadangannya tetap ada: {fact(directory)}"


def removed(paths: Iterable[Path]) -> str:
    """Say what was removed."""
    return "\n".join(f"  dihapus   {fact(path)}" for path in paths)


def kept(paths: Iterable[Path], program: str) -> str:
    """Say what was kept."""
    return "\n".join(
        [
            *(f"  tetap     {fact(path)}" for path in paths),
            f"Untuk menghapus ini juga: sudo {program} uninstall-service --purge",
        ]
    )


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")
