"""From packing to inbox: what a member sees, whatever happens between."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import entry

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.inbox import Gone, Inbox
from sockatuh.protocol.constants import GET_DATAGRAMS, RECEIVE_WINDOW
from sockatuh.protocol.server.packing import EVERYBODY, NOBODY, Audience, Logged, Packed, as_shown_to, mark_end, pack

ME: Final = "my key"
AUDIENCES: Final[tuple[Audience, ...]] = (
    EVERYBODY,
    EVERYBODY,
    NOBODY,
    frozenset({ME, "another"}),
    frozenset({"another"}),
)


@dataclass(frozen=True, slots=True)
class Log:
    """A log of which some entries are no longer kept, and some are not shown to everybody."""

    head: int
    kept: dict[int, Logged]

    def stretch(self, after: int, through: int) -> list[Logged]:
        return [self.kept[seq] for seq in range(after + 1, through + 1) if seq in self.kept]

    def shown(self, after: int, through: int) -> Sequence[Logged]:
        return as_shown_to(ME, self.stretch(after, through))


@st.composite
def logs(draw: st.DrawFn) -> Log:
    head = draw(st.integers(1, 60))
    gone = draw(st.sets(st.integers(1, head), max_size=head))
    sizes = draw(st.lists(st.sampled_from((1, 1, 50, 400, 1200, 4000)), min_size=head, max_size=head))
    audiences = draw(st.lists(st.sampled_from(AUDIENCES), min_size=head, max_size=head))
    entries = (entry(seq, "x" * sizes[seq - 1], shown_to=audiences[seq - 1]) for seq in range(1, head + 1))
    return Log(head, {each.seq: each for each in entries if each.seq not in gone})


@given(log=logs(), start=st.integers(0, 60), seed=st.integers(0, 2**32), loss=st.sampled_from((0.0, 0.2, 0.6)))
def test_whatever_is_lost_doubled_or_reordered_the_inbox_gives_out_what_is_shown_and_names_only_what_is_gone(
    log: Log, start: int, seed: int, loss: float
) -> None:
    dice = random.Random(seed)
    start = min(start, log.head)
    inbox = Inbox(start)
    given_out: list[m.Entry | Gone] = []
    # Pushed as it was committed, a few entries at a time.
    pushed: list[Packed] = []
    at = start
    while at < log.head:
        upto = min(log.head, at + dice.randint(1, 9))
        pushed += pack(at, upto, log.shown(at, upto))
        at = upto
    deliver(inbox, pushed, dice, loss, given_out)
    inbox.notice_head(log.head)
    # And then asked for, until nothing is missing.
    for _ in range(2000):
        holes = inbox.holes()
        if not holes:
            break
        answer = [message for hole in holes for message in pack(*hole, log.shown(*hole), GET_DATAGRAMS)]
        mark_end(answer)
        deliver(inbox, answer, dice, loss, given_out)
    assert inbox.cursor == log.head
    entries = [item for item in given_out if isinstance(item, m.Entry)]
    mine = [each for each in log.stretch(start, log.head) if each.shown_to is None or ME in each.shown_to]
    assert [m.encode(each) for each in entries] == [each.encoding for each in mine]
    gone = [seq for item in given_out if isinstance(item, Gone) for seq in missing_in(item, log)]
    assert sorted(gone) == [seq for seq in range(start + 1, log.head + 1) if seq not in log.kept]


def missing_in(gone: Gone, log: Log) -> list[int]:
    missing = [seq for seq in range(gone.after + 1, gone.through + 1) if seq not in log.kept]
    assert len(missing) == gone.count
    return missing


def deliver(
    inbox: Inbox, messages: list[Packed], dice: random.Random, loss: float, given_out: list[m.Entry | Gone]
) -> None:
    copies = [each for each in messages for _ in range(dice.choice((1, 1, 2))) if dice.random() >= loss]
    if dice.random() < 0.5:
        dice.shuffle(copies)
    for message in copies:
        received = m.decode_server_message_untrusted(m.encode(message))
        assert isinstance(received, m.Entries | m.EntryPart)
        inbox.receive(received)
        given_out += inbox.take()
        assert len(inbox._early) <= RECEIVE_WINDOW
