"""Lines from end to end: each arrives once, in order, whatever the network does."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import no_jitter

from sockatuh.protocol.client.outbox import Outbox
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import MAX_PIECE
from sockatuh.protocol.server.line_assembly import LineReceiver
from sockatuh.protocol.timers import TimerTable


def take_all(receiver: LineReceiver) -> list[tuple[int, bool, bytes]]:
    taken: list[tuple[int, bool, bytes]] = []
    while receiver.ready():
        taken.append(receiver.take()[:3])
    return taken


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from((0, 5, 300, MAX_PIECE, MAX_PIECE + 1, 16_384)), min_size=1, max_size=40),
    loss=st.sampled_from((0.0, 0.1, 0.4)),
)
def test_whatever_the_network_does_every_line_arrives_in_order_and_once(
    seed: int, sizes: list[int], loss: float
) -> None:
    dice = random.Random(seed)
    timers = TimerTable(ClientTimer)
    sender, receiver = Outbox(no_jitter, timers), LineReceiver()
    texts = [dice.randbytes(size) for size in sizes]
    for text in texts:
        sender.add(text, False)
    taken: list[bytes] = []
    now = 0.0
    for _ in range(400):
        says = [say for say in sender.handle_timer(now) for _ in range(dice.choice((1, 1, 2))) if dice.random() >= loss]
        dice.shuffle(says)
        for say in says:
            receiver.receive(say, 0.0)
            taken += [text for _, _, text in take_all(receiver)]
            if say.number < receiver.next and dice.random() >= loss:
                sender.remove(say.number)
        if receiver.holds_parts() and dice.random() >= loss:
            sender.take_progress(receiver.progress(), now)
        if not sender:
            break
        at = timers.get(ClientTimer.LINES)
        assert at is not None
        now = max(now + 0.01, at)
    assert not len(sender)
    assert taken == texts
