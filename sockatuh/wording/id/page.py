"""Every sentence of the page that the web door serves; those about what happens in the room are in `client`.

They stand in `web/page/index.html` as `{{word}}`. A place in braces is filled by the page's script.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

from typing import Final

NOT_ENCRYPTED: Final = "Halaman ini tidak terenkripsi: siapa pun di jaringan ini bisa ikut membaca."
NOT_LOADED: Final = "Halaman ini tidak termuat utuh: muat ulang. Perlu JavaScript."
NO_COOKIES: Final = "Browser ini menolak cookie; tanpa itu Anda tidak bisa masuk."

YOUR_NAME: Final = "Nama Anda"
ROOM_PASSWORD: Final = "Kata sandi ruang"
NEXT: Final = "Lanjut"
JOIN: Final = "Gabung"
ANOTHER_NAME: Final = "Ganti nama"
WAITING: Final = "Menunggu ruang…"

LINES: Final = "Percakapan"
SAY_SOMETHING: Final = "Tulis pesan"
SEND: Final = "Kirim"
HERE: Final = "{n} di sini"
WHO_IS_HERE: Final = "Siapa di sini"
CLOSE: Final = "Tutup"
BELL: Final = "Notifikasi"
LEAVE: Final = "Keluar"
LEAVE_ASKED: Final = "Keluar dari ruang?"
LEAVE_EXPLAINED: Final = (
    "Di browser ini cukup nama Anda untuk kembali. Dipakai bersama? Hapus data Anda; nama itu tetap terpakai 90 hari."
)
LEAVE_FOR_GOOD: Final = "Keluar dan hapus data"
STAY: Final = "Tetap di sini"

WELCOME: Final = "Ketik /help untuk daftar perintah."
NEW: Final = "baru"
TO_THE_END: Final = "Ke pesan terakhir"
NOT_STORED_YET: Final = "belum tersimpan"
NO_CONTACT_SINCE: Final = "terputus sejak {time}; tulisan Anda disimpan"
MENTIONS_YOU: Final = "menyebut Anda"
ADMIN_SAYS: Final = "pengelola"
PRIVATE: Final = "pribadi"
YOU: Final = "Anda"
NOT_SENT: Final = "tidak terkirim: {why}"
LOST_ON_THE_WAY: Final = "hilang"
NOT_A_COMMAND: Final = "perintah {word} tidak ada; lihat /help, atau kirim /{word}"
WHAT_TO_SAY: Final = "{word} butuh teks"
HELP: Final = (
    "/me TEKS: apa yang Anda lakukan\n/msg NAMA TEKS: hanya untuk orang itu\n/who: siapa di sini\n"
    "/leave: keluar dari ruang\n//TEKS: kirim /TEKS"
)
