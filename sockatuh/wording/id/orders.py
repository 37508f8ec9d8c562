"""Every sentence of the commands with which an admin acts on a running room: kick, ban, mute, strike and the others.

Names, reasons and texts must be cleaned before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from sockatuh.wording.facts import fact

HELP_KICK: Final = """Keluarkan seorang anggota dari ruang, untuk sementara.

Semua sesinya berakhir, dan kuncinya ditolak sampai waktunya habis (dalam dialek klasik: namanya di alamatnya). Ruang
diberi tahu bahwa ia dikeluarkan, tetapi tidak mengapa dan oleh siapa. Ia sendiri diberi tahu alasan dan akhirnya.
"""
HELP_BAN: Final = """Tolak seseorang masuk ke ruang.

\b
TARGET salah satu dari
  NAME       kunci milik yang bernama ini, yang ada di sini atau yang diingat
  key:TAG    sebuah kunci, dengan sedikitnya 8 karakter pertamanya
  ADDRESS    alamat IP atau jaringan, misalnya 10.0.0.0/24
  name:NAME  namanya: tidak seorang pun boleh memakainya, atau yang mirip

Siapa pun yang terkena dan ada di ruang dikeluarkan. Larangan tetap berlaku setelah server dimulai ulang, dan ada dalam
setiap cadangan.
"""
HELP_UNBAN: Final = "Akhiri larangan (ban), atau kick yang masih berlaku."
HELP_BANS: Final = "Tampilkan daftar kick, ban, dan mute yang berlaku."
HELP_MUTE: Final = """Biarkan seseorang membaca ruang, tetapi tidak berbicara.

Pesannya tidak disimpan, dan ia diberi tahu. Yang lain tidak. TARGET adalah NAME, yang ada di sini atau yang diingat,
key:TAG, atau name:NAME untuk siapa pun yang memakai nama itu.
"""
HELP_UNMUTE: Final = "Akhiri mute."
HELP_RELEASE: Final = """Lepaskan nama yang menjadi milik sebuah kunci.

Untuk orang yang kehilangan kuncinya: laptop baru, disk baru. Nama itu menjadi milik siapa pun yang bergabung berikutnya
dengan nama itu.
"""
HELP_ANNOUNCE: Final = "Umumkan sesuatu kepada semua orang atas nama pengelola ruang."
HELP_STRIKE: Final = """Hapus teks sebuah pesan.

Teksnya ditimpa dalam basis data ruang dan dihapus dari layar yang mampu melakukannya. Ruang diberi tahu pesan siapa dan
pukul berapa yang dihapus. `sockatuh history --json` menampilkan seq setiap pesan.
"""
HELP_AUDIT: Final = """Tampilkan apa yang diperintahkan, kapan, dan oleh siapa.

Perintah ini membaca basis data ruang, baik server berjalan maupun tidak. Pesan yang dihapus anggota sendiri juga
ditampilkan.
"""
HELP_NAMES: Final = "Tampilkan nama yang diingat ruang, dan pemiliknya."
HELP_SESSIONS: Final = "Tampilkan siapa yang terhubung, dari mana, dan dengan apa."

HELP_MEMBER: Final = "Nama seseorang yang ada di sini."
HELP_TARGET: Final = "Siapa: lihat di atas."
HELP_WHOM: Final = "Siapa: NAME, key:TAG atau name:NAME."
HELP_ORDER: Final = "ID yang ditampilkan `sockatuh bans`, atau sasarannya."
HELP_MUTED: Final = "ID yang ditampilkan `sockatuh bans`, atau namanya."
HELP_NAME: Final = "Namanya."
HELP_SESSIONS_NAME: Final = "Hanya yang memakai nama ini."
HELP_TEXT: Final = "Yang diumumkan; - atau kosong: baca dari stdin."
HELP_SEQ: Final = "Seq pesannya."
HELP_LAST: Final = "Pesan terakhir dari NAME, sebagai ganti SEQ."
HELP_KICK_FOR: Final = "Berapa lama ia tidak boleh kembali, misalnya 90s, 10m, atau 1d."
HELP_FOR: Final = "Berapa lama, misalnya 90s, 10m, atau 1d, atau forever."
HELP_REASON: Final = "Alasannya; hanya diberitahukan kepada yang terkena perintah ini."
HELP_REASON_KEPT: Final = "Alasannya; disimpan bersama perintah ini dan tidak diberitahukan kepada siapa pun."
HELP_STRANGERS: Final = "Untuk alamat: tolak hanya kunci yang baru bagi ruang ini."
HELP_YES: Final = "Lakukan walaupun separuh ruang atau lebih dikeluarkan."
HELP_DRY_RUN: Final = "Katakan apa yang akan terjadi, dan jangan lakukan apa pun."
HELP_ALL: Final = "Tampilkan juga yang sudah berakhir, dari basis data ruang."
HELP_SINCE: Final = (
    "Hanya yang diperintahkan sejak saat itu: 7d atau 12h yang lalu, 09:30, 2026-11-28, atau 2026-11-28T09:30."
)
HELP_BY: Final = "Hanya yang diperintahkan oleh nama login, uid, atau anggota ini."
HELP_UNUSED: Final = "Hanya nama yang tidak dipakai selama itu, misalnya 90d."

BANS_COLUMNS: Final = ("ID", "PERINTAH", "SASARAN", "SAMPAI", "OLEH", "SEJAK", "KENA", "TERAKHIR", "ALASAN")
ALL_BANS_COLUMNS: Final = ("ID", "PERINTAH", "SASARAN", "SAMPAI", "OLEH", "SEJAK", "SEKARANG", "ALASAN")
NAMES_COLUMNS: Final = ("NAMA", "KUNCI", "TERAKHIR DIPAKAI", "DI SINI")
SESSIONS_COLUMNS: Final = ("NAMA", "KUNCI", "ALAMAT", "DIALEK", "VERSI", "SEJAK", "DIAM", "TERTINGGAL", "SEBAGAI")
AUDIT_COLUMNS: Final = ("ID", "PADA", "OLEH", "PERINTAH", "SASARAN", "SAMPAI", "ALASAN, TEKS")
YES: Final = "ya"
NO_ORDERS: Final = "Tidak ada kick, ban, atau mute yang berlaku."
NEVER_ORDERED: Final = "Belum pernah ada kick, ban, atau mute."
NO_SESSIONS: Final = "Tidak ada yang terhubung."
NO_NAMES: Final = "Tidak ada nama yang diingat ruang."
NO_UNUSED_NAMES: Final = "Tidak ada nama yang tidak dipakai selama itu."
NOTHING_ORDERED: Final = "Tidak ada yang diperintahkan."
NOTHING_CHOSEN: Final = "Tidak ada yang diperintahkan pada waktu itu, atau olehnya."

NOTHING_DONE: Final = "Tidak ada yang dilakukan (--dry-run)."
FOR_EVER: Final = "untuk selamanya"
NOBODY_REMOVED: Final = "Tidak ada yang terkena di antara yang ada di sini."
ONLY_THERE: Final = "Tidak ada orang lain di sana."
IN_FORCE: Final = "berlaku"
OVER: Final = "berakhir"
OLDER_BACKUPS: Final = "Cadangan yang dibuat sebelumnya masih memuatnya."
KICK_FOR_NOTHING: Final = (
    "--for 0 tidak akan mengeluarkan siapa pun: klien kembali sendiri dalam satu detik. Tanpa --for lamanya 60 s, atau "
    "sebutkan berapa lama."
)
FOR_NOTHING: Final = "--for 0 akan langsung berakhir. Sebutkan berapa lama, misalnya --for 1d."
KICK_FOR_EVER: Final = "Kick berakhir dengan sendirinya. Untuk melarang selamanya: sockatuh ban NAME --for forever"
STRANGERS_OF: Final = "--strangers berlaku untuk alamat atau jaringan; sasaran ini bukan keduanya."
STRIKE_WHAT: Final = (
    "Pesan mana yang dihapus? `sockatuh strike SEQ`, atau `sockatuh strike --last NAME`; salah satu saja."
)
ANNOUNCE_WHAT: Final = "Umumkan apa? `sockatuh announce teksnya`, atau salurkan ke stdin."
NO_TARGET: Final = "Namanya kosong."


def span(seconds: float) -> str:
    """Say how long something is, in its largest whole unit."""
    number, unit = _units(seconds)
    return f"{_number(number)} {unit}"


def until(moment: str, span: str) -> str:
    """Say until when an order is in force, and how long that is."""
    return f"sampai {moment} ({span})"


def not_a_span(text: str, *, may_be_forever: bool) -> str:
    """Say what the value of --for should be."""
    forever = ", atau forever" if may_be_forever else ""
    return f"--for seharusnya jangka waktu seperti 90s, 10m, atau 1d{forever}, bukan {fact(text)!r}."


def not_unused(text: str) -> str:
    """Say what the value of --unused should be."""
    return f"--unused seharusnya jangka waktu seperti 90d, bukan {fact(text)!r}."


def too_long_a_span(years: int, *, may_be_forever: bool) -> str:
    """Say that a span is longer than the server takes."""
    longer = "; yang lebih lama adalah forever." if may_be_forever else f". {KICK_FOR_EVER}"
    return f"--for paling lama {years} tahun{longer}"


def short_tag(target: str, least: int) -> str:
    """Say that a key's tag is too short to name it."""
    return f"{target} terlalu pendek: key: memerlukan sedikitnya {least} karakter pertama. Lihat: sockatuh names"


def kicked(who: str, sessions: int, addresses: Sequence[str], *, is_done: bool) -> str:
    """Say who was removed, with how many sessions, from where."""
    if not sessions:
        came = f", tadinya datang dari {_and(addresses)}" if addresses else ""
        return f"{who} {_is(is_done)} dikeluarkan; hubungannya terputus{came}."
    came = f", dari {_and(addresses)}" if addresses else ""
    return f"{who} {_is(is_done)} dikeluarkan: {_number(sessions)} sesi{came}."


def kept_out(term: str, *, has_key: bool) -> str:
    """Say for how long a member that was kicked is refused; `term` is `until(...)`."""
    return f"{'Kuncinya' if has_key else 'Namanya di alamatnya'} ditolak {term}."


def another_name(commands: Sequence[str]) -> str:
    """Say what an order about a member of the classic dialect cannot do, and what can."""
    return f"Orang yang sama dengan nama lain tidak terkena. Alamatnya bisa dilarang: {'; '.join(commands)}"


def why(text: str) -> str:
    """Show the reason that whoever the order is about is told."""
    return f"Alasan yang diberitahukan: {text}"


def why_kept(text: str) -> str:
    """Show the reason that is kept with an order."""
    return f"Alasan yang disimpan: {text}"


def ending(command: str) -> str:
    """Give the command that ends an order."""
    return f"Untuk mengakhirinya: {command}"


def with_key(name: str, tag: str) -> str:
    """Name somebody by name and key."""
    return f"{name} (kunci {tag})"


def in_clear(name: str) -> str:
    """Name somebody who has no key."""
    return f"{name} (klasik)"


def key_banned(who: str, term: str, *, is_done: bool) -> str:
    """Say whose key is banned; `term` is `until(...)`, or for ever."""
    return f"{who} {_is(is_done)} dilarang masuk {term}."


def address_banned(network: str, term: str, *, is_done: bool, only_strangers: bool) -> str:
    """Say which addresses are banned; `term` is `until(...)`, or for ever."""
    if only_strangers:
        return f"Dari {network}, kunci yang baru bagi ruang ini {'ditolak' if is_done else 'akan ditolak'} {term}."
    return f"{network} {_is(is_done)} dilarang masuk {term}."


def name_banned(name: str, term: str, *, is_done: bool) -> str:
    """Say which name is banned; `term` is `until(...)`, or for ever."""
    is_free = "tidak boleh" if is_done else "tidak akan boleh"
    return f"Nama {name}, atau yang mirip, {is_free} dipakai siapa pun {term}."


def removed(names: Sequence[str], others: int, count: int, members: int, *, is_done: bool) -> str:
    """Say who a ban or a kick removed, as many `others`, and how much of the room that is."""
    of = f"{_number(count)} dari {_number(members)} anggota"
    return f"{'Dikeluarkan' if is_done else 'Akan dikeluarkan'}: {_list(names, others)} ({of})."


def came_from(addresses: Sequence[str]) -> str:
    """Say from which addresses a banned key came."""
    return f"Kunci itu datang dari {_and(addresses)}; alamatnya tidak ikut dilarang."


def also_there(names: Sequence[str], others: int, count: int) -> str:
    """Say who else is at the addresses of a banned key, and as many `others`."""
    return f"Di sana ada {_number(count)} orang lain: {_list(names, others)}."


def change_password(command: str) -> str:
    """Say why a ban of a key is not the end of it, and how to change the password."""
    return (
        "Siapa pun yang tahu kata sandinya bisa membuat kunci baru dengan mudah. Supaya pasti, ganti kata sandinya: "
        f"{command}"
    )


def change_password_here(command: str) -> str:
    """Say why a ban of a key is not the end of it, and how to change the password of a room that is no service."""
    return (
        "Siapa pun yang tahu kata sandinya bisa membuat kunci baru dengan mudah. Supaya pasti, ganti kata sandinya: "
        f"masukkan yang ditampilkan `sockatuh hash-password` ke dalam konfigurasi, lalu: {command}"
    )


def replaces(order: Literal["ban", "mute"], number: int, *, is_done: bool) -> str:
    """Say that an order takes the place of an earlier one."""
    return f"Ini {'menggantikan' if is_done else 'akan menggantikan'} {order} {number}."


def lifted(order: str, number: int, what: str) -> str:
    """Say that an order is no longer in force."""
    return f"Perintah {order} {number} ({what}) sudah diakhiri."


def muted(who: str, term: str, *, is_done: bool) -> str:
    """Say who is muted; `term` is `until(...)`, or for ever."""
    return f"{who} {_is(is_done)} dibisukan {term}: ia bisa membaca, tetapi pesannya tidak disimpan."


def released(name: str, tag: str, moment: str) -> str:
    """Say that a name is free, whose it was, and when it was used last."""
    return f"Nama {name} sekarang bebas. Tadinya milik kunci {tag}, yang terakhir memakainya {moment}."


def next_owner(name: str) -> str:
    """Say who owns a released name next."""
    return f"Pemilik berikutnya adalah siapa pun yang bergabung sebagai {name}."


def announced(members: int, name: str, text: str) -> str:
    """Say how many were told an announcement, and show it."""
    return f"Diumumkan kepada {_number(members)} anggota: {name}  {text}"


def line_struck(line: int, name: str, moment: str) -> str:
    """Say that the text of a line is gone; `moment` is when it was said."""
    return f"Teks pesan {line} sudah dihapus: {name} mengatakannya pada {moment}."


def private_struck(line: int, name: str, to: str, moment: str) -> str:
    """Say that the text of a private line is gone; `moment` is when it was said."""
    return f"Teks pesan {line} sudah dihapus: {name} mengatakannya hanya kepada {to} pada {moment}."


def replaced_by(number: int) -> str:
    """Say in a table that another order took the place of this one."""
    return f"digantikan {number}"


def lifted_by(who: str) -> str:
    """Say in a table who ended an order."""
    return f"diakhiri {who}"


def own_line(name: str) -> str:
    """Say in a table that a member struck a line of its own."""
    return f"{name} (anggota)"


def line_of(line: int, name: str, moment: str) -> str:
    """Name a line in a table."""
    return f"{line}, dari {name}, {moment}"


def nobody_here(name: str, nearest: Sequence[str]) -> str:
    """Say that nobody in the room has a name."""
    return f"Tidak ada yang bernama {name} di sini{_nearest(nearest)}."


def nobody_known(name: str, nearest: Sequence[str]) -> str:
    """Say that the room remembers nobody of a name."""
    return f"Ruang ini belum pernah melihat siapa pun bernama {name}{_nearest(nearest)}."


def name_free(name: str, nearest: Sequence[str]) -> str:
    """Say that a name that is to be released belongs to nobody."""
    return f"Nama {name} tidak ada pemiliknya{_nearest(nearest)}."


def meant(command: str) -> str:
    """Give the command that may have been meant."""
    return f"Mungkin: {command}"


def see(command: str) -> str:
    """Give the command that shows what there is."""
    return f"Lihat: {command}"


def ambiguous(target: str, meant: Sequence[str]) -> str:
    """Say that several may be meant."""
    return f"{target} bisa berarti salah satu dari: {_list(meant, 0)}."


def no_such_key(target: str) -> str:
    """Say that the room knows no such key."""
    return f"Ruang ini tidak mengenal kunci yang berawalan seperti {target}."


def no_key(name: str, commands: Sequence[str]) -> str:
    """Say that a member of the classic dialect has no key that an order could be about, and give what can be done."""
    return f"{name} memakai dialek klasik dan tidak punya kunci. Larang alamatnya, atau namanya: {'; '.join(commands)}"


def host_bits(target: str, commands: Sequence[str]) -> str:
    """Say that an address stands where a network should, and how to ban either: the network, or the address alone."""
    return f"{target} adalah alamat dengan panjang sebuah jaringan. Larang salah satunya: {'; '.join(commands)}"


def no_such_ban(target: str, nearest: Sequence[str]) -> str:
    """Say that no ban or kick fits what is to be ended."""
    return f"Tidak ada ban atau kick untuk {target} yang berlaku{_nearest(nearest)}."


def no_such_mute(target: str, nearest: Sequence[str]) -> str:
    """Say that no mute fits what is to be ended."""
    return f"Tidak ada mute untuk {target} yang berlaku{_nearest(nearest)}."


def is_ban(number: str) -> str:
    """Say that an id that was taken for a mute's is that of a ban or a kick."""
    return f"{number} adalah ban atau kick, bukan mute."


def is_mute(number: str) -> str:
    """Say that an id that was taken for a ban's is that of a mute."""
    return f"{number} adalah mute, bukan ban atau kick."


def address_invalid(target: str) -> str:
    """Say that what looks like an address is none."""
    return f"{target} bukan alamat atau jaringan, seperti 10.0.0.7 atau 10.0.0.0/24."


def address_muted(target: str) -> str:
    """Say that addresses cannot be muted."""
    return f"{target} tidak bisa di-mute: mute berlaku untuk nama dan kunci, bukan alamat."


def own_loopback(target: str) -> str:
    """Say that this machine is not banned from its own room."""
    return (
        f"{target} memuat alamat komputer ini sendiri, jadi semua orang di komputer ini akan ditolak. Dari 127.0.0.0/8 "
        "hanya alamat tunggal selain 127.0.0.1 yang bisa dilarang."
    )


def everybody(target: str) -> str:
    """Say that a target is all addresses there are."""
    return f"{target} berarti semua orang. Untuk menutup ruang: sudo systemctl stop sockatuh.socket sockatuh"


def half_the_room(count: int, members: int) -> str:
    """Say how much of the room would be removed."""
    return f"Itu {_number(count)} dari {_number(members)} anggota; --yes kalau memang itu maksud Anda."


def present(name: str, command: str) -> str:
    """Say that a name cannot be released while its owner is here, and how to remove that."""
    return f"{name} ada di sini, jadi namanya sedang dipakai. Keluarkan dulu: {command}"


def too_many_orders(most: int, command: str) -> str:
    """Say that no more orders can be in force, and how to list them."""
    return (
        f"{_number(most)} perintah sedang berlaku, dan tidak bisa lebih. Akhiri beberapa dengan unban atau unmute; "
        f"ID-nya: {command}"
    )


def no_such_line(line: int) -> str:
    """Say that a line is not in the log."""
    return (
        f"Log ruang tidak, atau tidak lagi, memuat pesan {line}. `sockatuh history --json` menampilkan seq setiap "
        "pesan."
    )


def nothing_said(name: str) -> str:
    """Say that there is no line of somebody's to strike."""
    return f"Log ruang tidak memuat pesan dari {name}. `sockatuh history --json` menampilkan seq setiap pesan."


def not_a_line(line: int) -> str:
    """Say that an entry of the log is nothing that was said."""
    return f"{line} bukan pesan, melainkan orang yang datang, pergi, atau semacamnya; hanya pesan yang bisa dihapus."


def struck_already(line: int) -> str:
    """Say that a line's text is gone already."""
    return f"Teks pesan {line} memang sudah dihapus."


def name_in_use(name: str, command: str) -> str:
    """Say that a member has the name that announcements are made in, and how to remove that."""
    return (
        f"Ada anggota di sini yang bernama {name}, atau mirip itu, padahal pengumuman dibuat atas nama itu. Pasang "
        f"nama lain di announce_as, atau keluarkan dulu: {command}"
    )


def not_a_name(name: str, nearest: Sequence[str]) -> str:
    """Say that nobody can have a name."""
    return f"{name} tidak bisa menjadi nama, yaitu satu kata dari huruf, angka, dan _ - . '{_nearest(nearest)}."


def reason_too_long(most: int) -> str:
    """Say that a reason is too long."""
    return f"--reason paling panjang {most} karakter."


ANNOUNCEMENT_EMPTY: Final = "Tidak ada yang bisa ditampilkan dalam teks itu."
ANNOUNCEMENT_TOO_LONG: Final = "Teks itu terlalu panjang untuk satu pesan di ruang ini. Umumkan dalam beberapa bagian."
OTHER_REFUSALS: Final = {
    # codes of docs/CONTROL.md that are not about whom or what an order names
    "busy": "Server sedang menjawab perintah sebanyak yang ia mampu. Yang ini tidak diterima; coba lagi.",
    "internal": "Server membuat kesalahan; lognya menyebut yang mana. Mungkin tidak ada yang dilakukan.",
    "stopping": "Server sedang berhenti; tidak ada yang dilakukan. Coba lagi setelah ia berjalan.",
    "text_empty": ANNOUNCEMENT_EMPTY,
    "timeout": "Server tidak menerima perintahnya tepat waktu; tidak ada yang dilakukan. Coba lagi.",
}


def not_stored(command: str, audit: str) -> str:
    """Say that an order waits to be stored, how to see why, and what became of it."""
    return (
        "Server tidak bisa menyimpan apa pun saat ini. Perintahnya menunggu di sana, dan disimpan serta "
        "dijalankan secepatnya, kecuali yang diperlukannya sudah berubah saat itu; jangan berikan lagi. Hasilnya: "
        f"{audit}. Sebabnya: {command}"
    )


def unknown_order(what: str) -> str:
    """Say that the server did not understand an order, and what about it; "" if it did not say."""
    told = f" ({what})" if what else ""
    return f"Server tidak mengerti perintah itu{told}. Kalau versinya lebih lama, mulai ulang servernya."


def denied(code: str) -> str:
    """Say that the server refused an order, for a reason that this program does not know."""
    return f"Server menolak perintah itu ({code})."


def _units(seconds: float) -> tuple[int, str]:
    whole = round(seconds)
    for length, unit in ((86_400, "hari"), (3600, "jam"), (60, "menit")):
        if whole and whole % length == 0:
            return whole // length, unit
    return whole, "detik"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _is(is_done: bool) -> str:
    return "telah" if is_done else "akan"


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} dan {words[-1]}" if len(words) > 1 else "".join(words)


def _list(names: Sequence[str], others: int) -> str:
    return ", ".join(names) + (f" dan {_number(others)} lainnya" if others else "")


def _nearest(nearest: Sequence[str]) -> str:
    return f"; yang mirip: {', '.join(nearest)}" if nearest else ""
