"""Every sentence that `doctor` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

from .reasons import in_words

HELP_DOCTOR: Final = "Cari tahu mengapa ruang tidak bisa dihubungi, atau apa lagi yang salah di sini."
HELP_DOCTOR_SERVER: Final = (
    "HOST, HOST:PORT, [IPV6]:PORT, atau undangan sockatuh://…; bawaan: $SOCKATUH_SERVER, kalau tidak ada, server dari "
    "obrolan Anda yang terakhir, kalau tidak ada, ruang yang ditemukan."
)

CHECKS: Final = {
    # the names of the checks, at most 10 columns
    "broadcast": "broadcast",
    "calls": "panggilan",
    "contact": "jawaban",
    "datagrams": "datagram",
    "firewall": "firewall",
    "key": "kunci",
    "language": "bahasa",
    "name": "nama",
    "port": "port",
    "profile": "profil",
    "rmem": "rmem",
    "room": "ruang",
    "route": "rute",
    "screen": "layar",
    "search": "pencarian",
    "settings": "setelan",
    "subnet": "subnet",
    "terminal": "terminal",
    "ticket": "tiket",
    "unit": "unit",
    "version": "versi",
}
SCREENS: Final = {
    "full": "layar penuh",
    "inline": "layar sebaris",
    "plain": "baris biasa",
}
TERM_DUMB: Final = "menurut TERM, terminal ini tidak bisa memindahkan kursornya"
CALLS: Final = {
    # what calls somebody who is mentioned
    "off": "tidak ada yang memanggil Anda: SOCKATUH_NOTIFY berisi off",
    "bell": "bel memanggil Anda kalau nama Anda disebut; SOCKATUH_NOTIFY membatasinya sampai di situ",
    "terminal": "bel dan notifikasi desktop memanggil Anda kalau nama Anda disebut",
}
CALLED_BY_BELL_ONLY: Final = (
    "bel memanggil Anda kalau nama Anda disebut; terminal ini tidak dikenal bisa menampilkan notifikasi"
)
LANGUAGES: Final = {"en": "Inggris (English)", "id": "Indonesia"}
NO_ADDRESS: Final = "server tidak punya alamat"
NOT_REACHED: Final = "server tidak menjawab"
NOT_PROVEN: Final = "server belum membuktikan kuncinya"
WRITE_THE_ADDRESS: Final = (
    "Nama yang berakhir dengan .local memerlukan mDNS di komputer ini (Avahi atau systemd-resolved). Tulis alamat IP "
    "ruang: komputernya menampilkannya waktu ruang dibuka."
)
NO_ANSWER_REMEDY: Final = (
    "Pengelola ruang bisa melihat apakah ruangnya terbuka, dan di port mana: `sudo sockatuh doctor` di komputernya. "
    "Wi-Fi tamu dan VLAN sering memisahkan komputer; kalau begitu jaringan lain membantu."
)
NO_NAME_SERVER: Final = "server nama tidak menjawab"
NO_ROUTE: Final = "komputer ini tidak punya rute ke sana"
NO_ROUTE_REMEDY: Final = "Apakah komputer ini terhubung ke jaringan ruang itu?"
HERE: Final = "servernya ada di komputer ini"
UNKNOWN_NETWORKS: Final = "sistem ini tidak memberi tahu jaringannya"
SAME_SUBNET: Final = "servernya ada di jaringan komputer ini"
OTHER_SUBNET: Final = "subnet lain: broadcast tidak menemukan apa pun di sana, alamat bisa dipakai"
NO_BROADCAST_THERE: Final = "servernya tidak ada di jaringan komputer ini"
WHOLE: Final = "1.200 byte lewat dalam satu bagian"
NARROW: Final = "jalurnya meloloskan kurang dari 1.200 byte (VPN?)"
NARROW_REMEDY: Final = "Tunnel atau VPN di jalur itu harus meloloskan paket 1.280 byte; naikkan MTU-nya."
SILENT: Final = "server menyelesaikan jabat tangan lalu tidak menjawab"
SILENT_REMEDY: Final = "Coba lagi; kalau tetap begitu, pengelola ruang menemukan sebabnya di `journalctl -u sockatuh`."
BROADCAST: Final = "server menjawab broadcast"
NO_BROADCAST: Final = (
    "tidak ada jawaban: firewall di sini membuang jawaban atas broadcast, atau ruangnya tidak bisa dicari"
)
NO_BROADCAST_REMEDY: Final = "`sockatuh chat` dengan alamat bisa dipakai; tanpa alamat mungkin ruang tidak ditemukan."
UNPROVEN: Final = "yang menjawab di sana tidak menyelesaikan jabat tangan, jadi tidak membuktikan kunci"
UNPROVEN_REMEDY: Final = "Datagram 256 byte hilang di jalan, atau yang menjawab bukan ruang itu. Coba lagi."
PROFILE_UNREADABLE: Final = "catatan tentang server tidak bisa dibaca"
NO_TERMINAL: Final = "stdin dan stdout bukan terminal; `chat` membaca dan menulis baris, seperti untuk program"
NOT_UTF8_REMEDY: Final = "Setel locale UTF-8, misalnya LANG=C.UTF-8."
ONLY_ROOT: Final = "hanya root yang bisa memeriksa ruang milik layanan: sudo sockatuh doctor"
NO_SERVICE: Final = "ruang ini bukan layanan komputer ini"
UNIT_ACTIVE: Final = "sockatuh.service berjalan"
UNIT_WAITS: Final = "systemd memegang portnya, dan menjalankan ruang kalau ada yang datang"
UNIT_DOWN: Final = "sockatuh.service maupun sockatuh.socket tidak aktif"
UNIT_DOWN_REMEDY: Final = "sudo systemctl start sockatuh.socket sockatuh.service"
FILES_FINE: Final = "setelan dan berkas ruang bisa dipakai"
NOT_TRIED: Final = "tidak dicoba, karena setelannya"
NOT_RUNNING: Final = "ruang tidak berjalan; portnya bebas"
NOT_RUNNING_REMEDY: Final = "sockatuh serve; sebagai layanan: sudo sockatuh install-service"
BY_SYSTEMD: Final = "systemd membuka socketnya, dan bisa memberi yang diminta sockatuh.socket"
NO_FIREWALL: Final = "ufw, firewalld, maupun nftables tidak aktif"


def is_an_address(host: str) -> str:
    """Say that there is nothing to look up."""
    return f"{fact(host)} adalah alamat"


def resolves(host: str, addresses: Sequence[str]) -> str:
    """Say what a name resolves to."""
    return f"{fact(host)} adalah {', '.join(addresses)}"


def not_resolved(host: str, reason: str) -> str:
    """Say that a name does not resolve, and what the resolver said."""
    return f"alamat {fact(host)} tidak ditemukan: {fact(in_words(reason))}"


def found_rooms(rooms: Sequence[str]) -> str:
    """Say which rooms answered a search; the first one is examined."""
    more = f"; {len(rooms) - 1} lagi menjawab, `sockatuh discover` menampilkannya" if len(rooms) > 1 else ""
    return f"ditemukan {rooms[0]}{more}"


def route(source: str, interface: str) -> str:
    """Say from which of our addresses, and through which interface, datagrams leave."""
    return f"keluar dari {source}" + (f" lewat {fact(interface)}" if interface else "")


def tunnel(interface: str, source: str) -> str:
    """Say that datagrams leave through a tunnel."""
    return f"keluar lewat {fact(interface)}, sebuah tunnel, dari {source}"


def tunnel_remedy() -> str:
    """Say what to do about a tunnel, if the server does not answer."""
    return (
        "VPN itu mungkin tidak meloloskan lalu lintas lokal: matikan, atau izinkan akses ke jaringan lokal di dalamnya."
    )


def contact(address: str, answered: int, of: int, best: float, worst: float) -> str:
    """Say how many HELLOs an address answered, and after how many milliseconds."""
    lost = "tidak ada yang hilang" if answered == of else f"{of - answered} dari {of} hilang"
    return f"{address} menjawab dalam {_decimal(best)} sampai {_decimal(worst)} ms, {lost}"


def lossy_remedy() -> str:
    """Say what losses mean."""
    return (
        "Datagram yang hilang dikirim lagi, jadi ruang tetap bisa dipakai, tetapi lebih lambat; "
        "mungkin Wi-Fi di sini lemah."
    )


def apart(port: int) -> str:
    """Say what may be the reason for silence."""
    return f"server mati, ada firewall di sana (UDP {port}), atau jaringan ini memisahkan komputer"


def no_answer(server: str, what: str) -> str:
    """Say that a server did not answer, and what stood in the way or may do so."""
    return f"tidak ada jawaban dari {server}: {what}"


def known(since: str) -> str:
    """Say that the key is the one this client knows."""
    return f"kunci yang dikenal sejak {fact(since)}"


def as_invited() -> str:
    """Say that the key is the one in the invite."""
    return "kunci yang disebut dalam undangan"


def new() -> str:
    """Say that the key is new here."""
    return "baru di sini; kata sandi akan membuktikannya"


def key(standing: str, words: Sequence[str]) -> str:
    """Say what is known about a key that was proved, and show its words."""
    return f"{standing}: {' '.join(words)}"


def room(name: str) -> str:
    """Name the room."""
    return f"server menamainya {name}"


def version(number: int) -> str:
    """Say that both speak a version of the protocol."""
    return f"keduanya memakai protokol versi {number}"


def directory(path: Path, *, is_new: bool) -> str:
    """Say that the client's directory can be used."""
    how = "akan dibuat oleh obrolan pertama" if is_new else "tertutup bagi orang lain dan bisa ditulisi"
    return f"{fact(path)} {how}"


def closed_directory(path: Path) -> str:
    """Say that nothing can be written in the client's directory."""
    return f"{fact(path)} tidak bisa ditulisi, jadi hal baru tidak diingat"


def closed_directory_remedy(path: Path) -> str:
    """Say what to do about that."""
    return f"chmod u+rwx {fact(path)}, atau sebutkan direktori lain di SOCKATUH_CLIENT_DIR"


def ticket(name: str, day: str) -> str:
    """Say that a ticket is there."""
    return f"{name} masuk tanpa kata sandi, dengan tiket dari {fact(day)}"


def no_ticket(name: str) -> str:
    """Say that there is no ticket."""
    return (
        f"tidak ada untuk {name}: ruang akan meminta kata sandi" if name else "klien ini belum pernah bergabung di sana"
    )


def terminal(term: str, columns: int, rows: int, encoding: str, *, colours: bool, multiplexer: str) -> str:
    """Describe the terminal."""
    around = f", di dalam {multiplexer}" if multiplexer else ""
    paint = "berwarna" if colours else "tanpa warna"
    return f"{fact(term) or 'TERM tidak disetel'}, {columns}×{rows}, {fact(encoding)}, {paint}{around}"


def screen(kind: str, because: str) -> str:
    """Say which screen `chat` would take, and why if it is not the full one."""
    return f"chat akan memakai {SCREENS[kind]}" + (f": {because}" if because else "")


def said_by(variable: str) -> str:
    """Name the variable that decides."""
    return f"begitu menurut {variable}"


def terminal_small(columns: int, rows: int) -> str:
    """Say how large a terminal has to be for the full screen."""
    return f"layar penuh perlu paling sedikit {columns}×{rows}"


def unset(variable: str) -> str:
    """Say what to do about a variable that means nothing."""
    return f"Perbaiki, atau tanpa itu saja: unset {variable}"


def language(code: str, said_by: str) -> str:
    """Say which language is spoken, and which variable with its value has chosen it, "" if none has."""
    return f"{LANGUAGES.get(code, code)}, dari {fact(said_by)}" if said_by else LANGUAGES.get(code, code)


def not_utf8(encoding: str) -> str:
    """Say that the terminal cannot show every text."""
    return f"terminal ini menampilkan {fact(encoding)}, jadi banyak nama dan teks tidak akan terbaca"


def problem(key: str, origin: str, expected: str) -> str:
    """Say what is wrong with a setting."""
    return f"{fact(key)} ({fact(in_words(origin))}): {fact(in_words(expected))}"


def answers_at(port: int) -> str:
    """Say that the room answers at its port."""
    return f"ruang ini menjawab di port UDP {port}"


def buffer(granted: int) -> str:
    """Say how large a receive buffer the system grants."""
    return f"buffer penerima {_number(granted // 1024)} KiB diberikan"


def small_buffer(granted: int, wanted: int) -> str:
    """Say that the receive buffer is small."""
    return (
        f"buffer penerima hanya diberikan {_number(granted // 1024)} dari {_number(wanted // 1024)} KiB; "
        "yang datang bersamaan bisa hilang"
    )


def buffer_remedy(wanted: int) -> str:
    """Say how to get a larger receive buffer."""
    return f"sudo sysctl -w net.core.rmem_max={wanted}"


def firewall_open(name: str, port: int) -> str:
    """Say that a firewall lets the room's port through."""
    return f"{name} aktif, dan meloloskan UDP {port}"


def firewall_closed(name: str, port: int) -> str:
    """Say that a firewall does not let the room's port through."""
    return f"{name} aktif, dan tidak punya aturan yang meloloskan UDP {port}"


def firewall_unknown(name: str, command: str) -> str:
    """Say that a firewall's rules are not known, and how to open the port."""
    return f"{name} aktif; kalau port ruang belum diloloskan: {command}"


def summary(failed: int) -> str:
    """Say how many checks failed."""
    return f"{failed} pemeriksaan gagal; masing-masing menyebut apa yang harus dilakukan."


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")


def _decimal(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")
