"""Every sentence that the client's commands and screens print.

Callers clean texts from the network first. The reasons for which a server refuses something are in `admin`.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_CHAT: Final = "Mengobrol di sebuah ruang."
HELP_SEND: Final = "Kirim satu pesan ke ruang, dan tunggu sampai tersimpan."
HELP_TAIL: Final = "Baca yang dikatakan di ruang, sampai dihentikan."
HELP_WHO: Final = "Lihat siapa saja yang ada di ruang."
HELP_DISCOVER: Final = "Cari ruang di jaringan komputer ini."
HELP_PING: Final = "Lihat apakah sebuah server menjawab, secepat apa, dan dengan kunci apa; tanpa kata sandi."
HELP_IDENTITY: Final = (
    "Tampilkan, ekspor, atau impor kunci yang dikenal server sebagai Anda, atau lupakan kunci sebuah server."
)

HELP_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT, atau undangan sockatuh://…; bawaan: $SOCKATUH_SERVER, "
    "kalau tidak ada, server dari `sockatuh chat SERVER` Anda yang terakhir."
)
HELP_CHAT_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT, atau undangan sockatuh://…; bawaan: $SOCKATUH_SERVER, kalau tidak ada, server dari "
    "obrolan Anda yang terakhir, di mana pun sekarang, kalau tidak ada, ruang yang ditemukan "
    "(dengan $SOCKATUH_DISCOVER=off tidak dicari)."
)
HELP_NAME: Final = (
    "Nama Anda; bawaan: nama yang Anda pilih di obrolan terakhir di sana, kalau belum ada, nama login Anda."
)
HELP_TRUST: Final = (
    "Sikap terhadap server yang belum Anda kenal: dengan ask dan accept-new server harus membuktikan bahwa ia tahu "
    "kata sandinya; dengan strict server itu ditolak, kecuali Anda punya undangan."
)
HELP_INLINE: Final = "Tampilkan di bawah isi terminal, bukan di layar tersendiri; juga SOCKATUH_SCREEN=inline."
HELP_PLAIN: Final = (
    "Baris biasa, untuk terminal sederhana dan pembaca layar, yang tidak bisa membaca layar lain baris demi baris."
)
HELP_CHAT_JSON: Final = (
    "Baca teks atau JSON dari stdin, satu per baris, dan tampilkan yang terjadi sebagai JSON (docs/JSON.md)."
)
HELP_HISTORY_LINES: Final = (
    "Berapa pesan sebelumnya yang ditampilkan dulu; bawaan: di terminal semua sejak obrolan Anda yang terakhir di sana "
    "(kali pertama sebanyak yang dikirim server), selain itu tidak ada."
)
HELP_TAIL_LINES: Final = "Berapa pesan sebelumnya yang ditampilkan dulu; bawaan: di terminal 10, selain itu tidak ada."
HELP_COLOUR: Final = "Kapan memakai warna; auto: di terminal, kecuali NO_COLOR disetel."
HELP_WORDS: Final = (
    "Teksnya; beberapa kata digabung dengan spasi. Tanpa kata, atau dengan - saja, teks dibaca dari stdin. "
    "Tulis -- sebelum teks yang diawali tanda hubung."
)
HELP_TO: Final = "Kirim sebagai pesan pribadi kepada orang yang ada di ruang, atau pemilik nama itu."
HELP_TIMEOUT: Final = (
    "Batas waktu dalam detik sampai teks tersimpan, kalau lewat: kode keluar 3; waktu menjawab pertanyaan tidak "
    "dihitung."
)
HELP_SINCE: Final = "Hanya yang dikatakan sejak itu: 90m, 12h, atau 2d lalu, 09:30, 2026-11-28, atau 2026-11-28T09:30."
HELP_AFTER: Final = "Mulai sesudah tempat ini di log, yaitu seq pesan terakhir yang sudah Anda baca."
HELP_SWEEP: Final = (
    "Tanyai juga satu per satu setiap alamat dalam /24 di sekitar alamat komputer ini. Ruang ditemukan meskipun "
    "firewall membuang jawaban atas broadcast, tetapi cara ini tampak seperti pemindaian port."
)
HELP_QUICK: Final = "Tampilkan apa yang menjawab, tanpa namanya dan tanpa menuntut bukti kuncinya."
HELP_PING_TIMEOUT: Final = "Berapa detik menunggu jawaban."
HELP_SEARCH_TIMEOUT: Final = (
    "Berapa detik menunggu jawaban; pencarian selesai lebih cepat kalau tidak ada lagi yang menjawab."
)

NO_SERVER_KNOWN: Final = (
    "Server mana? `sockatuh chat HOST` mengingatnya, begitu juga undangan dari pengelola ruang; "
    "skrip menyebutnya dengan $SOCKATUH_SERVER, `send` juga dengan --server HOST."
)
TO_WHOM: Final = "--to memerlukan nama."
ANSWER_NOT_UTF8: Final = "Yang diketik bukan UTF-8."
TEXT_NOT_UTF8: Final = "Teks di stdin bukan UTF-8; tidak ada yang dikirim."
TEXT_HOLDS_NUL: Final = "Masukan di stdin berisi byte NUL, jadi bukan teks; tidak ada yang dikirim."
STDIN_TWICE: Final = "Kata sandi dan teks tidak bisa sama-sama dari stdin; berikan salah satunya dengan cara lain."
WHICH_TEXT: Final = "Kirim apa? `sockatuh send teksnya di sini`, atau salurkan lewat pipa."
AFTER_OR_LINES: Final = "--after tidak bisa dipakai bersama -n atau --since: masing-masing menentukan awalnya."

ASK_PASSWORD: Final = "Kata sandi ruang: "
# The two answers of the original program.
NAME_VALID: Final = "Username valid!"
JOINED: Final = "Berhasil bergabung!"

PASSWORD_CHANGED: Final = (
    "Kata sandi ruang sudah diganti. Masukkan yang baru dan Anda masuk lagi; yang sudah Anda tulis tetap disimpan."
)
PASSWORD_WRONG: Final = "Itu bukan kata sandi ruang ini."
PREPARING: Final = "menyiapkan kata sandi…"
KEY_EXPLAINED: Final = (
    "Kunci adalah tanda pengenal Anda bagi ruang: dibuat pada kunjungan pertama, dan tetap di komputer itu."
)
KEYS_EXPLAINED: Final = (
    "ruang mengenal setiap orang dari kuncinya, yang tinggal di satu komputer; kunci lain berarti orang itu di "
    "komputer lain, atau orang lain"
)
WAYS_TO_A_NAME: Final = (
    "Kalau nama itu milik Anda: `sockatuh identity export FILE` di sana dan `sockatuh identity import FILE` di sini, "
    "atau minta pengelola ruang melepaskan nama itu: `sockatuh release NAME`. Kalau bukan, pilih nama lain."
)
NAME_REFUSALS: Final = {
    "name_invalid": "Ruang ini tidak menerima nama itu.",
    "name_unavailable": (
        "{name}, atau nama yang mirip, sudah dipakai di sini. Pilih nama lain, atau ketik {name} sekali lagi kalau "
        "itu nama Anda: setelah kata sandi, ruang memberi tahu siapa pemiliknya."
    ),
    "name_taken": "Ada orang di ruang yang memakai nama itu, atau nama yang mirip.",
    "name_owned": "Nama itu milik kunci lain{detail}. {key} {ways}",
    "name_reserved": "Nama itu, atau nama yang mirip, dicadangkan oleh pengelola ruang.",
    "name_is_password": "Nama tidak boleh sama dengan kata sandi ruang.",
}

MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip
WEEKDAYS: Final = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
NOT_STORED_YET: Final = "… belum tersimpan"
HELD: Final = (
    "Server sedang tidak bisa menyimpan apa pun; ini menunggu di sana dan dilanjutkan sendiri. Ctrl-C membatalkan."
)
YOU: Final = "Anda"
EMPTY: Final = "belum ada yang berbicara"
NO_EDITOR: Final = "tidak ada editor; setel $EDITOR"
HERE: Final = "Anda di sini"
BACK: Final = "terhubung lagi"
REWOUND: Final = "log ruang dikembalikan ke keadaan lama; sebagian pesan di atas mungkin sudah tidak ada di dalamnya"
IN_CLEAR: Final = "mulai sekarang pesan juga keluar dari server tanpa enkripsi, untuk {name}"
LOSSES: Final = {
    "restarting": "server dimulai ulang; tetaplah di sini, yang Anda tulis disimpan",
    "closing": "ruang ditutup oleh pengelolanya; mungkin nanti dibuka lagi, Ctrl-C untuk keluar",
}
OUT_OF_CONTACT: Final = "sedang tidak terhubung; coba lagi setelah terhubung"
ME_WHAT: Final = "/me perlu tahu yang Anda lakukan: /me melambai"
SHOW_WHAT: Final = "/show perlu nomor teks panjang: /show 4321"
SAY_PASSWORD: Final = "pesan itu berisi kata sandi ruang, dan semua orang akan membacanya; kirim juga? [y/T]"
NOT_SAID: Final = "pesan berisi kata sandi itu tidak dikirim"
NOT_FINISHED: Final = "Yang sedang Anda tulis:"
NOT_UTF8: Final = "bukan UTF-8"
HOLDS_NUL: Final = "berisi byte NUL, jadi bukan teks"
NOT_A_LINE: Final = 'baris yang diawali { harus berupa {"text": "…"} dan boleh berisi "action": true dan "to": "NAMA"'

ROOM_COLUMNS: Final = ("RUANG", "ALAMAT", "KUNCI")
NONE_CHOSEN: Final = "Tidak ada ruang yang dipilih."
NOT_A_NUMBER: Final = "nan bukan jumlah detik."
KEEP_APART: Final = (
    "Banyak jaringan memisahkan komputer (Wi-Fi tamu, VLAN), dan banyak firewall membuang jawaban atas broadcast."
)
WHO_COLUMNS: Final = ("NAMA", "SEJAK", "DIALEK", "KUNCI")
ROLES: Final = {"member": "anggota", "script": "skrip", "reader": "pembaca"}
NO_CONTACT: Final = "(tidak terhubung)"
AWAY: Final = "(pergi)"
HEADER_NO_CONTACT: Final = "tidak terhubung"
NEW: Final = "baru"
SCROLLED: Final = "digulir ke atas · End"
DID_JOIN: Final = "bergabung"
DID_COME_BACK: Final = "keluar lalu kembali"
DID_JOIN_AND_LEAVE: Final = "bergabung lalu keluar"
LEFT_REASONS: Final = {
    "lost": "hubungan terputus",
    "idle": "diam terlalu lama",
    "server_lost": "tidak kembali",
    "closed": "ruang ditutup",
    "crowded": "hubungan terputus, dan tempatnya diperlukan",
    "removed": "dikeluarkan",
}


def not_a_moment(text: str) -> str:
    """Say how to write a moment."""
    return f"--since {fact(text)} bukan waktu. Tulis 90m, 12h, atau 2d lalu, 09:30, 2026-11-28, atau 2026-11-28T09:30."


def not_a_server(reason: str) -> str:
    """Say why a server cannot be what was written."""
    return f"{in_words(reason)}. Tulis HOST, HOST:PORT, [IPV6]:PORT, atau undangan sockatuh://…"


def password_unproven(words: str) -> str:
    """Say that a password was refused by a server that has proved nothing; `words` are those of its key."""
    return (
        "Tidak berhasil: itu bukan kata sandi ruang, atau ini bukan server ruang Anda. Yang Anda ketik tidak diketahui "
        f"siapa pun. Kuncinya dalam kata-kata: {words}; bandingkan dengan layar ruang kalau Anda yakin akan kata "
        "sandinya."
    )


def ask_name(default: str) -> str:
    """Ask for a name."""
    return f"Nama Anda [{default}]: " if default else "Nama Anda: "


def name_refused(code: str, detail: str, name: str) -> str:
    """Say why a name cannot be had, before another is asked for."""
    shown = f" ({in_words(detail)})" if detail else ""
    sentence = NAME_REFUSALS[code].format(name=name, detail=shown, key=KEY_EXPLAINED, ways=WAYS_TO_A_NAME)
    return sentence if code == "name_owned" else sentence + shown


def holder(name: str, tag: str, moment: str) -> str:
    """Say who has a name, with which key and since when, as far as known."""
    return ", ".join([name, *([f"kunci {tag}"] if tag else []), *([f"sejak {moment}"] if moment else [])])


def owner(tag: str, moment: str) -> str:
    """Say who owns a name that nobody uses at present, and when it was last used."""
    return ", ".join([*([f"kunci {tag}"] if tag else []), *([f"terakhir dipakai {moment}"] if moment else [])])


def name_valid_as(name: str) -> str:
    """Say that a name is free, and how the room spells it."""
    return f"{NAME_VALID} Penulisannya {name}."


def waiting(wait: float) -> str:
    """Say in how many seconds the next password is checked."""
    return f"Terlalu banyak percobaan dari sini; yang ini diperiksa dalam {math.ceil(wait)} detik. Ctrl-C untuk keluar."


def many_guess(wait: float) -> str:
    """Say that many wrong passwords are tried, and in how many seconds this one is checked."""
    return (
        f"Banyak kata sandi salah sedang dicoba di sini; yang ini diperiksa dalam {math.ceil(wait)} detik. "
        "Ctrl-C untuk keluar."
    )


def welcome(room: str, server: str, name: str) -> str:
    """Say which room this is."""
    return f"{room} di {server}. Anda adalah {name}; /help menampilkan perintahnya."


def greeting(name: str) -> str:
    """Say to somebody who has come in by which name, and how to go on."""
    return f"Anda adalah {name}; /help menampilkan perintahnya"


def earlier(count: int) -> str:
    """Head the lines from before the client joined."""
    return f"{count} pesan sebelumnya"


def day(moment: date, today: date) -> str:
    """Head the lines of a day."""
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{WEEKDAYS[moment.weekday()]}, {moment.day} {MONTHS[moment.month - 1]}{year}"


def missed(count: int) -> str:
    """Head the lines from while there was no contact."""
    return f"{count} pesan selama Anda tidak terhubung"


def gone(count: int) -> str:
    """Say that the server no longer keeps some lines."""
    return f"{count} pesan tidak disimpan lagi"


def did_leave(reason: str) -> str:
    """Say how somebody has left, as the end of a sentence about one or several."""
    return "keluar" + (f" ({LEFT_REASONS[reason]})" if reason in LEFT_REASONS else "")


def several_did(names: Sequence[str], others: int, done: str) -> str:
    """Say what some people, and as many others, have done."""
    rest = f" dan {others} orang lain" if others else ""
    return f"{', '.join(names)}{rest} {done}"


def struck(name: str, said: datetime | None, now: datetime | None) -> str:
    """Say that the text of a line is gone, which was said at a moment, if that is known."""
    when = ""
    if said is not None and now is not None:
        when = f" pukul {said:%H:%M}" if said.date() == now.date() else f" tanggal {_moment(said, now)}"
    return f"pesan {name}{when} telah dihapus"


def renamed(name: str, new: str) -> str:
    """Say that somebody has another name now."""
    return f"{name} sekarang bernama {new}"


def nobody_called(name: str, nearest: str) -> str:
    """Say that a private line's addressee is unknown here; `nearest`: a similar name, "" if there is none."""
    return f"tidak ada yang bernama {name} di sini" + (f"; yang mirip: {nearest}" if nearest else "")


def reads_in_clear(name: str) -> str:
    """Say why somebody cannot be sent a private line."""
    return f"{name} membaca tanpa enkripsi; katakan saja di ruang"


def since(count: int, left: datetime | None, now: datetime, left_out: int, after: int) -> str:
    """Head the lines from since a person's last chat, which ended when it `left`.

    `left_out` entries of the log before them, those after the seq `after`, are not shown.
    """
    when = f" sejak {_moment(left, now)}" if left is not None else ""
    lines = f"{_number(count)} pesan{when}"
    if not left_out:
        return lines
    entries = f"{_number(left_out)} entri"
    return f"{lines}, tanpa {entries} sebelumnya; sockatuh chat --after {after} menampilkan semuanya"


def you_are(name: str) -> str:
    """Say that the person who reads this has another name now."""
    return f"nama Anda sekarang {name}"


def pasted(lines: int, size: int) -> str:
    """Say how much was pasted, and what Enter and Ctrl-C do with it; `size` in bytes."""
    return f"{_number(lines)} baris, {_number(size)} byte: Enter mengirimnya sebagai satu pesan, Ctrl-C membuangnya"


def editor_failed(editor: str) -> str:
    """Say that an editor failed."""
    return f"{fact(editor)} gagal; teksnya tetap seperti semula"


def notification(name: str, room: str, text: str) -> str:
    """Tell of a line while the person looks elsewhere."""
    return f"{name} di {room}: {text}"


def notify_is(variable: str, value: str) -> str:
    """Say what the variable about notifications may be."""
    return f"{variable} harus off, bell, atau terminal; isinya {fact(value)!r}."


def joined(name: str) -> str:
    """Say that somebody came."""
    return f"{name} bergabung"


def left(name: str, reason: str) -> str:
    """Say that somebody went."""
    return f"{name} {did_leave(reason)}"


def no_contact_since(moment: str, kept: int) -> str:
    """Say since when there is no contact, and how many lines wait for it."""
    return f"tidak terhubung sejak {moment}" + (f", {kept} pesan menunggu" if kept else "")


def how_many_here(count: int) -> str:
    """Say how many are in the room, in the header."""
    return f"{count} di sini"


def answers(milliseconds: int) -> str:
    """Say how fast the server answers."""
    return f"{milliseconds} ms"


def slow_answers(milliseconds: int) -> str:
    """Say that the server answers slowly."""
    return f"lambat {milliseconds} ms"


def people(count: int) -> str:
    """Head the column of those who are here."""
    return f"ORANG {count}"


def unseen(count: int) -> str:
    """Say how many lines have come below what is shown, and the key that goes there."""
    return f"{count} belum terlihat di bawah · End"


def hit(number: int, count: int) -> str:
    """Say which of the found lines is shown, and the keys that go on."""
    older = "" if number == count else "Enter yang lebih lama, "
    return f"{_number(number)} dari {_number(count)} · {older}Esc kembali"


def as_you_left_it(room: str) -> str:
    """Head the last rows of a room that was left."""
    return f"{room}, saat Anda keluar:"


def not_a_screen(variable: str, value: str) -> str:
    """Say what the variable about the screen may be."""
    return f"{variable} harus full, inline, atau plain; isinya {fact(value)!r}."


def contact_lost(kept: int) -> str:
    """Say that contact is lost, where no clock can be shown."""
    return "hubungan terputus, mencoba lagi" + (f"; {kept} pesan menunggu" if kept else "")


def more(count: int) -> str:
    """Say how many lines are not shown."""
    return f"dan {count} lagi"


def leaving(kept: int) -> str:
    """Say why leaving takes a moment."""
    return f"keluar setelah {kept} pesan tersimpan; Ctrl-C keluar sekarang juga"


def more_of_it(count: int, seq: int) -> str:
    """Say how much of a long text is hidden, and how to see it."""
    return f"… {count} baris lagi; /show {seq}"


def no_answer_yet(server: str) -> str:
    """Say what is waited for."""
    return f"Menunggu jawaban dari {server} …"


def still_trying(obstacles: Sequence[str]) -> str:
    """Say what is in the way of the server, and that the client keeps trying."""
    told = "; ".join(obstacles)
    return f"{told[:1].upper()}{told[1:]}; masih mencoba."


def another_key(name: str, last: date, *, has_key: bool) -> str:
    """Say that a name is used with a new key, or without one; `last`: the day it was last seen."""
    how = "dengan kunci lain dari sebelumnya" if has_key else "tanpa kunci (tidak terenkripsi), tidak seperti dulu"
    return f"{name} datang {how} (terakhir terlihat {last.day} {MONTHS[last.month - 1]} {last.year})"


def delayed(wait: float) -> str:
    """Say that the room's rate was exceeded; `wait`: seconds until the server resumes."""
    return f"terlalu cepat untuk ruang ini; pengiriman berlanjut dalam {max(1, math.ceil(wait))} detik"


def held(count: int) -> str:
    """Say that lines, or without any what was asked for, wait at the server, which can store nothing at present."""
    if not count:
        return "server sedang tidak bisa menyimpan; permintaan Anda menunggu di sana"
    return f"belum tersimpan: server sedang tidak bisa menyimpan; {count} pesan menunggu di sana"


def refused_line(reason: str) -> str:
    """Say that a line was rejected."""
    return f"tidak dikirim: {in_words(reason)}"


def input_line_refused(number: int, reason: str) -> str:
    """Say that a line of the input was rejected."""
    return f"baris {number} tidak dikirim: {in_words(reason)}"


def not_done(why: str) -> str:
    """Say why a typed line was rejected, and how to get it back."""
    return f"{why.removesuffix('.')}; tombol Atas mengembalikannya"


def too_long(size: int, most: int) -> str:
    """Give the sizes of a text that is too long, in bytes."""
    return f"{_number(size)} byte; paling banyak {_number(most)}"


def in_parts(size: int, most: int) -> str:
    """Say what to do with a text that is too long, sizes in bytes."""
    return f"{too_long(size, most)}. Kirimlah dalam beberapa bagian."


def removed(why: str, span: str) -> str:
    """Say that the admin has removed this person; `why` and for how long (`span`) may be ""."""
    back = f" Anda bisa kembali dalam {span}." if span else ""
    return f"Anda dikeluarkan dari ruang ini{_because(why)}.{back}"


def banned(why: str, until: datetime | None, now: datetime) -> str:
    """Say that the admin has banned this person, until a moment or (None) for ever."""
    if until is None:
        return f"Anda dilarang masuk ke ruang ini untuk selamanya{_because(why)}."
    return f"Anda dilarang masuk ke ruang ini sampai {_soon(until, now)}{_because(why)}."


def muted(why: str, until: datetime | None, now: datetime) -> str:
    """Say that the admin has muted this person; `until` is None if the end is not known."""
    return f"Anda dibisukan di ruang ini{f' sampai {_soon(until, now)}' if until is not None else ''}{_because(why)}."


def unknown_command(word: str) -> str:
    """Say that there is no such command."""
    return f"tidak ada perintah /{word}; lihat /help, atau kirim sebagai teks: //{word}"


def here(names: Sequence[str]) -> str:
    """List who is in the room."""
    return f"{len(names)} orang di sini: {', '.join(names)}"


def is_away(text: str) -> str:
    """Say that somebody is away; `text` says why or until when, "" if that was not said."""
    return f"sedang pergi: {text}" if text else "sedang pergi"


def here_as(
    name: str, role: str, *, is_encrypted: bool, is_present: bool, is_away: bool, is_in_browser: bool = False
) -> str:
    """Name somebody who is in the room; `role`: "" for a member."""
    remarks = [
        *([role] if role else []),
        *(["web"] if is_in_browser else []),
        *([] if is_encrypted else ["tanpa enkripsi"]),
        *([] if is_present else ["tidak terhubung"]),
        *(["sedang pergi"] if is_away else []),
    ]
    return f"{name} ({', '.join(remarks)})" if remarks else name


def not_stored(count: int) -> str:
    """Say how many lines the server has not acknowledged."""
    return f"{count} pesan tidak tersimpan:"


def not_sent_but_kept(count: int) -> str:
    """Say how many lines of somebody who was removed the server has not acknowledged, and where they are now."""
    return f"{count} pesan tidak tersimpan. `chat` berikutnya di sini menampilkannya lagi:"


def stored_and_not_printed(seq: int, reason: str) -> str:
    """Say that a line is stored although its receipt could not be printed."""
    return f"Tersimpan sebagai {seq}; itu tidak bisa ditulis ke stdout: {in_words(reason)}."


def not_remembered(path: str, reason: str) -> str:
    """Say that the profile could not be written."""
    return f"Ini tidak bisa diingat untuk lain kali: {path}: {in_words(reason)}."


def never_acknowledged(count: int) -> str:
    """Introduce the unanswered lines of a client that was killed."""
    return f"{count} pesan dari waktu lalu tidak pernah dipastikan tersimpan; tidak dikirim lagi:"


def some_refused(count: int) -> str:
    """Say how many lines of the input were rejected."""
    return f"{count} baris ditolak."


def milliseconds(seconds: float) -> str:
    """Say how long an answer took."""
    return f"{max(1, round(seconds * 1000))} ms"


def found_known(first_seen: str) -> str:
    """Say of a key that it is known, and since which day."""
    return f"dikenal sejak {first_seen}"


def found_moved(first_seen: str, server: str) -> str:
    """Say of a key that it is known from another address."""
    return f"dikenal sejak {first_seen}, pindah; dulu di {server}"


def found_other_key(room: str, server: str) -> str:
    """Say of a key that another one is known for the room's name (`room`: quoted) or its address; its words follow."""
    return f"⚠ bukan kunci {room or f'ruang di {server}'} yang Anda kenal: "


def found_new() -> str:
    """Say of a key that it is new; its words follow."""
    return "baru: "


def found_as_invited() -> str:
    """Say of a key that the invite names it; its words follow."""
    return "seperti dalam undangan: "


def pong(room: str, server: str, seconds: float, version: int) -> str:
    """Say how fast a room's server answered; what is known about its key follows."""
    took = f"{seconds * 1000:.1f}".replace(".", ",")
    return f"{room} di {server} menjawab dalam {took} ms, protokol versi {version}, kunci "


def found_outdated(version: int) -> str:
    """Say that a server speaks another version of the protocol."""
    return f"memakai protokol versi {version}, sedangkan program ini versi lain"


def found_one(room: str, server: str) -> str:
    """Say which room was found."""
    return f"Ditemukan {room} di {server}."


def moved(room: str, server: str, before: str) -> str:
    """Say that a known room has another address."""
    return f"{room} sekarang di {server} (dulu di {before})."


def which_room(default: int | None) -> str:
    """Ask which of the listed rooms to join."""
    return "Yang mana? " if default is None else f"Yang mana? [{default}] "


def one_to(count: int) -> str:
    """Say what an answer to that may be."""
    return f"1 sampai {count}" if count > 1 else "1, atau Ctrl-C"


def name_one(servers: Sequence[str], *, are_known: bool) -> str:
    """Say that a program has to name the room that it joins."""
    if len(servers) == 1:
        return f"Ada ruang yang menjawab di {servers[0]} tetapi belum dikenal; sebutkan: `sockatuh chat {servers[0]}`."
    known = "" if are_known else ", dan tidak satu pun dikenal di sini"
    return f"Beberapa ruang menjawab{known}; sebutkan satu: {', '.join(servers)}."


def on_or_off(variable: str, value: str) -> str:
    """Say what a variable may be."""
    return f"{variable} harus on atau off; isinya {fact(value)!r}."


def some_unproven(count: int) -> str:
    """Say how many answers are not listed."""
    return f"{count} jawaban menyebut kunci tanpa membuktikannya, dan tidak ditampilkan; --json memuatnya."


def no_room(networks: Sequence[str], *, was_swept: bool) -> str:
    """Say that no room was found, where it was looked for, and what to do now."""
    where = f"di {_and(networks)}" if networks else "di sini: komputer ini tidak ada di jaringan mana pun"
    ask = "mintalah kepada pengelola ruang baris yang ditampilkan `sockatuh serve`."
    todo = f"M{ask[1:]}" if was_swept else f"Coba `sockatuh discover --sweep`, atau {ask}"
    return f"Tidak ada ruang yang menjawab {where}.\n{KEEP_APART}\n{todo}"


def _because(why: str) -> str:
    return f" ({why})" if why else ""


def _soon(moment: datetime, now: datetime) -> str:
    """Return a moment to come as people say it: the time, and the day of the week or the date if it is another day."""
    if 0 < (moment.date() - now.date()).days < 7:
        return f"{WEEKDAYS[moment.weekday()]} {moment:%H:%M}"
    return _moment(moment, now)


def _moment(moment: datetime, now: datetime) -> str:
    """Return a moment as people say it: the time, and the day if it is another one."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {MONTHS[moment.month - 1]}{year}, {moment:%H:%M}"


def _and(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} dan {items[-1]}" if len(items) > 1 else "".join(items)


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")
