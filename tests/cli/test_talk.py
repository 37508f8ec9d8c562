"""What a chat does when its input ends."""

from __future__ import annotations

import asyncio

from client.session_double import SessionDouble, room_of

from sockatuh import Event, Said
from sockatuh.cli import talk
from sockatuh.protocol.client.events import LineRefused
from sockatuh.testing import MemoryRoom, run


def test_the_history_that_was_asked_for_is_shown_although_the_input_has_ended() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="ana") as ana:
                for number in range(50):
                    await ana.say(f"line {number}")
            shown: list[Event] = []

            async def feed() -> None:
                pass

            async with kitchen.connect(name="budi", history=50) as budi:
                await talk._converse(budi, shown.append, feed)
            assert [each.text for each in shown if isinstance(each, Said)] == [f"line {n}" for n in range(50)]

    run(story())


def test_lines_that_are_refused_together_are_all_reported() -> None:
    async def story() -> None:
        session = SessionDouble()
        room = room_of(session, says=2)
        shown: list[Event] = []
        ending = asyncio.create_task(talk.report_last_answers(room, shown.append))
        await asyncio.sleep(0)
        session.tell(LineRefused(1, "muted"), LineRefused(2, "muted"))
        await ending
        assert len(shown) == 2

    run(story())
