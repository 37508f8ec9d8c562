"""Finds out which firewall is active on this machine, and whether it lets the room's UDP port in.

Only what the firewalls themselves say is used, and mostly they tell only root.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

UFW_SETTINGS: Final = Path("/etc/ufw/ufw.conf")
ANSWERS_WITHIN: Final = 5.0

Ask: TypeAlias = Callable[[Sequence[str]], "tuple[int, str] | None"]
"""Runs a command; returns its exit code and what it printed, None if there is no such command or no answer."""


class Firewall(msgspec.Struct, frozen=True):
    """An active firewall, the command that opens the port, and whether it is open; None if it does not tell us."""

    name: str
    command: str
    is_open: bool | None


def ask_system(command: Sequence[str]) -> tuple[int, str] | None:
    """Run a command of the system; see `Ask`."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [*command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=ANSWERS_WITHIN
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.returncode, done.stdout


def find_firewalls(port: int, ask: Ask = ask_system, ufw_settings: Path = UFW_SETTINGS) -> list[Firewall]:
    """Return the firewalls that are active; nftables only if it is not another one's."""
    found = [each for each in (_find_ufw(port, ask, ufw_settings), _find_firewalld(port, ask)) if each is not None]
    if found:
        return found
    nftables = _find_nftables(port, ask)
    return [nftables] if nftables is not None else []


def _find_ufw(port: int, ask: Ask, settings: Path) -> Firewall | None:
    try:
        is_enabled = re.search(r"^ENABLED=yes\b", settings.read_text("utf-8", "replace"), re.MULTILINE) is not None
    except OSError:
        return None
    if not is_enabled:
        return None
    answer = ask(["ufw", "status"])
    is_open = ufw_lets_in(answer[1], port) if answer is not None and answer[0] == 0 else None
    return Firewall("ufw", f"sudo ufw allow {port}/udp", is_open)


def ufw_lets_in(status: str, port: int) -> bool:
    """Tell whether a rule in what `ufw status` prints allows a UDP port, from wherever that is."""
    return re.search(rf"^{port}(/udp)?\s+(\(v6\)\s+)?(ALLOW|LIMIT)\b", status, re.MULTILINE) is not None


def _find_firewalld(port: int, ask: Ask) -> Firewall | None:
    state = ask(["systemctl", "is-active", "firewalld"])
    if state is None or state[1].strip() != "active":
        return None
    answer = ask(["firewall-cmd", f"--query-port={port}/udp"])
    is_open = {"yes": True, "no": False}.get(answer[1].strip()) if answer is not None else None
    opens = f"sudo firewall-cmd --permanent --add-port={port}/udp && sudo firewall-cmd --reload"
    return Firewall("firewalld", opens, is_open)


def _find_nftables(port: int, ask: Ask) -> Firewall | None:
    answer = ask(["nft", "list", "ruleset"])
    opens = f"sudo nft insert rule inet filter input udp dport {port} accept"
    if answer is None or answer[0] != 0:  # not root
        state = ask(["systemctl", "is-active", "nftables"])
        is_active = state is not None and state[1].strip() == "active"
        return Firewall("nftables", opens, None) if is_active else None
    chain = find_closed_input(answer[1])
    if chain is None:
        return None
    return Firewall("nftables", f"sudo nft insert rule {chain} udp dport {port} accept", nft_names(answer[1], port))


def find_closed_input(ruleset: str) -> str | None:
    """Return family, table and name of the first input chain in a ruleset that drops or rejects something."""
    table = ""
    for block in re.split(r"^(?=table )|(?=^\tchain )", ruleset, flags=re.MULTILINE):
        if (named := re.match(r"table (\S+ \S+)", block)) is not None:
            table = named[1]
        elif (chain := re.match(r"\tchain (\S+)", block)) is not None:
            is_input = re.search(r"\bhook input\b", block) is not None
            if is_input and re.search(r"\b(drop|reject)\b", block) is not None:
                return f"{table} {chain[1]}"
    return None


def nft_names(ruleset: str, port: int) -> bool | None:
    """Return True if an accepting rule names a port, else None: a set or another chain may still let it in."""
    rules = [line for line in ruleset.splitlines() if re.search(rf"\bdport\b.*\b{port}\b", line)]
    return True if any(re.search(r"\baccept\b", rule) for rule in rules) else None
