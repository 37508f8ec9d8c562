"""Whatever the network does, everybody sees the same room: 300 seeds of weather in virtual time.

A failure names its seed; `pytest tests/simulation -k 'seed and 17'` runs it again.
"""

from __future__ import annotations

import pytest
from simulation.world import Weather, World

from sockatuh.room.names import NameRules

SEEDS = range(300)
SETTLE = 60.0


@pytest.fixture(scope="session")
def rules() -> NameRules:
    return NameRules()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_survives_its_weather(seed: int, rules: NameRules) -> None:
    world = World(seed, rules)
    dice = world.dice
    world.weather = Weather(
        loss=dice.choice([0.0, 0.05, 0.2]),
        duplication=dice.choice([0.0, 0.1]),
        delay=(0.0002, dice.choice([0.002, 0.04])),
    )
    for number in range(dice.choice([2, 3, 4, 6, 8, 30] if seed % 10 == 0 else [2, 3, 4, 5])):
        world.add_client(f"member{number}")
    counter = 0
    for _ in range(dice.randint(5, 30)):
        world.run(dice.uniform(0.0, 1.5))
        node = dice.choice(world.nodes)
        match dice.choice(["say"] * 12 + ["burst", "long", "move", "cut", "crash", "full"]):
            case "say":
                counter += 1
                world.say(node, f"line {counter}")
            case "burst":
                for _ in range(dice.randint(2, 40)):
                    counter += 1
                    world.say(node, f"line {counter}")
            case "long":
                counter += 1
                world.say(node, f"line {counter} " + "x" * dice.randint(1000, 16_000))
            case "move":
                world.move(node)
            case "cut":
                node.cut_off = True
                world.run(dice.uniform(0.1, 12.0))
                node.cut_off = False
            case "crash":
                world.crash_server()
                world.run(dice.uniform(0.0, 3.0))
                world.start_server()
            case _:
                world.log.full = True  # the disk, for a while
                world.run(dice.uniform(0.1, 4.0))
                world.log.full = False
    world.weather = Weather()
    assert world.run(SETTLE, until=world.everybody_is_up_to_date), "not everybody came back"
    world.check()
    assert all(set(node.said) == set(node.stored) for node in world.nodes), "a line was never stored"
    assert not [row for row in world.log.rows if row.kind == "left"], "a short absence left a line"
