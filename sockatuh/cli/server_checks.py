"""The checks of `doctor` on the way to a server: its name, the network, and the server itself."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from sockatuh.client.checkup import Examined, Path, answers_a_broadcast, examine, find_addresses
from sockatuh.client.profile import Pin
from sockatuh.client.server_address import ServerAddress
from sockatuh.net.address import format_address, split_address
from sockatuh.net.interfaces import find_links
from sockatuh.net.route import Route, find_route
from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.protocol.seam import Address
from sockatuh.room.text import clean_line
from sockatuh.wording import admin
from sockatuh.wording import doctor as wording

from .errors import ExitCode
from .naming import shown_key, shown_name
from .verdict import Verdict, bad, fine, skipped

LOCAL: Final = ".local"
OF_THE_NETWORK: Final = ("route", "subnet", "contact", "key", "room", "version", "datagrams", "broadcast")


async def check_server(server: ServerAddress, pin: Pin | None, *, can_compare: bool) -> AsyncIterator[Verdict]:
    """Yield the verdicts about a server, in the order in which they can be known.

    `pin` is what is known about it; `can_compare` is false if that cannot be read.
    """
    try:
        addresses = await find_addresses(server)
    except (OSError, TimeoutError) as error:
        yield not_resolved(server.host, error)
        for check in OF_THE_NETWORK:
            yield skipped(check, wording.NO_ADDRESS)
        return
    yield _resolved(server.host, addresses)
    key = server.key or (pin.key if pin is not None else None)
    examined = await examine(addresses, key)
    at = examined.best or addresses[0]
    route = find_route(at)
    yield check_route(route, has_answered=examined.best is not None)
    yield check_subnet(route)
    yield check_contact(server, examined)
    for verdict in check_identity(server, pin, examined, can_compare=can_compare):
        yield verdict
    yield check_datagrams(examined)
    yield await _check_broadcast(examined, route, at)


def _resolved(host: str, addresses: Iterable[Address]) -> Verdict:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host.partition("%")[0])
        return fine("name", wording.is_an_address(host))
    return fine("name", wording.resolves(host, [split_address(format_address(each))[0] for each in addresses]))


def not_resolved(host: str, error: Exception) -> Verdict:
    """Return the verdict about a name that has no address."""
    is_unknown = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    kind = "unknown_name" if is_unknown else "no_name_server"
    reason = (error.strerror if isinstance(error, OSError) else "") or wording.NO_NAME_SERVER
    remedy = wording.WRITE_THE_ADDRESS if host.lower().rstrip(".").endswith(LOCAL) else admin.REMEDIES[kind]
    return bad("name", wording.not_resolved(host, reason), remedy, ExitCode.NO_SERVER)


def check_route(route: Route | None, *, has_answered: bool) -> Verdict:
    """Return the verdict about the way to the server; a tunnel is a fault only if nothing comes back through it."""
    if route is None:
        return bad("route", wording.NO_ROUTE, wording.NO_ROUTE_REMEDY, ExitCode.NO_SERVER)
    facts = {"source": route.source, "interface": route.interface or None, "tunnel": route.is_tunnel}
    if route.is_here:
        return fine("route", wording.HERE, **facts)
    if route.is_tunnel:
        text = wording.tunnel(route.interface, route.source)
        return fine("route", text, **facts) if has_answered else bad("route", text, wording.tunnel_remedy(), **facts)
    return fine("route", wording.route(route.source, route.interface), **facts)


def check_subnet(route: Route | None) -> Verdict:
    """Return the verdict on whether the server is in our own network."""
    if route is None:
        return skipped("subnet", wording.NO_ROUTE)
    if route.is_here:
        return skipped("subnet", wording.HERE)
    if route.shares_subnet is None:
        return skipped("subnet", wording.UNKNOWN_NETWORKS)
    return fine(
        "subnet", wording.SAME_SUBNET if route.shares_subnet else wording.OTHER_SUBNET, same=route.shares_subnet
    )


def check_contact(server: ServerAddress, examined: Examined) -> Verdict:
    """Return the verdict about the answers to HELLO."""
    if examined.best is None:
        return _no_answer(server, examined)
    times = [each * 1000 for each in examined.seconds]
    address, best, worst = format_address(examined.best), min(times), max(times)
    text = wording.contact(address, len(times), examined.sent, best, worst)
    facts: dict[str, object] = {"address": address, "sent": examined.sent, "answered": len(times)}
    facts |= {"best_ms": round(best, 1), "worst_ms": round(worst, 1)}
    if len(times) < examined.sent:
        return bad("contact", text, wording.lossy_remedy(), **facts)
    return fine("contact", text, **facts)


def _no_answer(server: ServerAddress, examined: Examined) -> Verdict:
    what = "; ".join(admin.in_the_way(examined.obstacles)) or wording.apart(server.port)
    kinds = {kind for _, kind in examined.obstacles}
    remedy = admin.REMEDIES.get(kinds.pop(), admin.NO_REMEDY) if len(kinds) == 1 else wording.NO_ANSWER_REMEDY
    text = wording.no_answer(server.server, what)
    return bad("contact", text, remedy, ExitCode.NO_SERVER, sent=examined.sent, answered=0)


def check_identity(
    server: ServerAddress, pin: Pin | None, examined: Examined, *, can_compare: bool = True
) -> Iterator[Verdict]:
    """Yield the verdicts about the server's key, the room and the version."""
    key, known = examined.key, server.key or (pin.key if pin is not None else None)
    if examined.theirs is not None:
        yield from (skipped(check, wording.NOT_PROVEN) for check in ("key", "room"))
        text = admin.version_mismatch(VERSION, examined.theirs)
        yield bad("version", text, "", ExitCode.VERSION_MISMATCH, version=examined.theirs)
    elif examined.offered is not None and known is not None:
        text, _, remedy = admin.identity_changed(
            server.server, shown_key(known), shown_key(examined.offered)
        ).partition("\n")
        yield bad("key", text, remedy, ExitCode.IDENTITY_CHANGED, fingerprint=fingerprint(examined.offered))
        yield from (skipped(check, wording.NOT_PROVEN) for check in ("room", "version"))
    elif key is not None:
        if pin is not None and pin.key == key:
            standing = wording.known(pin.first_seen[:10])
        elif server.key == key:
            standing = wording.as_invited()
        else:
            standing = wording.new() if can_compare else wording.PROFILE_UNREADABLE
        spelt = words(key)
        yield fine("key", wording.key(standing, spelt), fingerprint=fingerprint(key), words=spelt)
        yield fine("room", wording.room(shown_name(examined.room)), room=clean_line(examined.room))
        yield fine("version", wording.version(VERSION), version=VERSION)
    elif examined.best is not None:
        yield bad("key", wording.UNPROVEN, wording.UNPROVEN_REMEDY, ExitCode.NO_SERVER)
        yield from (skipped(check, wording.NOT_PROVEN) for check in ("room", "version"))
    else:
        yield from (skipped(check, wording.NOT_REACHED) for check in ("key", "room", "version"))


def check_datagrams(examined: Examined) -> Verdict:
    """Return the verdict on whether the longest datagrams go through."""
    match examined.path:
        case Path.WHOLE:
            return fine("datagrams", wording.WHOLE)
        case Path.NARROW:
            return bad("datagrams", wording.NARROW, wording.NARROW_REMEDY)
        case Path.SILENT:
            return bad("datagrams", wording.SILENT, wording.SILENT_REMEDY, ExitCode.NO_SERVER)
        case Path.UNTRIED:
            return skipped("datagrams", wording.NOT_REACHED if examined.best is None else wording.NOT_PROVEN)


async def _check_broadcast(examined: Examined, route: Route | None, at: Address) -> Verdict:
    if examined.key is None:
        return skipped("broadcast", wording.NOT_REACHED if examined.best is None else wording.NOT_PROVEN)
    if route is None or route.is_here:
        return skipped("broadcast", wording.HERE)
    if not route.shares_subnet or not find_links():
        return skipped("broadcast", wording.NO_BROADCAST_THERE)
    if await answers_a_broadcast(examined.key, int(at[1])):
        return fine("broadcast", wording.BROADCAST)
    return bad("broadcast", wording.NO_BROADCAST, wording.NO_BROADCAST_REMEDY)
