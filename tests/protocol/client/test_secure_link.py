"""One session at the client: sealing, opening, new keys, and RESET."""

from __future__ import annotations

import pytest
from kit.bare_room import IDENTITY, SERVER, SERVER_KEY, START, Dice

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.client.handshakes import Established
from sockatuh.protocol.client.secure_link import Link
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import (
    OLD_CHANNEL_SECONDS,
    PING_RETRY_AFTER,
    PROLOGUE,
    REKEY_AFTER,
    REKEY_DATAGRAMS,
    RESET,
)
from sockatuh.protocol.datagrams import reset_token
from sockatuh.protocol.noise import Responder
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

KEY = bytes(range(1, 33))
FIRST_CLIENT, FIRST_SERVER = 11, 99
UP, DOWN = b"u" * 32, b"d" * 32


def make_payload(cid: int) -> m.RespPayload:
    return m.RespPayload(cid, 25, 80, 16_384, 100, reset_token(IDENTITY.reset_key, cid), "a room", False)


class Line:
    """A link and the server's end of it, which uses a new channel from its first datagram on."""

    def __init__(self, seed: int = 1) -> None:
        self.out: list[tuple[bytes, Address]] = []
        channel = Channel(UP, DOWN, FIRST_CLIENT, FIRST_SERVER, START)
        established = Established(channel, SERVER, SERVER_KEY, make_payload(FIRST_SERVER), b"h" * 32)
        self.timers = TimerTable(ClientTimer)
        self.link = Link(established, KEY, Dice(seed), self.timers, self.out, START)
        self.timers.stop(ClientTimer.PING)
        self.server = Channel(DOWN, UP, FIRST_SERVER, FIRST_CLIENT, START)
        self.new: Channel | None = None
        self.hash = b"h" * 32
        self.now = START

    def sent(self) -> list[bytes]:
        sent = [data for data, _ in self.out]
        self.out.clear()
        return sent

    def asked(self) -> list[m.Rekey]:
        """Return the REKEYs the client has sent on the channel in use."""
        messages = [m.decode_client_message_untrusted(self.server.open_untrusted(data)) for data in self.sent()]
        return [message for message in messages if isinstance(message, m.Rekey)]

    def handle_timer(self, now: float) -> None:
        """Advance the time to `now`."""
        for timer in self.timers.take_due(now):
            if timer is ClientTimer.REKEY:
                self.link.rekey(now)
            elif timer is ClientTimer.OLD_CHANNEL:
                self.link.drop_old_channel()

    def send(self, message: m.ClientMessage) -> None:
        self.link.send(message, self.now)

    @property
    def rekey_at(self) -> float:
        at = self.timers.get(ClientTimer.REKEY)
        assert at is not None
        return at

    def until_rekey(self) -> m.Rekey:
        self.now = self.rekey_at
        self.handle_timer(self.now)
        (rekey,) = self.asked()
        return rekey

    def answer(self, rekey: m.Rekey, cid: int = 100) -> m.Rekeyed:
        """Agree on a new channel, as the server does."""
        responder = Responder(IDENTITY.private_key, PROLOGUE + self.hash, Dice(cid)(32))
        responder.read_message_untrusted(rekey.noise)
        noise = responder.write_message(m.pad_payload(make_payload(cid), 144))
        send_key, receive_key = responder.split()
        self.new = Channel(send_key, receive_key, cid, rekey.client_cid, self.now)
        self.hash = responder.handshake_hash
        return m.Rekeyed(noise)

    def rekey(self, cid: int = 100) -> Channel:
        """Go through a rekeying, and return the server's end of the old channel."""
        rekeyed = self.answer(self.until_rekey(), cid)
        self.link.finish_rekey(rekeyed, self.now)
        assert self.new is not None
        old, self.server = self.server, self.new
        return old


def test_what_is_sent_is_sealed_and_goes_to_the_server() -> None:
    line = Line()
    line.send(m.Ack(7))
    ((datagram, address),) = line.out
    assert address == SERVER
    assert m.decode_client_message_untrusted(line.server.open_untrusted(datagram)) == m.Ack(7)


def test_what_comes_is_opened_once() -> None:
    line = Line()
    datagram = line.server.seal(m.encode(m.Head(7)))
    assert line.link.open_untrusted(datagram) == m.encode(m.Head(7))
    with pytest.raises(ProtocolError):
        line.link.open_untrusted(datagram)


@pytest.mark.parametrize("data", [b"", b"\xb5", b"\xb5" + bytes(40), b"\xb5" + bytes(1300)])
def test_a_datagram_of_another_session_is_the_one_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Line().link.open_untrusted(data)


# New keys.


def test_keys_are_renewed_about_hourly_each_client_at_its_own_time() -> None:
    spans = {Line(seed).rekey_at - START for seed in range(40)}
    assert 0.9 * REKEY_AFTER <= min(spans) < 0.95 * REKEY_AFTER
    assert 1.05 * REKEY_AFTER < max(spans) <= 1.1 * REKEY_AFTER
    line = Line()
    line.handle_timer(line.rekey_at - 1)
    assert line.asked() == []
    line.until_rekey()


def after_sending(line: Line, datagrams: int) -> None:
    """Pretend that so many datagrams have been sent."""
    line.link._channel._counter += datagrams


def test_keys_are_renewed_when_many_datagrams_were_sent() -> None:
    line = Line()
    line.handle_timer(START + 1)
    assert line.asked() == []
    after_sending(line, REKEY_DATAGRAMS)
    line.send(m.Ack(7))
    line.handle_timer(START + 1)
    assert len(line.asked()) == 1


def test_an_unanswered_rekey_is_repeated_unchanged() -> None:
    line = Line()
    first, now = line.until_rekey(), line.now
    for wait in (*PING_RETRY_AFTER, PING_RETRY_AFTER[-1]):
        assert line.rekey_at == now + wait
        line.handle_timer(now + wait - 0.01)
        assert line.asked() == []
        now += wait
        line.handle_timer(now)
        assert line.asked() == [first]


def test_the_client_seals_with_the_new_channel_at_once() -> None:
    line = Line()
    line.rekey()
    line.send(m.Ack(7))
    assert m.decode_client_message_untrusted(line.server.open_untrusted(line.sent()[0])) == m.Ack(7)


def test_what_the_server_had_sealed_with_the_old_channel_is_read_for_ten_seconds() -> None:
    line = Line()
    old = line.rekey()
    late = [old.seal(m.encode(m.Head(number))) for number in range(3)]
    assert line.link.open_untrusted(line.server.seal(m.encode(m.Head(9)))) == m.encode(m.Head(9))
    assert line.link.open_untrusted(late[1]) == m.encode(m.Head(1))
    line.handle_timer(line.now + OLD_CHANNEL_SECONDS - 0.01)
    assert line.link.open_untrusted(late[0]) == m.encode(m.Head(0))
    assert line.timers.get(ClientTimer.OLD_CHANNEL) == line.now + OLD_CHANNEL_SECONDS
    line.handle_timer(line.now + OLD_CHANNEL_SECONDS)
    with pytest.raises(ProtocolError):
        line.link.open_untrusted(late[2])
    assert line.timers.get(ClientTimer.OLD_CHANNEL) is None


def test_the_old_channel_works_both_ways_until_the_answer() -> None:
    line = Line()
    line.until_rekey()
    line.send(m.Ack(7))
    assert line.server.open_untrusted(line.sent()[0])
    assert line.link.open_untrusted(line.server.seal(m.encode(m.Head(1)))) == m.encode(m.Head(1))


def test_a_second_answer_changes_nothing() -> None:
    line = Line()
    rekey = line.until_rekey()
    rekeyed = line.answer(rekey)
    line.link.finish_rekey(rekeyed, line.now)
    line.link.finish_rekey(rekeyed, line.now)
    line.link.finish_rekey(m.Rekeyed(b"junk"), line.now)
    line.send(m.Ack(7))
    assert line.new is not None
    assert line.new.open_untrusted(line.sent()[0])


@pytest.mark.parametrize("noise", [b"", bytes(48), bytes(192)])
def test_an_answer_that_is_not_the_servers_is_the_one_error_and_the_true_one_still_counts(noise: bytes) -> None:
    line = Line()
    rekeyed = line.answer(line.until_rekey())
    with pytest.raises(ProtocolError):
        line.link.finish_rekey(m.Rekeyed(noise), line.now)
    line.link.finish_rekey(rekeyed, line.now)
    line.send(m.Ack(7))
    assert line.new is not None
    assert line.new.open_untrusted(line.sent()[0])


def test_keys_are_renewed_again_and_again() -> None:
    line = Line()
    cids = set[int]()
    for cid in range(100, 105):
        before = line.now
        line.rekey(cid)
        assert 0.9 * REKEY_AFTER <= line.now - before <= 1.1 * REKEY_AFTER
        assert line.link.open_untrusted(line.server.seal(m.encode(m.Head(cid)))) == m.encode(m.Head(cid))
        cids.add(line.server.send_cid)
        line.handle_timer(line.now + OLD_CHANNEL_SECONDS)
    assert len(cids) == 5


# RESET.


def reset(cid: int, token: bytes | None = None) -> bytes:
    token = reset_token(IDENTITY.reset_key, cid) if token is None else token
    return bytes([RESET]) + cid.to_bytes(7, "little") + token


def test_a_reset_is_believed_with_the_cid_and_the_token_of_the_session_only() -> None:
    link = Line().link
    assert link.is_reset(reset(FIRST_SERVER))
    assert not link.is_reset(reset(FIRST_SERVER, bytes(16)))
    assert not link.is_reset(reset(FIRST_SERVER + 1))
    assert not link.is_reset(reset(FIRST_SERVER + 1, reset_token(IDENTITY.reset_key, FIRST_SERVER)))
    assert not link.is_reset(reset(FIRST_SERVER) + b"\0")
    assert not link.is_reset(reset(FIRST_SERVER)[:-1])
    assert not link.is_reset(b"")


def test_the_first_and_the_newest_channel_can_be_reset_and_no_other() -> None:
    line = Line()
    line.rekey(100)
    assert line.link.is_reset(reset(100))
    line.handle_timer(line.now + OLD_CHANNEL_SECONDS)
    line.rekey(101)
    assert line.link.is_reset(reset(FIRST_SERVER))
    assert line.link.is_reset(reset(101))
    assert not line.link.is_reset(reset(100))
