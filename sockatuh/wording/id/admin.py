"""Every sentence that the admin's commands and the errors say.

Texts from the network must be cleaned before.
"""
# ruff: noqa: S105 - sentences about passwords are no passwords

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.errors import Problem
from sockatuh.net.address import split_address
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.seam import bracketed
from sockatuh.wording.facts import fact

from .reasons import in_words

if TYPE_CHECKING:
    from sockatuh.server.options import Ready

BOX_ELSEWHERE: Final = "Server memerlukan Linux atau macOS; di Windows pakailah chat, send, tail, dan who."
HELP: Final = "Satu ruang obrolan untuk semua orang di jaringan lokal, lewat satu port UDP."
HELP_EXIT_CODES: Final = """
\b
Kode keluar:
  0    selesai
  1    kegagalan lain
  2    cara pemakaian salah
  3    tidak ada server, atau tidak menjawab tepat waktu
  4    ditolak: kata sandi, batas, dikeluarkan, dilarang masuk
  5    nama tidak tersedia
  6    identitas server berubah, atau tidak terbukti
  7    versi protokol tidak cocok
  8    konfigurasi tidak bisa dipakai
  130  Ctrl-C
"""
HELP_INIT: Final = "Tulis konfigurasi dan kunci server."
HELP_CHECK: Final = "Tampilkan setelan yang berlaku, lalu periksa setelan, keadaan ruang, dan port."
HELP_HASH_PASSWORD: Final = """Tampilkan hash kata sandi ruang.

Server hanya menyimpan hash itu. Pencurinya tidak bisa bergabung, tetapi bisa menyamar sebagai server bagi orang yang
belum pernah ada di ruang, dan membaca kata sandi yang mereka berikan. Jadi jagalah kerahasiaan berkas yang memuatnya,
dan pasang kata sandi lain kalau berkas itu pernah terlihat.
"""
HELP_SERVE: Final = "Jalankan ruang."
HELP_HISTORY: Final = "Baca yang dikatakan, dan siapa yang datang dan pergi."
HELP_VERSION: Final = "Tampilkan versi program dan versi protokolnya."
HELP_COMPLETION: Final = """Tampilkan skrip pelengkap perintah untuk sebuah shell.

\b
Untuk memakainya di shell yang dibuka mulai sekarang:
  bash  echo 'eval "$(sockatuh completion bash)"' >>~/.bashrc
  zsh   echo 'eval "$(sockatuh completion zsh)"' >>~/.zshrc
        (di bawah baris dengan compinit)
  fish  sockatuh completion fish >~/.config/fish/completions/sockatuh.fish
"""
HELP_SHELL: Final = "Nama shell."
HELP_HELP: Final = "Jelaskan satu perintah, atau tampilkan daftar semuanya."
HELP_MANUAL: Final = "Tampilkan halaman manual; untuk membacanya: sockatuh help --man | man -l -"
ONE_MANUAL: Final = "Halaman manual memuat semua perintah. Hilangkan COMMAND, atau --man."
HELP_HELP_COMMAND: Final = "Sebuah perintah dari daftar yang ditampilkan `sockatuh help`."

HELP_CONFIG: Final = (
    "Berkas konfigurasi; bawaan: $SOCKATUH_CONFIG, ./config/sockatuh.toml, atau /etc/sockatuh/sockatuh.toml."
)
HELP_HOST: Final = "Dengarkan di alamat ini, apa pun isi konfigurasi."
HELP_PORT: Final = "Dengarkan di port UDP ini; 0 memilih port yang bebas."
HELP_FOR_SERVICE: Final = (
    "Pasang kata sandi untuk layanan yang terpasang; langsung berlaku dan tidak mengeluarkan siapa pun."
)
HELP_INIT_DIR: Final = "Simpan konfigurasi dan data ruang di sini; dibuat kalau belum ada."
HELP_ROOM: Final = "Nama ruang; bawaan: nama komputer ini."
HELP_NON_INTERACTIVE: Final = "Jangan bertanya apa pun."
HELP_WEAK: Final = "Terima kata sandi yang kurang dari 8 byte."
HELP_JOINS: Final = "Siapa yang datang, pergi, atau berganti nama, bukan yang dikatakan."
HELP_ALL: Final = "Keduanya: yang dikatakan, dan siapa yang datang, pergi, atau berganti nama."
HELP_NAME: Final = "Hanya satu anggota."
HELP_PRIVATE: Final = "Tampilkan juga teks pesan pribadi; tanpa ini hanya siapa menulis kepada siapa."
HELP_LINES: Final = "Hanya N yang terbaru; bawaan: 200, atau semuanya dengan --since atau --after."

ASK_ROOM: Final = "Nama ruang"
ASK_PASSWORD: Final = "Kata sandi ruang (kosong: dibuatkan): "
ASK_NEW_PASSWORD: Final = "Kata sandi ruang: "
ASK_AGAIN: Final = "Sekali lagi: "
PASSWORDS_DIFFER: Final = "Kedua kata sandi berbeda; tidak ada yang dilakukan. Coba lagi."
PATH_EMPTY: Final = "path-nya kosong."
PASSWORD_EMPTY: Final = "Kata sandinya kosong. Berikan yang panjangnya 1 sampai 72 byte."
IS_A_DIRECTORY: Final = "adalah direktori, padahal seharusnya berkas dengan kata sandi di baris pertamanya"
AFTER_COUNTS_MESSAGES: Final = "--after hanya menghitung pesan; dengan --joins atau --all pakailah --since."
OUT_OF_MEMORY: Final = "Memori tidak cukup. Lihat apa yang memakainya: free -h, ulimit -v"
TOO_MANY_FILES: Final = (
    "Terlalu banyak berkas terbuka bagi proses ini atau komputer ini. Lihat batasnya: ulimit -n; "
    "naikkan: ulimit -n 1024"
)
STILL_THERE: Final = ", masih di sana"
TRANSIENT: Final = ", untuk satu perintah"

NOTHING_GIVEN: Final = "Tidak ada rahasia yang bocor."
REFUSALS: Final[Mapping[str, str]] = {
    "name_invalid": "Server tidak menerima nama itu. Pilih nama lain dengan --name.",
    "name_unavailable": "Nama itu tidak tersedia di ruang ini. Pilih nama lain dengan --name.",
    "name_taken": "Ada orang di ruang yang memakai nama itu, atau nama yang mirip. Pilih nama lain dengan --name.",
    "name_owned": (
        "Nama itu milik kunci lain; kunci adalah tanda pengenal Anda bagi ruang, dan tinggal di komputer tempat Anda "
        "pertama kali masuk. Kalau nama itu milik Anda, `sockatuh identity export FILE` di sana dan `sockatuh identity "
        "import FILE` di sini, atau minta pengelola ruang melepaskan nama itu: `sockatuh release NAME`. Kalau bukan, "
        "pilih nama lain dengan --name."
    ),
    "name_reserved": (
        "Nama itu, atau nama yang mirip, dicadangkan oleh pengelola ruang. Pilih nama lain dengan --name."
    ),
    "name_is_password": "Nama tidak boleh sama dengan kata sandi ruang. Pilih nama lain dengan --name.",
    "unknown_server": (
        "Server ini belum dikenal, dan --trust strict tidak menerima yang baru. Pakai undangan dari pengelolanya."
    ),
    "password_missing": "Ruang ini memakai kata sandi. Berikan dengan --password-file, atau di $SOCKATUH_PASSWORD.",
    "password_wrong": "Itu bukan kata sandi ruang ini. Tanyakan kepada pengelola ruang.",
    "password_changed": "Kata sandi ruang sudah diganti. Tanyakan kepada pengelola ruang.",
    "password_wait": "Terlalu banyak kata sandi salah datang dari sini.",
    "passwords_guessed": "Banyak kata sandi salah sedang dicoba di ruang ini, jadi yang ini tidak diperiksa.",
    "name_wait": "Terlalu banyak nama ditanyakan dari sini.",
    "text_is_password": "Teks itu berisi kata sandi ruang, dan semua orang akan membacanya; tidak ada yang dikirim.",
    "ticket_refused": "Server meminta kata sandi lagi. Berikan dengan --password-file.",
    "busy": "Server terlalu sibuk.",
    "room_full": "Ruang sudah penuh. Coba lagi nanti, atau minta pengelolanya menaikkan max_members.",
    "guests_full": "Terlalu banyak skrip dan pembaca di ruang ini. Coba lagi nanti.",
    "guests_from_address": "Terlalu banyak skrip dan pembaca di ruang ini dari alamat Anda. Coba lagi nanti.",
    "no_such_line": "Tidak ada pesan itu di ruang ini; ruang tanpa riwayat tidak menyimpan pesan.",
    "not_a_line": "Itu bukan pesan.",
    "not_yours": "Itu bukan pesan Anda. Pengelola ruang bisa menghapusnya: `sockatuh strike SEQ`.",
    "too_late": (
        "Pesan Anda bisa dihapus selama 15 menit. Setelah itu pengelola ruang bisa melakukannya: `sockatuh strike SEQ`."
    ),
    "struck_already": "Pesan itu sudah dihapus.",
    "muted": "Anda dibisukan di ruang ini.",
    "only_members": "Hanya anggota yang bisa melakukan itu. Klien ini skrip, atau hanya membaca.",
    "only_reading": "Klien ini hanya membaca, dan tidak bisa mengirim pesan.",
    "crowded": (
        "Server tidak punya tempat lagi untuk alamat Anda, yang memakai lebih banyak daripada yang lain. "
        "Coba lagi nanti."
    ),
    "already_joined": "Klien ini sudah bergabung.",
    "unknown_call": "Server lebih lama daripada klien ini dan tidak mengerti permintaannya.",
    "not_joined": "Server tidak mengenal klien ini sebagai anggota. Coba lagi.",
    "text_empty": "Tidak ada yang bisa ditampilkan dalam teks itu.",
    "text_too_long": "Teks itu terlalu panjang untuk ruang ini. Kirimlah dalam beberapa bagian.",
    "no_such_name": "Tidak ada yang bernama itu di ruang, dan nama itu tidak ada pemiliknya.",
    "reads_in_clear": "Orang itu membaca tanpa enkripsi. Katakan saja di ruang.",
    "restarting": "Server sedang dimulai ulang. Coba lagi sebentar lagi.",
    "closing": "Ruang ditutup oleh pengelolanya.",
    "idle": "Server terlalu lama tidak menerima apa pun dari klien ini. Bergabunglah lagi.",
    "replaced": "Klien yang sama sudah bergabung lagi dari tempat lain.",
    "join_timeout": "Bergabung makan waktu terlalu lama. Coba lagi.",
    "too_many_sessions": "Terlalu banyak klien dengan kunci ini terhubung. Tutup salah satunya.",
}


def refused(code: str, wait: float, detail: str) -> str:
    """Say why the server refused, and how many seconds to wait."""
    sentence = REFUSALS.get(code, f"Server menolak ({code}).")
    if detail:
        sentence += f" ({in_words(detail)})"
    return sentence + wait_first(wait)


def wait_first(wait: float) -> str:
    """Say how many seconds to wait before the next try, if any."""
    return f" Tunggu {math.ceil(wait)} detik sebelum mencoba lagi." if wait > 0 else ""


def bad_configuration(problems: Iterable[Problem]) -> str:
    """Say everything that is wrong with the settings."""
    lines = "\n".join(f"  {_problem(problem)}" for problem in problems)
    return f"Konfigurasi tidak bisa dipakai:\n{lines}"


def not_started(problems: Iterable[Problem]) -> str:
    """Say in one line, for the service manager, why the room cannot be opened."""
    return f"Konfigurasi tidak bisa dipakai: {'; '.join(map(_problem, problems))}"


OBSTACLES: Final = {
    "port_closed": "tidak ada yang mendengarkan di port UDP {port} di {hosts}",
    "host_silent": "tidak ada komputer yang menjawab di {hosts}",
    "no_route": "komputer ini tidak punya rute ke {hosts}",
    "forbidden": "sebuah firewall menolak port UDP {port} di {hosts}",
    "forbidden_here": "firewall komputer ini tidak meloloskan UDP ke port {port} di {hosts}",
    "not_a_machine": "{hosts} bukan alamat satu komputer",
    "too_long": "jalur ke {hosts} terlalu sempit untuk datagram kami",
    "foreign": "yang menjawab di port UDP {port} di {hosts} bukan SockAtuh",
    "unknown_name": "tidak ada komputer yang dikenal sebagai {hosts}",
    "no_name_server": "alamat {hosts} tidak bisa dicari; server nama tidak menjawab",
}
REMEDIES: Final = {
    "port_closed": "Apakah ruangnya berjalan di sana, dan di port ini? Di komputernya: systemctl status sockatuh",
    "host_silent": "Apakah komputer itu menyala, alamatnya benar, dan ada di jaringan ini?",
    "no_route": "Apakah komputer ini terhubung ke jaringan ruang itu?",
    "forbidden": "Izinkan UDP: firewall komputer itu, atau satu di tengah jalur, menolaknya.",
    "forbidden_here": "Izinkan UDP keluar: `sudo nft list ruleset` menampilkan aturannya, kalau itu milik Linux.",
    "not_a_machine": "Berikan alamat komputer yang menjalankan ruang: alamat itu ditampilkan waktu ruang dibuka.",
    "too_long": "Tunnel atau VPN di jalur itu harus meloloskan paket 1.280 byte.",
    "foreign": "Apakah portnya benar? Port ruang adalah 7625, kecuali pengelolanya memilih yang lain.",
    "unknown_name": "Apakah namanya benar? Alamat juga bisa: komputer ruang menampilkannya waktu ruang dibuka.",
    "no_name_server": "Apakah komputer ini terhubung ke jaringan? Alamat IP ruang tidak memerlukan server nama.",
}
NO_REMEDY: Final = (
    "Apakah alamatnya benar, dan apakah firewall meloloskan UDP? "
    "Pengelola ruang bisa melihat apakah ruangnya terbuka: systemctl status sockatuh"
)


def no_server(server: str, reason: str, obstacles: Sequence[tuple[str, str]] = ()) -> str:
    """Say that nobody answered, and what stood in the way: pairs of an address and an obstacle."""
    kinds = {what for _, what in obstacles}
    remedy = REMEDIES.get(kinds.pop(), NO_REMEDY) if len(kinds) == 1 else NO_REMEDY
    told = "; ".join([in_words(reason)] * bool(reason) + in_the_way(obstacles))
    return f"Tidak ada server SockAtuh di {server}: {told}.\n{remedy}"


def in_the_way(obstacles: Sequence[tuple[str, str]]) -> list[str]:
    """Return one sentence for each kind of obstacle, with the addresses it affects."""
    places: dict[str, list[tuple[str, str]]] = {}
    for address, what in obstacles:
        places.setdefault(what, []).append(split_address(address))
    return [
        OBSTACLES.get(what, "{hosts} tidak bisa dihubungi").format(
            port=found[0][1], hosts=" dan ".join(host for host, _ in found)
        )
        for what, found in places.items()
    ]


def not_prepared(seconds: float) -> str:
    """Say that this machine is too slow to hash the password in the time it was given."""
    return (
        f"Komputer ini tidak sempat menyiapkan kata sandi untuk server dalam {max(1, round(seconds))} detik. "
        "Coba lagi waktu komputer tidak terlalu sibuk, `send` dengan --timeout yang lebih lama; "
        "nanti sebuah tiket menggantikan kata sandi."
    )


def not_stored(server: str, seconds: float) -> str:
    """Say that the server received the lines and could not store them."""
    return (
        f"Server di {server} tidak bisa menyimpan apa pun selama {max(1, round(seconds))} detik. Semuanya sudah "
        "diterima, dan mungkin masih akan disimpan.\n"
        "Pengelola ruang bisa melihat sebabnya: systemctl status sockatuh"
    )


def too_fast(seconds: float) -> str:
    """Say that a line waited too long because lines come faster than the room takes them."""
    return (
        f"Pesan tidak tersimpan dalam {max(1, round(seconds))} detik: dari sini datang lebih banyak pesan daripada "
        "yang diterima ruang ini. Coba lagi nanti, atau biarkan `send` menunggu lebih lama: --timeout."
    )


def identity_changed(server: str, pinned: str, offered: str) -> str:
    """Say that the server has another key than the one this client knows."""
    return (
        f"BERHENTI: server di {server} bukan server yang Anda temui dulu. Tidak ada yang dikirim ke sana.\n"
        f"  dikenal   {pinned}\n"
        f"  diberikan {offered}\n"
        "Tanyakan kepada pengelola ruang apakah kuncinya diganti. Kalau ya, lupakan yang lama:\n"
        f"  sockatuh identity forget {server}"
    )


def server_unproven(server: str, words: str, reason: str) -> str:
    """Say that a server did not prove that it knows the room's password."""
    match reason:
        case "welcome":
            return f"{server} menerima Anda tanpa tahu kata sandi ruang: ini bukan ruang Anda. " + NOTHING_GIVEN
        case "offer":
            return (
                f"{server} tidak meminta kata sandi seperti sebuah ruang memintanya: ini bukan ruang Anda. "
                + NOTHING_GIVEN
            )
        case _:
            return (
                f"{server} diberi tiga bukti kata sandi dan tidak membalas satu pun: ini mungkin bukan ruang Anda. "
                f"Kuncinya dalam kata-kata: {words}; bandingkan dengan layar ruang sebelum Anda mencoba lagi."
            )


def client_outdated(server: str) -> str:
    """Say that the room wants a newer program."""
    return (
        f"Ruang di {server} memerlukan sockatuh yang lebih baru. Perbarui yang ini; `sockatuh version` menampilkan "
        "versi yang terpasang."
    )


def version_mismatch(ours: int, theirs: int) -> str:
    """Say that client and server speak different versions of the protocol."""
    older = "program ini" if ours < theirs else "server itu"
    return (
        f"Server memakai protokol versi {theirs}, program ini versi {ours}. Perbarui {older}; "
        "`sockatuh version` menampilkan versi yang terpasang."
    )


def address_unusable(host: str, port: int, reason: str) -> str:
    """Say that the port cannot be opened."""
    return (
        f"Tidak bisa mendengarkan di {host} port {port}: {in_words(reason)}. Pilih yang lain dengan --host atau --port."
    )


def database_too_new(path: str, found: int, known: int) -> str:
    """Say that the database was written by a newer program."""
    return f"{path} ditulis oleh SockAtuh yang lebih baru (skema {found}, dikenal di sini: {known}). Perbarui yang ini."


def database_unusable(path: str, reason: str, remedy: str) -> str:
    """Say that the room's database cannot be used, with the remedy if one is known."""
    where, todo = f"{path}: " if path else "", in_words(remedy)
    what_next = f"{todo[0].upper()}{todo[1:]}" if todo else "Coba `sockatuh check`."
    return f"Basis data ruang tidak bisa dipakai: {where}{in_words(reason)}. {what_next}"


def key_unusable(path: str, reason: str) -> str:
    """Say that a key file or its directory cannot be used; the reason includes the remedy."""
    return f"Kunci di {path} tidak bisa dipakai: {in_words(reason)}."


def file_unusable(path: str, reason: str) -> str:
    """Say that a file cannot be read or written."""
    return f"{path}: {in_words(reason)}."


def output_lost(reason: str) -> str:
    """Say that the output could not be written."""
    return f"Keluaran tidak bisa ditulis ke stdout: {in_words(reason)}."


def system_refused(reason: str) -> str:
    """Say that the operating system refused something."""
    return f"Sistem menolak: {in_words(reason)}."


def passed_over(names: Sequence[str]) -> str:
    """Say that variables were ignored."""
    others = f" dan {len(names) - 1} lagi yang serupa" if len(names) > 1 else ""
    return (
        f"Diabaikan: {fact(names[0])}{others}; container runtime membuat variabel seperti itu untuk layanan bernama "
        "sockatuh (Kubernetes: enableServiceLinks: false)."
    )


def too_few_descriptors(most: int, needed: int) -> str:
    """Say that the limit of open files is too low."""
    return (
        f"Hanya {most} berkas boleh terbuka sekaligus di sini, dan {needed} diperlukan. "
        "Naikkan batasnya: ulimit -n 1024, atau LimitNOFILE= di unit."
    )


def no_such_zone(zone: str) -> str:
    """Say that the time zone is unknown."""
    return f"TZ={fact(zone)[:60]} bukan zona waktu yang dikenal di sini, jadi waktu ditulis dalam UTC."


def no_such_language(asked: str, known: Sequence[str]) -> str:
    """Say that there is no such language, and list the codes of those there are."""
    return f"bahasa {fact(asked)[:60]} tidak ada; yang ada {', '.join(known)}"


def bug(kind: str, message: str) -> str:
    """Say that an unforeseen error is a bug."""
    return (
        f"Ini kesalahan di SockAtuh sendiri: {kind}: {message}\n"
        "Laporkanlah beserta yang Anda lakukan. `python -X dev -m sockatuh …` menunjukkan tempatnya."
    )


def already_there(path: Path) -> str:
    """Say that `init` leaves a configuration alone."""
    return f"{fact(path)} sudah ada dan dibiarkan. Coba `sockatuh check --config {fact(path)}`."


def wrote(config: Path, key: Path) -> str:
    """Say what `init` has written."""
    return f"Sudah ditulis: {fact(config)} (0640) dan {fact(key)} (0600)"


def made_password(password: str) -> str:
    """Show a generated password, the only time it is shown."""
    return f"Kata sandi, ditampilkan sekali ini: {password}"


def serve_next(config: Path | None) -> str:
    """Say how to start the room; None if `serve` finds the configuration by itself."""
    return "Buka ruang: sockatuh serve" + (f" --config {fact(config)}" if config else "")


def secret_unusable(origin: str, reason: str) -> str:
    """Say why a password cannot be read from its file, variable or stdin."""
    return f"Kata sandi tidak bisa dibaca: {fact(origin)} {in_words(reason)}."


def no_such_home(path: str) -> str:
    """Say that a path begins with a home directory that does not exist."""
    return f"{fact(path)}: direktori rumah itu tidak ada. Tulis path lengkapnya."


def password_refused(reason: str) -> str:
    """Say why a password cannot be used."""
    return f"Kata sandi itu tidak bisa dipakai: {in_words(reason)}."


def password_weak(size: int, enough: int) -> str:
    """Say that a password is too short, in bytes, and how to use it anyway."""
    return (
        f"Kata sandi itu hanya {size} byte, jadi mudah ditebak; tidak ada yang dilakukan. "
        f"Pilih yang {enough} byte atau lebih, atau tambahkan --weak untuk tetap memakainya."
    )


def room_refused(reason: str) -> str:
    """Say why a name for a room cannot be used."""
    return f"Nama ruang {in_words(reason)}."


def no_history(path: Path) -> str:
    """Say that there is no database to read."""
    return f"Tidak ada {fact(path)}. Sebutkan state_dir ruang dengan --config FILE, atau di $SOCKATUH_STATE_DIR."


def day(date: str) -> str:
    """Show where a new day begins."""
    return f"— {date} —"


def struck(name: str, to: str, by: str, because: str) -> str:
    """Show that a line (to `to`, if it was private) has no text any more; `by` and `because` may be ""."""
    private = f" kepada {to}" if to else ""
    return f"pesan {name}{private} dihapus" + (f" oleh {by}" if by else "") + (f" ({because})" if because else "")


def came(name: str, address: str, program: str) -> str:
    """Show that somebody joined."""
    return f"{name} bergabung dari {address} ({program})"


def went(moment: str, reason: str) -> str:
    """Show when and why that ended."""
    return f", keluar {moment} ({reason})"


def ready(room: Ready) -> str:
    """Say that the room can be joined, and how."""
    told = "\n            atau:  ".join(
        f"sockatuh chat {bracketed(address)}{_port(room)}" for address in room.addresses
    )
    return (
        f'Ruang "{room.room}" di udp {bracketed(room.host)}:{room.port}\n'
        f"Sidik jari       {' '.join(room.words)}  (SHA256:{room.fingerprint})\n"
        f"Beri tahu orang: {told}\n"
        f"Undangan:        {room.invite}"
    )


def ready_here(program: str, room: Ready) -> str:
    """Say what to type in a second terminal of this machine; `program` is the command there."""
    is_local = room.host in ("", "::", "0.0.0.0", "127.0.0.1", "::1")  # noqa: S104 - compared
    return f"Di terminal kedua: {program} chat {'localhost' if is_local else bracketed(room.host)}{_port(room)}"


def _problem(problem: Problem) -> str:
    return f"{problem.key} ({in_words(problem.origin)}): {in_words(problem.expected)}"


def _port(room: Ready) -> str:
    return "" if room.port == DEFAULT_PORT else f":{room.port}"
