"""A status as a server tells it, for the tests of what is made of it."""

from __future__ import annotations

from typing import Final

from sockatuh.room.moments import from_rfc3339
from sockatuh.server.box_report import Here, Histogram, LastBackup, MetricsReport, StatusReport, Trouble

NOW: Final = from_rfc3339("2026-11-29T10:07:00.000Z")
WORDS: Final = "airport bargain limit quiz tennis hire rookie observe"
INVITE: Final = "sockatuh://192.168.1.20/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8?r=kitchen"
HERE: Final = (
    Here(
        name="ana", key="a1b2c3d4", dialect="secure", since="2026-11-29T09:31:00.000Z", sessions=2, lost=None, away=None
    ),
    Here(name="budi", key="", dialect="classic", since="2026-11-29T09:40:12.000Z", sessions=1, lost=None, away=None),
    Here(
        name="citra",
        key="00000000",
        dialect="secure",
        since="2026-11-28T08:00:00.000Z",
        sessions=0,
        lost="2026-11-29T10:02:00.000Z",
        away="at lunch",
    ),
)
REPORT: Final = StatusReport(
    room="kitchen",
    version="0.1.0",
    started="2026-11-26T10:07:00.000Z",
    host="::",
    port=7625,
    addresses=("192.168.1.20", "10.0.0.3"),
    words=WORDS,
    invite=INVITE,
    members=3,
    max_members=200,
    lost=1,
    guests=1,
    here=HERE,
    sessions={"secure": 3, "classic": 1},
    head=8_123,
    database=12_900_000,
    storing=True,
    unwritten=0,
    loop=0.4,
    writer=0.2,
    orders={"ban": 1, "mute": 2},
    dropped={"replay": 2, "size": 1_010},
    receive_buffer=8 << 20,
    troubles=(),
    backup=LastBackup(
        at="2026-11-29T04:00:12.000Z",
        file="/srv/backups/sockatuh-airport-bargain-2026-11-29-040012.backup",
        failed=None,
        reason="",
        due="2026-11-30T16:00:12.000Z",
    ),
)
FULL: Final = Trouble(
    code="not_storing",
    reason="/var/lib/sockatuh/room.db: the disk is full",
    remedy="make room there: df -h /var/lib/sockatuh",
)
TIMES: Final = Histogram(bounds=(0.001, 0.01, 0.1), counts=(3, 7, 8), count=9, sum=1.5)
METRICS: Final = MetricsReport(
    version="0.1.0",
    room="kitchen",
    started=1_796_731_200.0,
    members=3,
    members_lost=1,
    sessions={"secure": 3, "classic": 1},
    log_head=8_123,
    log_bytes=12_900_000,
    bans=1,
    storing=True,
    unwritten=0,
    lines=40,
    joins=12,
    refused={"banned": 5},
    datagrams_received=100_000,
    datagrams_sent=200_000,
    dropped={"replay": 2, "size": 1_010},
    password_checks=7,
    commit_seconds=TIMES,
    turn_seconds=TIMES,
    behind_members=0,
    receive_buffer_bytes=8 << 20,
    last_backup=1_796_700_000.0,
)
