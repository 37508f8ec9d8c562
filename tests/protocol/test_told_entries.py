"""From packing to inbox: what a member sees, whatever happens between."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from protocol.house import entry

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.inbox import Gone, Inbox
from sockatuh.protocol.constants import GET_DATAGRAMS, RECEIVE_WINDOW
from sockatuh.protocol.server.packing import Encoded, Told, mark_end, pack


@dataclass(frozen=True, slots=True)
class Log:
    """A log of which some entries are no longer kept."""

    head: int
    kept: dict[int, bytes]

    def stretch(self, after: int, through: int) -> list[Encoded]:
        return [(seq, self.kept[seq]) for seq in range(after + 1, through + 1) if seq in self.kept]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    head = draw(st.integers(1, 60))
    gone = draw(st.sets(st.integers(1, head), max_size=head))
    sizes = draw(st.lists(st.sampled_from((1, 1, 50, 400, 1200, 4000)), min_size=head, max_size=head))
    return Log(head, dict(entry(seq, "x" * sizes[seq - 1]) for seq in range(1, head + 1) if seq not in gone))


@given(log=logs(), start=st.integers(0, 60), seed=st.integers(0, 2**32), loss=st.sampled_from((0.0, 0.2, 0.6)))
def test_whatever_is_lost_doubled_or_reordered_the_inbox_gives_out_what_is_kept_and_names_what_is_gone(
    log: Log, start: int, seed: int, loss: float
) -> None:
    dice = random.Random(seed)
    start = min(start, log.head)
    inbox = Inbox(start)
    given_out: list[m.Entry | Gone] = []
    # Pushed as it was committed, a few entries at a time.
    pushed: list[Told] = []
    at = start
    while at < log.head:
        upto = min(log.head, at + dice.randint(1, 9))
        pushed += pack(at, upto, log.stretch(at, upto))
        at = upto
    deliver(inbox, pushed, dice, loss, given_out)
    inbox.notice_head(log.head)
    # And then asked for, until nothing is missing.
    for _ in range(2000):
        holes = inbox.holes()
        if not holes:
            break
        answer = [message for hole in holes for message in pack(*hole, log.stretch(*hole), GET_DATAGRAMS)]
        mark_end(answer)
        deliver(inbox, answer, dice, loss, given_out)
    assert inbox.cursor == log.head
    entries = [item for item in given_out if isinstance(item, m.Entry)]
    assert [(each.seq, m.encode(each)) for each in entries] == log.stretch(start, log.head)
    gone = [seq for item in given_out if isinstance(item, Gone) for seq in missing_in(item, entries)]
    assert sorted(gone) == [seq for seq in range(start + 1, log.head + 1) if seq not in log.kept]


def missing_in(gone: Gone, entries: list[m.Entry]) -> list[int]:
    there = {each.seq for each in entries}
    missing = [seq for seq in range(gone.after + 1, gone.through + 1) if seq not in there]
    assert len(missing) == gone.count
    return missing


def deliver(
    inbox: Inbox, messages: list[Told], dice: random.Random, loss: float, given_out: list[m.Entry | Gone]
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
