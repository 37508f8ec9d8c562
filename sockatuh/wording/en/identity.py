"""Every sentence that `identity` prints."""
# ruff: noqa: S105 - sentences about passphrases are not passphrases

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_ACTION: Final = (
    "show: your key and the servers you know; forget: the key and the tickets of a SERVER; export: your key into a "
    "FILE, encrypted; import: a key from such a FILE."
)
HELP_WHAT: Final = "For forget, HOST or HOST:PORT as `identity show` lists it; for export and import, the file."
HELP_REPLACE: Final = "import: replace a key that is there already, and keep it in a file beside the new one."
HELP_PASSPHRASE_FILE: Final = (
    "Read the passphrase that encrypts the exported key from the first line of a file; - is stdin."
)

WHICH_ACTION: Final = (
    "`sockatuh identity show`, `sockatuh identity forget SERVER`, `sockatuh identity export FILE` or "
    "`sockatuh identity import FILE`."
)
REPLACE_WHAT: Final = "--replace belongs to `sockatuh identity import FILE`."
ASK_NEW_PASSPHRASE: Final = "Passphrase for the file (at least 8 bytes): "
ASK_PASSPHRASE: Final = "Passphrase of the file: "
PASSPHRASES_DIFFER: Final = "The two passphrases differ; nothing was written. Try again."
PASSPHRASE_MISSING: Final = "The file is encrypted with a passphrase. Give it with --passphrase-file FILE."
PASSPHRASE_EMPTY: Final = "The passphrase is empty; nothing was done."
FAULTS: Final[Mapping[str, str]] = {
    "foreign": "{file} holds no key that `sockatuh identity export` wrote.",
    "newer": "{file} was written by a newer sockatuh. Bring this one up to date, and import it then.",
    "damaged": "{file} is damaged. Copy it once more, or export the key again.",
    "too_costly": "{file} asks for more memory or work to be decrypted than any sockatuh writes; it was not decrypted.",
    "wrong_passphrase": "That is not the passphrase with which {file} was encrypted; nothing was changed.",
}


def passphrase_short(size: int, least: int) -> str:
    """Say that a passphrase is too short to protect a key."""
    return f"That passphrase has {size} bytes; whoever gets the file could guess it. Choose one of at least {least}."


def exists(file: Path) -> str:
    """Say that nothing is overwritten."""
    return f"{fact(file)} is there already; choose another name, or move it away."


def exported(file: Path, words: Sequence[str], fingerprint: str) -> str:
    """Say where the key is, and what to do with it."""
    return (
        f"Wrote your key {' '.join(words)}  (SHA256:{fingerprint})\n"
        f"to {fact(file)} (0600), encrypted with the passphrase.\n"
        f"On the other machine: sockatuh identity import {fact(file.name)}\n"
        "Whoever has the file and the passphrase is you, for every room."
    )


def import_refused(fault: str, file: str) -> str:
    """Say why a file cannot be imported."""
    return FAULTS[fault].format(file=fact(file))


def has_another(path: str) -> str:
    """Say that there is another key already, which may own names."""
    return (
        f"This machine has another key already, in {fact(path)}; names that it owns are lost with it. "
        "If you want the imported one instead: --replace, which keeps the other in a file beside it."
    )


def is_the_same() -> str:
    """Say that the imported key is the one that is there already."""
    return "That is the key you have already; nothing was changed."


def imported(words: Sequence[str], fingerprint: str) -> str:
    """Say that servers know this person by the imported key from now on."""
    return (
        f"Servers know you by the key {' '.join(words)}  (SHA256:{fingerprint})\n"
        "from now on. The names it owns are yours here too; each room asks for its password once."
    )


def kept(path: Path) -> str:
    """Say where the key is that was replaced."""
    return f"The key that was here is kept in {fact(path)}; the names and tickets that belonged to it are forgotten."


def identity(words: Sequence[str], fingerprint: str, path: Path) -> str:
    """Show the person's own key."""
    return f"Fingerprint  {' '.join(words)}  (SHA256:{fingerprint})\nKept in      {fact(path)}"


def known_server(server: str, words: Sequence[str], first_seen: str, room: str) -> str:
    """Show a known server."""
    return f"{server}  {room}\n    {' '.join(words)}  (since {first_seen})"


def forgotten(server: str) -> str:
    """Say that a server's key is no longer known."""
    return f"Forgot {server}. The next `sockatuh chat {server}` is a first meeting."


def not_known(server: str) -> str:
    """Say that there was nothing to forget."""
    return f"{server} is not known here. `sockatuh identity show` lists the servers that are."
