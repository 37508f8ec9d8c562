"""Every sentence about the commands that are typed in a chat. Callers clean texts from the network first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

COMMANDS: Final = {
    "who": ("[-k]", "lihat siapa yang ada; -k: juga kunci, sejak kapan"),
    "me": ("TEKS", "katakan yang Anda lakukan: /me melambai"),
    "msg": ("NAMA TEKS", "katakan sesuatu kepada satu orang saja"),
    "r": ("TEKS", "balas pesan pribadi yang terakhir"),
    "strike": ("[SEQ]", "hapus pesan terakhir Anda, atau yang itu, bagi semua"),
    "nick": ("NAMA", "pakai nama lain"),
    "away": ("[TEKS]", "beri tahu bahwa Anda pergi, sampai pesan berikutnya"),
    "back": ("", "beri tahu bahwa Anda sudah kembali"),
    "people": ("", "tampilkan atau sembunyikan daftar orang"),
    "quiet": ("[on|off]", "sembunyikan atau tampilkan yang datang dan pergi"),
    "bell": ("[off|mine|all]", "kapan berbunyi: tak pernah, nama disebut, selalu"),
    "ignore": ("[NAMA]", "sembunyikan pesan seseorang; tanpa nama: daftarnya"),
    "unignore": ("NAMA", "tampilkan lagi"),
    "search": ("TEKS", "cari pesan"),
    "history": ("[N]", "tampilkan lagi pesan-pesan terakhir"),
    "links": ("", "lihat tautan-tautan terakhir secara utuh"),
    "copy": ("[N]", "salin teks pesan-pesan terakhir"),
    "show": ("SEQ", "tampilkan teks panjang seluruhnya"),
    "save": ("SEQ FILE", "simpan teks ke berkas baru"),
    "net": ("", "lihat keadaan hubungan"),
    "help": ("", "tampilkan daftar ini"),
    "quit": ("", "keluar; Ctrl-D dan Ctrl-C juga"),
}
"""Of each command what may follow it, and what it does."""
SLASH_HELP: Final = ("//TEKS", "kirim teks yang diawali garis miring")

MSG_WHAT: Final = "/msg memerlukan nama dan teks: /msg budi halo"
REPLY_WHAT: Final = "/r memerlukan teks: /r sebentar lagi sampai"
NOBODY_TO_ANSWER: Final = "belum ada pesan pribadi untuk Anda"
STRIKE_WHAT: Final = "/strike memerlukan nomor pesan: /strike 4321; tanpa nomor: pesan terakhir Anda"
STRIKE_LATER: Final = "pesan terakhir Anda belum tersimpan; setelah tersimpan, /strike bisa menghapusnya"
NOTHING_TO_STRIKE: Final = "di sini belum ada pesan Anda yang bisa dihapus"
NICK_WHAT: Final = "/nick memerlukan nama, satu kata: /nick tomas"
YOU_ARE_BACK: Final = "Anda sudah kembali"
QUIET_WHAT: Final = "/quiet harus on atau off"
QUIET: Final = "yang datang dan pergi tidak ditampilkan; /quiet off menampilkannya"
NOT_QUIET: Final = "yang datang dan pergi ditampilkan; /quiet on menyembunyikannya"
BELLS: Final = {
    "off": "bel tidak pernah berbunyi",
    "mine": "bel berbunyi saat nama Anda disebut, dan untuk pesan pribadi",
    "all": "bel berbunyi untuk setiap pesan",
}
IGNORE_YOURSELF: Final = "itu Anda sendiri"
NOBODY_IGNORED: Final = "tidak ada yang Anda abaikan"
UNIGNORE_WHOM: Final = "/unignore memerlukan nama: /unignore zoe"
SEARCH_WHAT: Final = "/search memerlukan teks: /search soto"
HISTORY_NUMBER: Final = "/history memerlukan angka"
COPY_NUMBER: Final = "/copy memerlukan angka"
NO_LINES: Final = "tidak ada pesan di sini"
NO_LINKS: Final = "tidak ada tautan di sini"
NO_COPYING: Final = "/copy tidak bisa di baris biasa (--plain)"
SAVE_WHAT: Final = "/save perlu nomor dan berkas: /save 4321 a.txt"
NO_ADDRESS: Final = "belum ada"
NET_ROWS: Final = ("server", "alamat", "kunci", "jawaban", "datagram", "hubungan", "pesan")
"""What the facts are about that /net shows."""
IN_CONTACT: Final = "tidak pernah putus"


def ask_private_password(name: str) -> str:
    """Ask whether a private line with the room's password is to be sent."""
    return f"pesan itu memuat kata sandi ruang ini, dan {name} akan membacanya; kirim juga? [y/T]"


def first_private(name: str) -> str:
    """Say once who can read a private line."""
    return f"pribadi: hanya Anda, {name}, dan pemilik komputer servernya yang bisa membacanya"


def under_way(command: str) -> str:
    """Say that a command was given before and has no answer yet."""
    return f"/{command} yang terakhir belum terjawab"


def unanswered(command: str) -> str:
    """Say that the server did not answer a command."""
    return f"tidak ada jawaban untuk /{command}; coba lagi"


def you_are_away(text: str) -> str:
    """Say that others see this person as away."""
    return "Anda sedang pergi" + (f": {text}" if text else "") + "; pesan Anda berikutnya mengakhirinya"


def away_too_long(size: int, most: int) -> str:
    """Give the size of a text that is too long, in characters."""
    return f"/away menerima paling banyak {most} karakter; itu {size}"


def bell_is(bell: str) -> str:
    """Say what the bell may be, and what it is."""
    return f"/bell harus off, mine, atau all; sekarang {bell}"


def silenced(sentence: str, variable: str) -> str:
    """Add to a sentence about the bell that a variable keeps it silent."""
    return f"{sentence}, tetapi ${variable} bernilai off"


def nobody_here(name: str) -> str:
    """Say that a name belongs to nobody here."""
    return f"tidak ada yang bernama {name} di sini; lihat /who"


def ignored(name: str) -> str:
    """Say that somebody's lines are not shown from now on."""
    return f"mulai sekarang pesan {name} tidak ditampilkan, dengan nama apa pun; /unignore {name} menampilkannya"


def ignored_by_name(name: str) -> str:
    """The same of somebody who has no key."""
    return (
        f"{name} tidak punya kunci: pesan tanpa kunci dari siapa pun yang bernama {name} tidak ditampilkan; "
        f"/unignore {name} menampilkannya"
    )


def ignored_people(names: Sequence[str]) -> str:
    """List who is ignored."""
    return f"Anda mengabaikan {', '.join(names)}"


def by_name(name: str) -> str:
    """Name somebody who is ignored by name."""
    return f"{name} (menurut nama)"


def not_ignored(name: str) -> str:
    """Say that somebody was not ignored."""
    return f"Anda tidak mengabaikan {name}; lihat /ignore"


def unignored(name: str) -> str:
    """Say that somebody's lines are shown again."""
    return f"pesan {name} ditampilkan lagi"


def not_found(text: str, count: int) -> str:
    """Say that a search found nothing; `text` is quoted."""
    return f"{text} tidak ada di {_number(count)} pesan di sini"


def found(text: str, count: int, shown: int) -> str:
    """Head the newest lines that a search has found; `text` is quoted."""
    newest = f", {shown} yang terbaru" if shown < count else ""
    return f"{_number(count)} pesan dengan {text}{newest}"


def no_line(seq: int) -> str:
    """Say that no line with that number is held."""
    return f"pesan {seq} tidak ada di sini"


def copied(count: int) -> str:
    """Say that a terminal was asked to copy lines; whether it has is not known."""
    return f"{count} pesan disalin, kalau terminal Anda mengizinkannya"


def copy_too_long(size: int, most: int) -> str:
    """Give the sizes of what is too long to copy, in bytes."""
    return f"{_number(size)} byte; paling banyak {_number(most)}"


def is_there(file: str) -> str:
    """Say that a file exists, which is not overwritten."""
    return f"{fact(file)} sudah ada"


def not_saved(file: str, reason: str) -> str:
    """Say why a file could not be written."""
    return f"{fact(file)}: {in_words(fact(reason))}"


def saved(size: int, file: str) -> str:
    """Say that a text was saved; `size` in bytes."""
    return f"{_number(size)} byte disimpan di {fact(file)}"


def answer_times(best: str, last: str) -> str:
    """Say how long the server's answers take; the best is of the last eight."""
    return f"tercepat {best}, terakhir {last}"


def datagrams(sent: int, repeated: int) -> str:
    """Count datagrams."""
    return f"{_number(sent)} terkirim, {_number(repeated)} di antaranya ulangan"


def contact_losses(count: int, span: str) -> str:
    """Say how often contact was lost, and how long in all."""
    return f"putus {count} kali, seluruhnya {span}"


def unanswered_lines(count: int) -> str:
    """Say how many lines have no answer."""
    return f"{_number(count)} belum terjawab"


def span(seconds: float) -> str:
    """Say how long something took, roughly."""
    if seconds < 100:
        return f"{round(seconds)} detik"
    minutes = round(seconds / 60)
    return f"{minutes} menit" if minutes < 100 else f"{round(minutes / 60)} jam"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")
