"""What a chat whose input is a pipe does when the input ends."""

from __future__ import annotations

from sockatuh import Event, Said
from sockatuh.cli import talk
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
