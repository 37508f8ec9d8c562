"""Every sentence of the page that the web door serves; those about what happens in the room are in `client`.

They stand in `web/page/index.html` as `{{word}}`. A place in braces is filled by the page's script.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

from typing import Final

NOT_ENCRYPTED: Final = "Halaman ini tidak dienkripsi: semua orang di jaringan ini bisa ikut membaca."
NO_SCRIPT: Final = "Halaman ini memerlukan JavaScript."
NO_COOKIES: Final = "Browser ini tidak menyimpan cookie, padahal itu tanda pengenalnya."

YOUR_NAME: Final = "Nama Anda"
ROOM_PASSWORD: Final = "Kata sandi ruang"
NEXT: Final = "Lanjut"
JOIN: Final = "Bergabung"
ANOTHER_NAME: Final = "Nama lain"

LINES: Final = "Pesan di ruang"
ON_THE_WAY: Final = "Dalam perjalanan"
SAY_SOMETHING: Final = "Tulis pesan"
SEND: Final = "Kirim"
HERE: Final = "{n} di sini"
WHO_IS_HERE: Final = "Siapa yang ada di sini"
CLOSE: Final = "Tutup"
BELL: Final = "Beri tahu saya"
LEAVE: Final = "Keluar"
LEAVE_ASKED: Final = "Keluar dari ruang?"
LEAVE_EXPLAINED: Final = (
    "Browser ini akan dilupakan, tetapi namanya tetap dipakai. Menutup halaman bukan berarti keluar."
)
STAY: Final = "Tetap di sini"

NEW: Final = "baru"
TO_THE_END: Final = "Ke pesan terakhir"
NOT_STORED_YET: Final = "belum tersimpan"
NO_CONTACT_SINCE: Final = "tidak terhubung sejak {time}; yang Anda tulis disimpan"
MENTIONS_YOU: Final = "menyebut Anda"
ADMIN_SAYS: Final = "pengelola ruang berkata"
PRIVATE: Final = "pribadi"
YOU: Final = "Anda"
NOT_SENT: Final = "tidak terkirim: {why}"
NOT_A_COMMAND: Final = "tidak ada perintah {word}; /help menampilkan daftarnya, /{word} mengirimnya"
WHAT_TO_SAY: Final = "{word} perlu teks"
HELP: Final = (
    "/me TEKS menceritakan yang Anda lakukan\n/msg NAMA TEKS hanya untuk satu orang\n"
    "/who menampilkan siapa yang ada di sini\n/leave keluar dari ruang\n//TEKS mengirim /TEKS"
)
