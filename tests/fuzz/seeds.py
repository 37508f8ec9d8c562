"""The seeds of each target's corpus: valid inputs, mostly known answers, for a fuzzer to mutate.

`python -m fuzz.seeds` in tests/ writes them into the corpus, beside the inputs that were found to break something.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from kit.world import PASSWORD
from protocol import vectors

from sockatuh.protocol import messages as m
from sockatuh.server.control_lines import encode_request

from .control import ASKED
from .decoders import KINDS
from .steps import write_steps
from .targets import CORPUS

ROOT: Final = Path(__file__).parents[2]
KEY: Final = base64.b64encode(bytes(range(32)))

TEXTS: Final = {
    "plain": b"sopnya jam satu",
    "emoji": "Kopi? ☕ 👩\u200d👩\u200d👧 e\u0301".encode(),
    "lines": b"one\r\ntwo\n\tthree ",
    "escape": b"\x1b]0;title\x07\x1b[2Jafter",
    "bidi": "\u202eabc\u2066def\u2069".encode(),
    "marks": ("a" + "\u0301\u0316" * 20).encode(),
    "not_utf8": b"caf\xe9 \xed\xa0\x80",
}
NAMES: Final = {
    "ascii": b"ana",
    "spaces": "  Ana \u3000 Budi ".encode(),
    "cyrillic": "Аnna".encode(),
    "wide": "Ａｎａ".encode(),
    "emoji": "☕ kopi".encode(),
    "hangul": "각가".encode(),
    "marks": ("i" + "\u0307" * 4).encode(),
    "colon": "a꞉b".encode(),
    "long": "ﷺ".encode() * 40,
}
BODIES: Final = (
    b'{"name":"ana","owner":"k","dialect":"secure","address":"10.0.0.2:4","version":"v","since":3}',
    b'{"name":"ana","owner":"k","reason":"left","seconds":1.5,"since":3}',
    b'{"name":"ana","owner":"k"}',
    b'{"name":"ana","owner":"","text":"hi \\u2615","action":false}',
    b'{"name":"ana","owner":"k","text":"hi \\u2615","to":"budi","to_owner":"j"}',
    b'{"name":"ana","owner":"k","new":"anna","dialect":"secure","joined_at":1700000000000,"since":3,"place":"10.0.0.2"}',
)
_ORDER: Final = b'{"name":"ana","owner":"k","address":"","by":0,"as":"tom","reason":"flooding"'
BODIES_OF_ORDERS: Final = (
    b'{"name":"ana","owner":"k","line":3,"line_at":1700000000000,"to_owner":"j","by":0,"as":"tom","reason":""}',
    b'{"name":"ana","owner":"k","by":0,"as":"tom","reason":"a new laptop"}',
    _ORDER + b',"until":"2026-11-29T10:07:00.000Z"}',
    b'{"name":"","owner":"","address":"10.0.0.0/8","by":null,"as":"","reason":"","until":null,"strangers":true}',
    _ORDER + b',"lifted":7}',
    _ORDER + b',"until":"soon"}',
    _ORDER + b',"lifted":-1}',
)
ORDERS: Final = {
    "kick": b'{"v":1,"do":"kick","name":"ana","for":300,"reason":"flooding","as":"tom","yes":true}',
    "ban": b'{"v":1,"do":"ban","target":"ana","for":null}',
    "ban key": b'{"v":1,"do":"ban","target":"key:AbCdEfGh"}',
    "ban address": b'{"v":1,"do":"ban","target":"10.0.1.0/24","strangers":true,"yes":true}',
    "ban mapped": b'{"v":1,"do":"ban","target":"::ffff:10.0.1.1","dry_run":true}',
    "ban name": b'{"v":1,"do":"ban","target":"name:\\u0430na","yes":true}',
    "unban": b'{"v":1,"do":"unban","target":"3"}',
    "mute": b'{"v":1,"do":"mute","name":"ana","for":0.5}',
    "unmute": b'{"v":1,"do":"unmute","name":"ana"}',
    "release": b'{"v":1,"do":"release","name":"anna"}',
    "announce": b'{"v":1,"do":"announce","text":"\\u001b[2Jsoup \\u202e at one"}',
    "strike": b'{"v":1,"do":"strike","seq":2,"reason":"private"}',
    "strike last": b'{"v":1,"do":"strike","last":"ana"}',
    "sessions": b'{"v":1,"do":"sessions","name":""}',
    "names": b'{"v":1,"do":"names","unused":1e9}',
    "typo": b'{"v":1,"do":"kick","name":"ana","fro":300}',
    "huge": b'{"v":1,"do":"ban","target":"ana","for":1e308}',
    "version": b'{"v":2,"do":"status"}',
}
INVITES: Final = ("sockatuh://box.lan:7625/%C3%A9#k=", "sockatuh://[fe80::1%25eth0]:1/r#k=")
LINES: Final = (
    b'{"text": "hi", "action": true}',
    b'{"text": "hi", "to": "budi"}',
    b'{"text": "\\ud800"}',
    b"/me waves",
    b"//slash",
    b"{",
    b'{"text":1}',
)
REQUESTS: Final = (
    b'{"v":1,"do":"ban","target":"::ffff:10.0.0.2","yes":true}\n{"v":1,"do":"ban","target":"ana","yes":true}\n',
    b'{"v":1,"do":"ban","target":"name:\\u0430na","for":1e-9}\n{"v":1,"do":"unban","target":"name:ana"}\n',
    b'{"v":1,"do":"ban","target":"key:AAAAAAAA"}\n{"v":1,"do":"ban","target":"0.0.0.0/0"}\n{"v":1,"do":"bans"}',
    b'{"v":1,"do":"announce","text":"\\u001b]0;x\\u0007\\u202e"}\n\0\n{"v":1,"do":"mute","name":"ana","reason":"\\ud83d"}\n',
    b'{"v":1,"do":"strike","seq":9223372036854775807}\n{"v":1,"do":"strike"}\n{"v":1,"do":"strike","seq":3,"last":"ana"}\n',
    b"GET /metrics HTTP/1.1\r\nHost: box\r\n\r\n",
)
WEB_BODIES: Final = (
    b'{"name":"ana","password":"six garden words"}',
    b'{"page":"1-2-3","n":1,"text":"hi","action":false,"to":"budi"}',
    b'{"text":{"deep":["\\ud800"]}}',
    b'{"\\udc00":1}',
    b'{"n":1e999}',
    b'{"n":NaN}',
    b'{"n":1,"n":2}',
    b'{"n":' + b"[" * 1000 + b"]" * 1000 + b"}",
)
_COOKIE: Final = b"sockatuh=" + b"A" * 43
WEB_HEADERS: Final = (
    b"POST /say\nHost: 192.168.1.20:7680\nOrigin: https://192.168.1.20:7680\nSec-Fetch-Site: same-origin\n"
    b"Cookie: x=1; __Host-" + _COOKIE + b"\nAccept-Language: id;q=0.8, en-GB;q=0.5, *;q=nan",
    b"GET /\nHost: [fe80::1%25eth0]:7680\nSec-Fetch-Site: cross-site\n"
    b"Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document",
    b"GET /events\nHost: kitchen-pi.local.\nCookie: " + _COOKIE + b";" + _COOKIE + b"\nAccept-Language: id;q=1e400",
    b"POST /join\nHost: localhost:99999\nHost: evil.example\nContent-Length: 1\nTransfer-Encoding: chunked",
)
TICKET_KEYS: Final = b"2026-01-31T00:00:00+00:00 0a0b0c0d " + KEY + b"\n"
KNOWN: Final = (
    b"kitchen-pi:7625 x25519 " + KEY + b" 2026-01-31T09:52:00Z the room\nkitchen-pi:7625 " + KEY + b"\nlast box:1\n"
)
ROWS: Final = (
    b'2026-01-31T09:52:00.000Z\0{"name":"ana","text":"hi","action":false}\0002026-01-31T09:52:00.000Z\0\0ana\0k\x000\0left',
    b'2026-01-31T09:52:00.000Z\0{"name":"ana","owner":"k","text":"hi","to":"budi","new":"anna"}',
    b'2026-01-31T09:52:00.000Z\0{"name":1}\0yesterday\0never\0!ana\0!k\0#1\0',
)
OLD_MEMBER, SCRIPT, NEW_GUEST = 0, 2, 1
PEER_JOINED: Final = b"\4"


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Yield (target, name, bytes)."""
    client = {name: m.encode(each) for name, each in vectors.client_messages(b"noise").items()}
    server = {name: m.encode(each) for name, each in vectors.server_messages(b"noise").items()}
    written = vectors.vectors()
    yield from (("message", name, data) for name, data in (client | server).items())
    yield from (("web_body", f"body {number}", data) for number, data in enumerate(WEB_BODIES))
    yield from (("web_headers", f"request {number}", data) for number, data in enumerate(WEB_HEADERS))
    yield from (("entry", name, bytes.fromhex(data)) for name, data in written["entries"].items())
    for name, data in written["payloads"].items():
        yield "payload", name, len(data[::2]).to_bytes(2, "little") + bytes.fromhex(data)
    proven = vectors.proven()
    for number in range(0, 185, 61):
        yield "proof", f"spoilt {number}", proven.proof[:number] + b"?" + proven.proof[number + 1 :]
    yield "proof", "share", proven.share
    yield "proof", "hash", proven.known.text
    yield "ticket", "honest", msgspec.msgpack.encode(["ana", bytes(16), 7])
    yield "ticket", "sealed", bytes.fromhex(written["ticket"]["ticket"])
    for number, beginning in enumerate(INVITES):
        yield "invite", f"{number}", beginning.encode() + base64.urlsafe_b64encode(bytes(32)).rstrip(b"=")
    for number, place in enumerate((b"box.lan", b"box:7625", b"[fe80::1%eth0]:1", b"::1", b"192.168.1.20:65535")):
        yield "server_address", f"{number}", place
    for name, text in TEXTS.items():
        yield "text", name, text
        yield "password", name, text
    yield from (("name", name, text) for name, text in NAMES.items())
    yield from (("line", f"{number}", line) for number, line in enumerate(LINES))
    yield from (
        ("body", kind, bytes([at]) + body)
        for at, (kind, body) in enumerate(zip(KINDS, (*BODIES, *BODIES_OF_ORDERS), strict=False))
    )
    yield from (("control_line", name, line) for name, line in ORDERS.items())
    yield from (("span", f"{number}", span) for number, span in enumerate((b"12h", b"30d", b"0", b"forever")))
    yield from _of_files()
    yield from _of_the_control_socket()
    yield from _of_the_server(client)
    yield from _of_the_peer(server)


def _of_files() -> Iterator[tuple[str, str, bytes]]:
    yield "client_files", "honest", KNOWN
    yield "client_files", "no_value", b"kitchen-pi:7625\n\nkitchen-pi:7625  \n\xff \xff"
    yield "key_files", "key", KEY + b"\n"
    yield "key_files", "ticket_keys", TICKET_KEYS
    yield "settings_file", "shipped", (ROOT / "config/sockatuh.toml").read_bytes()
    yield (
        "settings_file",
        "strange",
        b'host = 1\nclassic_networks = [10, [1], "x"]\n[limits]\npending = -1\nx.y = nan\n',
    )
    yield "settings_environment", "one_each", b"::\n7625\ndapur\n\n/tmp\nfull\n200\n30d\n1w\n0\non\n10.0.0.0/8 ::1\n9"
    yield "settings_environment", "named", b"SOCKATUH_ROOM=\xff\nSOCKATUH_LIMITS__PENDING=1e9\nSOCKATUH_X=1"
    yield from (("history_row", f"{number}", row) for number, row in enumerate(ROWS))


def _of_the_control_socket() -> Iterator[tuple[str, str, bytes]]:
    page = (ROOT / "docs/CONTROL.md").read_text("utf-8")
    examples = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for number, (request, answer) in enumerate(example.split("\n", 1) for example in examples):
        yield "control_socket", f"{number}", request.encode() + b"\n"
        at = next((at for at, each in enumerate(ASKED) if f'"do":"{type(each).__name__.lower()}"' in request), 0)
        yield "control_answer", f"{number}", bytes([at]) + answer.encode()
    yield "control_socket", "many", b"".join(encode_request(each) for each in ASKED)
    for number, line in enumerate(REQUESTS):
        yield "control_socket", f"odd {number}", line


def _of_the_server(client: dict[str, bytes]) -> Iterator[tuple[str, str, bytes]]:
    for name, plaintext in client.items():
        steps = [(who, plaintext) for who in (OLD_MEMBER, NEW_GUEST, SCRIPT)]
        yield "server", f"sealed {name}", write_steps(steps)
    written = vectors.vectors()
    for name, datagram in written["datagrams"].items():
        yield "server", f"raw {name}", write_steps([(3, bytes.fromhex(datagram)), (4, bytes.fromhex(datagram))])
    numbers = [(16, bytes([which, 1, 1, which, 0, 1])) for which in range(len(client))]
    yield "server", "numbers", write_steps(numbers)
    init = bytes.fromhex(written["payloads"]["INIT"])
    talk = [
        (9, "Kopi? ☕".encode()),
        (12, b"\0\x40"),
        (5, m.encode(m.Ping(bytes(8)))),
        (12, b"\0\xff"),
        (12, b"\x40\1\0"),
    ]
    yield "server", "talk", write_steps([*talk, (10, b""), (9, b"x" * 1_500), (12, b"\0\xff\0")])
    yield "server", "handshakes", write_steps([(6, len(init).to_bytes(2, "little") + init), (8, b"cem"), (11, b"\1\2")])
    yield "server", "ticket", write_steps([(7, msgspec.msgpack.encode(["ana", bytes(16), 7])), (9, b"back")])
    yield "server", "wrong password", write_steps([(8, b"cem\0guess")] * 5)
    proof = vectors.proven().proof
    yield "server", "proofs", write_steps([(8, b"cem\0\0" + each) for each in (proof, proof[:96], proof + b"x", b"")])
    yield "server", "disk", write_steps([(13, b"\1"), (9, b"held"), (12, b"\x10\0\0"), (13, b"\0"), (12, b"\x40\0\0")])
    whispered = [(17, b"ana\0to myself"), (17, b"nobody\0" + b"x" * 900), (17, b"\0to all"), (17, b"\xff\0")]
    yield "server", "whispers", write_steps([(8, b"budi"), *whispered, (12, b"\0\xff"), (14, b""), (17, b"ana\0again")])
    renamed = [
        (18, b"anna"),
        (9, b"as anna"),
        (18, b"ANNA"),
        (18, b""),
        (18, b"a b"),
        (18, b"budi"),
        (18, b"n" * 1_100),
    ]
    away = [(19, b"lunch"), (17, b"budi\0back"), (19, b"\x1b[2J" * 99), (19, b""), (19, b"x" * 1_100)]
    names = [(8, b"budi"), *renamed, *away, (13, b"\1"), (18, b"held"), (13, b"\0"), (12, b"\x40\0\0"), (14, b"")]
    yield "server", "names", write_steps([*names, (12, b"\xff\xff\0")])
    orders = [(21, line) for line in ORDERS.values()]
    said = [(9, b"one"), (9, b"two"), (20, b"\2"), (20, b"\1"), (20, b"\xff" * 8)]
    yield "server", "orders", write_steps([*said, *orders, (9, b"three"), (12, b"\xff\xff\0"), (14, b""), (9, b"four")])
    full = [(13, b"\1"), orders[0], orders[1], (12, b"\x80\0\0"), (9, b"held"), (13, b"\0"), (12, b"\x40\0\0")]
    yield "server", "orders on a full disk", write_steps([(9, b"one"), *full, (8, b"ana"), (14, b"")])
    yield "server", "crash", write_steps([(9, b"before"), (14, b""), (9, b"after"), (11, b"\0\2")])
    classic = [
        b"\0Username:budi\n",
        b"\0Password:" + PASSWORD.encode() + b"\n",
        b"\0hello\n",
        b"\1hello",
        b"\1Username:budi",
    ]
    yield "server", "classic", write_steps([*((15, each) for each in classic), (9, b"a\nb"), (12, b"\xff\xff\0")])


def _of_the_peer(server: dict[str, bytes]) -> Iterator[tuple[str, str, bytes]]:
    for name, plaintext in server.items():
        yield "peer", f"sealed {name}", PEER_JOINED + write_steps([(0, plaintext), (7, b"\0\xff")])
    empty = m.encode(m.Entries(0, 6, True, ()))
    read = [server[name] for name in ("HEAD", "ENTRIES", "ENTRIES", "ENTRY_PART", "ENTRIES")]
    yield "peer", "read twice", PEER_JOINED + write_steps([(0, each) for each in (*read, empty, *read)])
    numbers = [(9, bytes([which, which, which + 1, 1, 200])) for which in range(len(server) - 1)]
    yield "peer", "numbers", PEER_JOINED + write_steps(numbers)
    yield (
        "peer",
        "by hand",
        b"\0" + write_steps([(8, b"\0"), (8, b"\2ana"), (2, b""), (3, b""), (4, b""), (8, b"\3hi")]),
    )
    met = [(8, b"\0"), (8, b"\2ana"), (2, b""), (7, b"\0\xff"), (3, b"")]
    yield (
        "peer",
        "first meeting",
        b"\2" + write_steps([*met, (10, b""), (4, b"\0\5"), (8, b"\3hi"), (0, server["HEAD"])]),
    )
    yield "peer", "false server", b"\2" + write_steps([*met, *[(10, b"\0\x0a")] * 4, (4, b"\0\5" + bytes(64))])
    slow = [
        (10, b"\0\x0c"),
        (6, b""),
        (7, b"\0\xff"),
        (2, b""),
        (3, b""),
        (10, b""),
        (8, b"\1"),
        (8, b"\1"),
        (4, b"\0"),
    ]
    yield "peer", "slow hash", b"\x0a" + write_steps([*met, *slow])
    yield "peer", "unsound offers", b"\2" + write_steps([*met, (10, b"\0\xff"), (8, b"\2ana"), (10, b"\1\x0a")])
    yield (
        "peer",
        "lost",
        PEER_JOINED + write_steps([(8, b"\3hi"), (7, b"\xff\0\0"), (2, b""), (3, b""), (10, b""), (4, b"\0\x09")]),
    )
    own = [(8, b"\x08budi\0hi"), (8, b"\x09anna"), (8, b"\x0alunch"), (8, b"\x0a"), (8, b"\x04")]
    yield (
        "peer",
        "requests",
        PEER_JOINED
        + write_steps(
            [
                *own,
                (0, server["ANSWER NAME_CHANGED"]),
                (0, server["ANSWER NOTED"]),
                *own,
                (7, b"\xff\0\0"),
                (2, b""),
                (3, b""),
                (10, b""),
                (4, b"\0\x09"),
            ]
        ),
    )
    told = m.Entry(1, 1, m.RENAMED, "ana", "n" * 900, b"", "AbCdEfGh", "to", True)
    odd = m.encode(m.Entries(0, 1, True, (msgspec.Raw(m.encode(told)),)))
    yield "peer", "renamed", PEER_JOINED + write_steps([(0, odd), (0, server["ENTRIES"]), (7, b"\xff\0\0"), (2, b"")])
    yield "peer", "renewed", PEER_JOINED + write_steps([(7, b"\0\xf0\0"), (5, b""), (0, server["PONG"]), (6, b"")])
    yield "peer", "goodbye", PEER_JOINED + write_steps([(8, b"\4"), (8, b"\5"), (0, server["ANSWER GOODBYE"])])
    wrong = bytes(16) + b"\2" + bytes(32) + b"\1\0"
    yield "peer", "other version", b"\0" + write_steps([(8, b"\0"), (2, wrong), (7, b"\0\xff"), (2, wrong), (2, wrong)])


def main() -> None:
    """Write them."""
    for target, name, data in seeds():
        directory = CORPUS / target
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"seed-{name.lower().replace(' ', '-').replace(',', '')}").write_bytes(data)


if __name__ == "__main__":
    main()
