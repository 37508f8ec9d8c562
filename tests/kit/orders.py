"""Gives the admin's orders to an instant world, and tells what came of them."""

from __future__ import annotations

from typing import TypeVar

from sockatuh.room import orders as o
from sockatuh.room.entries import Left
from sockatuh.room.order_book import InForce

from .instant_world import InstantWorld

TOM = o.Actor(0, "tom")
R = TypeVar("R")


def order(world: InstantWorld, what: o.Order) -> list[o.Reply]:
    """Give an order; return the answers so far."""
    answers: list[o.Reply] = []
    world.room_server.orders.carry_out(what, TOM, answers.append, world.now)
    world.settle()
    return answers


def carry_out(world: InstantWorld, what: o.Order, kind: type[R]) -> R:
    """Give an order, and return its one answer."""
    answers = order(world, what)
    assert len(answers) == 1
    assert isinstance(answers[0], kind), answers
    return answers[0]


def denied(world: InstantWorld, what: o.Order) -> str:
    return carry_out(world, what, o.OrderDenied).code


def left(world: InstantWorld) -> list[tuple[str, str]]:
    return [(body.name, body.reason) for body in world.bodies() if isinstance(body, Left)]


def in_force(world: InstantWorld) -> list[InForce]:
    return world.room_server.orders.book.in_force(world.wall())


def hits(world: InstantWorld, number: int) -> int:
    order = world.room_server.orders.book.find_id(number, world.wall())
    assert order is not None
    return order.hits
