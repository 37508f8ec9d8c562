"""The form of a bcrypt hash, and what has happened to one that lost it on its way through shells and files."""

from __future__ import annotations

import re
from typing import Final

from sockatuh.secret import SecretError, secret_in_text

_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_BCRYPT_COSTS: Final = range(10, 15)


def checked_hash(value: object) -> str:
    """Return a hash as it is, or raise ValueError with what is wrong with it and how to write it."""
    # The value is never quoted: it may be the password itself, put here by mistake.
    try:
        text = secret_in_text(value).strip() if isinstance(value, str) else ""
    except SecretError:
        text = ""
    if match := _BCRYPT.fullmatch(text):
        if int(match[1]) not in _BCRYPT_COSTS:
            raise ValueError(
                f"should have a bcrypt cost of 10 to 14, not {int(match[1])}; `sockatuh hash-password` makes 12"
            )
        return text
    if text[:1] in ("'", '"') and _BCRYPT.fullmatch(text.strip("'\"")):
        raise ValueError("should stand without quotes here: nothing takes them off again")
    if _BCRYPT.fullmatch(text.replace("$$", "$")):
        raise ValueError("should have single $ signs here: doubling them is for compose files only")
    form = "should be the 60 characters that `sockatuh hash-password` prints ($2b$12$…)"
    if text.startswith("$2") and len(text) >= 60:
        raise ValueError(form)
    raise ValueError(
        f"{form}. Was the $ eaten by a shell, a compose or an env file? "
        "Write it in 'single quotes'; in a compose file double each $"
    )
