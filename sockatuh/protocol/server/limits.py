"""What an admin may tune about the server of the secure dialect, with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one endpoint. Every container is bounded by one of these or by a constant of the protocol."""

    text_bytes: int = 16_384
    """Longest text, in bytes of UTF-8: a page of a log fits, a file does not."""
    lines_per_second: float = 10.0
    """Lines a second a member may say in the long run; a line counts once for each datagram or 40 rows it has."""
    lines_burst: int = 50
    """Lines a member may say at once before the rate applies: a pasted screenful."""
    handshakes_per_second: float = 500.0
    """Handshakes a second from all addresses; each costs about 0.4 ms of one core."""
    handshakes_per_address: float = 5.0
    """Handshakes a second from one address, in the long run."""
    handshakes_burst: int = 20
    """Handshakes one address may make at once: enough for a classroom behind one router that reconnects."""
    cookies_per_second: float = 20_000.0
    """COOKIEs a second to all strangers; each costs microseconds."""
    pending: int = 1_024
    """Handshakes that wait for their first datagram."""
    sessions: int = 4_096
    """Open sessions: members may have several, and some have just lost contact."""
    sessions_per_key: int = 16
    """Open sessions of one key; beyond that the longest silent one is closed."""
    guests: int = 256
    """Scripts and readers in the room; they are no members."""
    guests_per_address: int = 10
    """The same from one IPv4 address or IPv6 /64."""
    half_line_bytes: int = 33_554_432
    """Bytes of lines that cannot be released yet, for all sessions: parts are missing, or an earlier line is."""
    half_line_seconds: float = 30.0
    """How long parts of a line wait for the others, in seconds; what is dropped is requested again."""
    pending_seconds: float = 10.0
    """How long a handshake waits for its first datagram, in seconds."""
    join_seconds: float = 30.0
    """How long a session may take to join, in seconds: time to type a password. Each try restarts it."""
    ping_seconds: int = 25
    """Silence after which a client pings, in seconds; firewalls forget a flow after 60."""
    idle_seconds: int = 80
    """Silence after which the server closes a session, in seconds: three pings lost."""
    grace_seconds: float = 120.0
    """How long a member without contact stays in the room, in seconds; a return within that time leaves no line."""
    ack_milliseconds: int = 100
    """How long a client may wait before it acknowledges, in milliseconds; in large rooms 0.25 a session, up to 1000."""
    datagrams_per_second: float = 500.0
    """Datagrams a second of one session, and four for each line it may say; more are dropped before decryption."""
    datagrams_burst: int = 1_000
    """Datagrams of one session at once."""
    gets_per_second: float = 50.0
    """Answers to GET a second for all sessions of one key."""
    gets_burst: int = 100
    """Answers to GET at once for one key."""
    resets_per_second: float = 200.0
    """RESETs a second to all addresses."""
    resets_per_address: float = 5.0
    """RESETs a second to one address."""
    recent_entries: int = 8_192
    """Newest entries kept in memory to be sent again; older ones are read from the database."""
    recent_bytes: int = 8_388_608
    """The same, in bytes."""
