"""Every sentence that `check` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_SHOW_ORIGIN: Final = "Tampilkan juga asal setiap setelan."
HELP_SETTINGS: Final = (
    "Periksa setelan saja, dan tampilkan hanya yang salah; dijalankan oleh layanan waktu membaca ulang setelan."
)

RUNNING: Final = "ruang sedang berjalan"
WAITING: Final = "ruang tidak berjalan; systemd memegang portnya dan menjalankannya kalau ada yang datang"
READY: Final = "ruang tidak berjalan dan bisa dijalankan"
NOT_TRIED: Final = "tidak dicoba"
CLOSED_CREDENTIAL: Final = "berkas kredensial /etc/sockatuh/password_hash, yang hanya boleh dibaca root"
NOT_ADMITTED: Final = (
    "Data dan kata sandi ruang adalah milik layanan, dan hanya root yang bisa memeriksanya: sudo sockatuh check"
)


def in_order(state: str, room: str, host: str, port: int, state_dir: Path) -> str:
    """Say that nothing is wrong, and whether the room is running."""
    return f'Semua beres; {state}: ruang "{room}" di {fact(host)} port {port}, data di {fact(state_dir)}'


def setting(key: str, value: str, origin: str) -> str:
    """Show one setting, with its origin if there is one."""
    return f"{fact(key)} = {fact(value)}" + (f"  ({fact(in_words(origin))})" if origin else "")


def not_writable(place: Path) -> str:
    """Say that the state directory cannot be written."""
    return f"seharusnya direktori yang bisa ditulisi pengguna ini, dan {fact(place)} bukan"


def silent(port: int) -> str:
    """Say that a server runs the room but does not answer at its port."""
    return (
        f"ada server yang menjalankan ruang ini tetapi tidak menjawab di port {port}: server itu dimulai dengan port "
        "lain, atau macet; mulailah ulang"
    )


def another_answers(port: int) -> str:
    """Say that another server has the room's port."""
    return f"server SockAtuh lain menjawab di port {port}"


def whatever_is_set(unit: str) -> str:
    """Say that a value comes from systemd's unit, so that no other setting of it counts."""
    return f"{unit}, apa pun yang disetel di tempat lain"


NOT_OURS: Final = "seharusnya memakai alamat mesin ini"
NOT_FOR_THE_SERVICE: Final = (
    "seharusnya berkas yang boleh dibaca pengguna layanan; lihat LoadCredential= di sockatuh-web.service"
)


def no_server(reason: str) -> str:
    """Say that the door's room is no address of one."""
    return f"seharusnya HOST, HOST:PORT, atau undangan: {in_words(reason)}"


def port_unusable(port: int, reason: str) -> str:
    """Say that the door cannot have its port."""
    return f"seharusnya memakai port TCP yang bebas, dan {port} tidak bisa dipakai: {in_words(reason)}"


def unreadable(reason: str) -> str:
    """Say that a file cannot be read."""
    return f"seharusnya berkas yang bisa dibaca: {in_words(reason)}"


def expired(day: str) -> str:
    """Say that a certificate is no longer valid."""
    return f"seharusnya sertifikat yang masih berlaku; yang ini berakhir pada {day}"


def unusable(reason: str) -> str:
    """Say that TLS cannot use a certificate."""
    return f"seharusnya bisa dipakai TLS: {in_words(reason)}"
