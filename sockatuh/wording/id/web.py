"""Setiap kalimat pintu web selain halamannya: mengapa permintaan ditolak, dan apa yang dicetak perintah `web`."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_WEB: Final = """Buka ruang untuk peramban: sajikan halaman kepadanya, dan jadilah klien ruang untuk masing-masing.

Halaman itu tidak perlu memasang apa pun. Ia lebih lemah daripada terminal: kunci para pemakainya ada di mesin ini, dan
peramban tidak dapat membedakan mesin ini dari peniru kecuali sertifikatnya dibandingkan atau dipercaya.
"""
HELP_SERVER: Final = "Ruangnya: HOST, HOST:PORT, atau undangan; bawaan: yang di pengaturan, atau ruang di mesin ini."
HELP_LISTEN: Final = "Alamat dan porta TCP untuk mendengarkan; bawaan: [::]:7680."
HELP_CERT: Final = "Sertifikat (PEM) beserta rantainya."
HELP_KEY: Final = "Kunci sertifikat (PEM); bawaan: ada di berkas yang sama."
HELP_SELF_SIGNED: Final = "Buat sertifikat sendiri dan cetak SHA-256-nya; bawaan. Peramban akan memperingatkan."
HELP_HTTP: Final = "Tanpa enkripsi: semua orang di jaringan dapat ikut membaca."
HELP_QR: Final = "Cetak juga alamatnya sebagai kode QR."
HELP_MAX: Final = "Jumlah peramban terbanyak pada satu waktu; bawaan: 200."
HELP_NAME: Final = "Nama host lain mesin ini, selain namanya sendiri; boleh diulang."
HELP_STATE: Final = "Simpan kunci peramban dan sertifikat di sini."

ONE_OF_THREE: Final = "--cert, --self-signed, dan --http tidak dapat dipakai bersama."
KEY_WITHOUT_CERT: Final = "--key memerlukan --cert."
NOT_ENCRYPTED: Final = "Tanpa enkripsi: semua orang di jaringan ini dapat ikut membaca."
ONE_SOURCE: Final = (
    "Ruang tidak dihubungi di 127.0.0.1, atau ini bukan Linux, jadi semua peramban dihitungnya sebagai satu alamat; "
    "di sini masing-masing mendapat 5 percobaan kata sandi per menit. Larangan atas alamat tidak berlaku bagi "
    "peramban. Jika ruang berjalan di mesin ini, jangan sebutkan alamatnya."
)

FORBIDDEN: Final = "Halaman ini dibuka dengan alamat yang bukan miliknya. Bukalah dengan alamat yang dicetak."
ERRORS: Final = {
    "bad_request": "Halaman mengirim sesuatu yang tidak bermakna. Muat ulang.",
    "not_joined": "Peramban ini tidak ada di ruang.",
    "not_found": "Tidak ada halaman seperti itu di sini.",
    "not_allowed": "Itu tidak dapat dilakukan dengan cara ini.",
    "out_of_order": "Baris sebelumnya belum ada.",
    "number_used": "Itu sudah dikatakan di tab lain.",
    "too_large": "Itu terlalu panjang.",
    "not_json": "Halaman mengirim sesuatu yang tidak bermakna. Muat ulang.",
    "too_many_tries": "Terlalu banyak percobaan dari sini.",
    "too_many_streams": "Ruang terbuka di terlalu banyak tab peramban ini. Tutup salah satunya.",
    "too_fast": "Terlalu cepat untuk ruang ini; tunggu sebentar.",
    "full": "Pintu web ruang ini penuh.",
    "not_kept": "Baris itu tidak dapat ditulis ke disk mesin ini, jadi tidak dikirim.",
    "disk_unusable": (
        "Mesin ini sedang tidak dapat memakai disknya, jadi peramban ini tidak diterima. Tanyakan kepada pengelolanya."
    ),
    "no_server": "Ruang tidak menjawab.",
    "not_prepared": "Mesin terlalu lama menyiapkan kata sandi. Coba lagi.",
    "not_stored": "Ruang saat ini tidak dapat menyimpan apa pun. Coba lagi nanti.",
    "identity_changed": (
        "Kunci ruang berbeda dari sebelumnya, jadi tidak ada yang dikirim kepadanya. Tanyakan kepada pengelolanya."
    ),
    "server_unproven": (
        "Ruang tidak membuktikan bahwa ia tahu kata sandinya, jadi mungkin ruang lain. Tanyakan kepada pengelolanya."
    ),
    "version_mismatch": "Versi ruang dan pintu webnya berbeda. Tanyakan kepada pengelolanya.",
    "client_outdated": "Pintu web terlalu lama untuk ruang ini. Tanyakan kepada pengelolanya.",
    "trouble": "Ada masalah pada pintu web. Tanyakan kepada pengelolanya.",
    "left": "Anda telah keluar dari ruang.",
    "closed": "Pintu web sedang ditutup.",
    "name_invalid": "Ruang tidak menerima nama itu.",
    "name_unavailable": "Nama itu, atau yang mirip dengannya, sudah dipakai di sini.",
    "name_taken": "Seseorang di ruang memakai nama itu, atau yang mirip dengannya.",
    "name_owned": (
        "Nama itu milik peramban atau mesin lain. Jika itu nama Anda, minta pengelola ruang membebaskannya; jika "
        "bukan, pilih yang lain."
    ),
    "name_reserved": "Admin ruang menyimpan nama itu, atau yang mirip dengannya, untuk dirinya.",
    "name_is_password": "Nama tidak boleh sama dengan kata sandi ruang.",
    "password_changed": "Ruang mempunyai kata sandi baru.",
    "ticket_refused": "Ruang meminta kata sandi lagi.",
    "room_full": "Ruang penuh. Coba lagi nanti.",
    "too_many_sessions": "Peramban ini terlalu sering terhubung.",
}


def wait_first(wait: float) -> str:
    """Katakan berapa detik harus menunggu, sebagai akhir kalimat; kosong untuk 0."""
    return f" Tunggu {math.ceil(wait)} dtk." if wait > 0 else ""


def how_many(count: int) -> str:
    """Katakan berapa orang ada di ruang."""
    return f"{count:,} orang ada di sini.".replace(",", ".")


def member(name: str, remarks: Sequence[str]) -> str:
    """Katakan siapa yang ada di sini, dan bagaimana."""
    return name + "".join(f" ({each})" for each in remarks)


WEB: Final = "web"
UNENCRYPTED: Final = "tanpa enkripsi"
NO_CONTACT: Final = "tanpa kontak"
AWAY: Final = "pergi"
YOU: Final = "Anda"


def not_installed(python: str) -> str:
    """Say that what the door needs is missing, and how it is installed where this program is."""
    return (
        "Yang diperlukan pintu web belum dipasang. Di dalam salinan repositori SockAtuh: "
        f"{fact(shlex.quote(python))} -m pip install '.[web]'"
    )


def open_at(urls: Sequence[str], room: str) -> str:
    """Katakan di mana halamannya, setelah disajikan."""
    return f"Pintu web ke {fact(room)} terbuka: {' '.join(urls)}"


def certificate_is(sha256: str, until: str) -> str:
    """Berikan apa yang ditampilkan peramban tentang sertifikat kita sendiri, untuk dibandingkan."""
    return f"Peramban akan memperingatkan. SHA-256 sertifikat, untuk dibandingkan: {sha256} (sampai {until})"


def not_a_place(text: str) -> str:
    """Katakan cara menulis tempat mendengarkan."""
    return f"--listen {fact(text)} bukan alamat dengan porta. Tulis [::]:7680 atau 192.168.1.20:7680."


def certificate_unusable(path: str, reason: str) -> str:
    """Katakan bahwa sebuah sertifikat atau kuncinya tidak dapat dipakai."""
    return f"{fact(path)} tidak dapat dipakai untuk TLS: {in_words(reason)}."


KEY_ELSEWHERE: Final = "Jika kuncinya di berkas tersendiri, sebutkan dengan --key."


def certificate_expired(path: str, day: str) -> str:
    """Say that a certificate is no longer valid."""
    return (
        f"Sertifikat di {fact(path)} kedaluwarsa sejak {day}: peramban memperingatkan. Perbarui, lalu jalankan pintu "
        "web lagi."
    )


def cannot_listen(place: str, reason: str) -> str:
    """Say that the door's port cannot be opened."""
    return (
        f"Tidak dapat mendengarkan di {fact(place)}: {in_words(reason)}. Pilih alamat atau porta lain, seperti "
        "--listen [::]:7681."
    )


def already_open(path: str) -> str:
    """Say that another web door uses the directory."""
    return (
        f"Pintu web lain sedang berjalan dengan keadaan di {fact(path)}. Hentikan yang itu, atau beri yang ini "
        "direktori sendiri: --state DIR."
    )


def not_a_name(text: str) -> str:
    """Say what a host name is."""
    return f"--name {fact(text)} bukan nama host. Tulis tanpa https:// dan porta, seperti chat.example.org."


def bans_unread(path: str, reason: str) -> str:
    """Say that the room's bans of addresses are not known here, and why."""
    return f"Larangan atas alamat tidak berlaku bagi peramban: {fact(path)}: {in_words(reason)}."


def bans_elsewhere(path: str) -> str:
    """Say that the room that answers does not write its bans of addresses there."""
    return (
        f"Larangan atas alamat tidak berlaku bagi peramban: ruang di sini tidak menulis {fact(path)}. Jika "
        "pengaturannya ada di berkas lain, sebutkan: --config FILE."
    )


def no_room(server: str) -> str:
    """Say that nothing answers where the room should be."""
    return (
        f"Saat ini tidak ada ruang yang menjawab di {fact(server)}; peramban diberi tahu sampai ada yang menjawab. "
        "Apakah `sockatuh serve` berjalan?"
    )
