"""The table of who may ask for what changes the room, or is told of it, leaves nothing out."""

from __future__ import annotations

from typing import get_args

from sockatuh.room import commands, orders
from sockatuh.room.commands import MAY


def test_every_request_is_in_the_table() -> None:
    assert MAY.keys() == set(get_args(commands.Request))


def test_orders_are_the_admins_alone_and_nothing_else_is() -> None:
    assert {request for request, askers in MAY.items() if "admin" in askers} == set(get_args(orders.Order))
    assert all(MAY[order] == {"admin"} for order in get_args(orders.Order))
