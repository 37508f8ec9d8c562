"""The sentences of commands that ask the server of this machine, when they get no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .reasons import in_words

HELP_SOCKET: Final = "Soket kendali server; bawaan: $SOCKATUH_CONTROL, atau tempat ruang menaruhnya."
SWITCHED_OFF: Final = 'Soket kendali dimatikan (control = "off").'
NO_ITEM: Final = "Server menjawab, tetapi bukan yang ditanyakan."

HELP_RELOAD: Final = """Minta server ruang membaca ulang pengaturannya, tanpa memutus siapa pun.

Hasilnya: apa yang dipakai, dan pengaturan mana yang perlu mulai ulang. Kalau ada yang salah, tidak ada yang diubah.
"""
NOTHING_CHANGED: Final = "Pengaturan sudah dibaca ulang; tidak ada yang berubah."
NOTHING_WAS_CHANGED: Final = "Tidak ada yang diubah; ruang terus berjalan dengan pengaturan yang ada."
RELOAD_UNFINISHED: Final = "Server belum membaca pengaturannya, dan akan melakukannya. Lognya memuat hasilnya."


def taken(settings: Sequence[str]) -> str:
    """Say which settings were taken."""
    return f"Dipakai: {', '.join(settings)}."


def restart_needed(settings: Sequence[str]) -> str:
    """Say which settings have changed and need a restart."""
    return f"Perlu mulai ulang: {', '.join(settings)}."


def settings_unreadable(reason: str) -> str:
    """Say why the settings could not be read at all."""
    return f"Pengaturan tidak bisa dibaca: {in_words(reason)}."


def no_server(looked: Sequence[str]) -> str:
    """Say that no server runs; `looked` are the places where its socket would be."""
    places = f" (sudah dicari di {', '.join(looked)})" if looked else ""
    return (
        f'Tidak ada server yang berjalan di sini{places}, atau server itu tanpa soket kendali (control = "off", atau '
        "versi yang lebih lama)."
    )


def socket_meant(word: str, meant: str) -> str:
    """Say that the value of --socket is one of its words in other letters."""
    return f"--socket seharusnya path, auto atau off, bukan {word}; maksudnya {meant}?"


def by_socket(place: str) -> str:
    """Say that a server can be asked although the settings of its room have mistakes; `place` is the service's."""
    return f"Server yang berjalan tetap bisa dihubungi lewat soket kendalinya: --socket PATH ({place}?)."


def only_root(command: str) -> str:
    """Say that this user may not; `command` does the same as root."""
    return f"Hanya root yang boleh melakukannya: {command}"


def unusable(path: str, reason: str) -> str:
    """Say that a socket cannot be used, in the system's words."""
    return f"Soket kendali {path} tidak bisa dipakai: {in_words(reason)}."


def silent(path: str, seconds: int, *, is_order: bool) -> str:
    """Say that a server does not answer, and what becomes of what it was ordered."""
    order = " Begitu ia berjalan lagi, perintah itu dijalankannya; `sockatuh audit` menunjukkannya." if is_order else ""
    return (
        f"Server di {path} tidak menjawab dalam {seconds} detik.{order} Lognya mungkin memuat sebabnya: "
        "journalctl -u sockatuh"
    )


def ended(path: str) -> str:
    """Say that a server ended the connection before it had answered."""
    return (
        f"Server di {path} berhenti sebelum selesai menjawab. Kalau tadi ada perintah, `sockatuh audit` menunjukkan "
        "apakah perintah itu sudah dijalankan."
    )


def not_understood(path: str) -> str:
    """Say that whatever answers is no server of ours."""
    return f"Yang menjawab di {path} bukan server SockAtuh."


def other_version(theirs: int, ours: int) -> str:
    """Say that server and command are of different versions."""
    return (
        f"Server yang sedang berjalan menjawab dengan bahasa soket kendali versi {theirs}, sedangkan perintah ini "
        f"memakai versi {ours}. Pakailah program yang dijalankan server itu, atau mulai ulang servernya."
    )
