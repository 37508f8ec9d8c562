"""The constants of the protocol; none of them can be configured (docs/PROTOCOL.md)."""

from __future__ import annotations

import re
from typing import Final

VERSION: Final = 1
PROLOGUE: Final = b"sockatuh/1\0"
DEFAULT_PORT: Final = 7625

# Datagram types (§2).
HELLO: Final = 0xB1
COOKIE: Final = 0xB2
INIT: Final = 0xB3
RESP: Final = 0xB4
DATA: Final = 0xB5
RESET: Final = 0xB6

# Sizes in bytes (§2).
MAX_DATAGRAM: Final = 1200
HELLO_SIZE: Final = 128
COOKIE_SIZE: Final = 64
INIT_HEADER_SIZE: Final = 32
INIT_SIZE: Final = 256
INIT_TICKET_SIZE: Final = 512
RESP_SIZE: Final = 200
DATA_HEADER_SIZE: Final = 16
TAG_SIZE: Final = 16
MIN_DATA: Final = DATA_HEADER_SIZE + 1 + TAG_SIZE
RESET_SIZE: Final = 24
MAX_PLAINTEXT: Final = MAX_DATAGRAM - DATA_HEADER_SIZE - TAG_SIZE
MAX_PIECE: Final = 1120
MAX_PARTS: Final = 16
MAX_NESTING: Final = 8

# Cookies (§3).
EPOCH_SECONDS: Final = 30.0

# Channels (§4).
REPLAY_WINDOW: Final = 1024
COUNTER_LIMIT: Final = 1 << 60
REKEY_AFTER: Final = 3600.0
REKEY_DATAGRAMS: Final = 1 << 20
OLD_CHANNEL_SECONDS: Final = 10.0

# Lines (§6).
LINE_WINDOW: Final = 64
ROWS_PER_LINE: Final = 40
LINES_IN_FLIGHT: Final = 32
RETRY_AFTER: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0)

# Keep-alive and roaming (§7).
PING_RETRY_AFTER: Final = (1.0, 1.5, 1.5, 1.5, 1.5)
PATH_RETRY_AFTER: Final = (0.5, 1.0, 2.0)
RECONNECT_INTERVAL: Final = 0.75

# Repair (§8).
ACK_ENTRIES: Final = 256
ACK_PATIENCE: Final = 15.0
REORDER_DELAY: Final = 0.010
GET_RETRY_MIN: Final = 0.05
GET_RETRY_MAX: Final = 2.0
GET_DATAGRAMS: Final = 16
REPAIR_DATAGRAMS: Final = 8
REPAIR_AFTER: Final = 0.4
REPAIR_AFTER_MAX: Final = 1.5
PUSH_WINDOW: Final = 1024
RECEIVE_WINDOW: Final = 1024

LOG_ID_SIZE: Final = 16
MARK_SIZE: Final = 6
TAG_LENGTH: Final = 8
MAX_NAME_BYTES: Final = 128
MAX_ROOM_BYTES: Final = 64
MAX_AWAY: Final = 80
"""Characters of the text of somebody who is away, when cleaned."""
MAX_TICKET_BYTES: Final = 256
MAX_NODES: Final = 8
"""Addresses in the `nodes` of WELCOME."""
MAX_NODE_CHARACTERS: Final = 64
MAX_CHANGES: Final = 32
"""Changes in one PRESENCE."""
PUT_OFF: Final = frozenset({"password_wait", "passwords_guessed"})
"""Refusals of a password that the server has not checked; it checks the next try after `wait_ms`."""
UNDECIDED: Final = PUT_OFF | {"busy"}
"""Refusals that decide nothing about a proof: the offer it is for still stands, and it may be sent again."""
REMOVAL_CODES: Final = frozenset({"kicked", "banned"})
"""Why the room's admin has removed a client, in CLOSED and in REFUSED: it may not come back by itself."""
ORDER_CODES: Final = REMOVAL_CODES | {"muted"}
"""What an admin has ordered about a client; `wait_ms` tells when it ends, and 0 that it does not."""
MAX_ORDER_MS: Final = 100 * 365 * 86_400_000
"""The longest `wait_ms` of these, a hundred years: no order that has an end is given for longer."""
ADDRESSEE_CODES: Final = frozenset({"no_such_name", "reads_in_clear"})
"""Refusals of a private line that are about its addressee."""
SALT_SIZE: Final = 16
PASSWORD_FIELD_SIZE: Final = 72
"""Bytes to which a password is padded before it is sealed: the most that bcrypt reads."""
BCRYPT_COSTS: Final = range(10, 15)
"""The costs of a room's hash: no server may make its clients work for hours, or for nothing."""
BCRYPT_HASH: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{21}[.Oeu])([./A-Za-z0-9]{30}[.CGKOSWaeimquy26])")
"""A bcrypt hash: cost, salt (16 bytes) and digest (23 bytes). Their last characters have bits to spare, which are 0."""
