"""Comments for the configuration files that commands write, in English whatever language the command speaks.

A configuration stays on its machine for years, and is read by others than whoever typed the command.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = "# The room's settings. `sockatuh check --show-origin` prints every other one, with its default.\n"
SERVICE_HEAD: Final = (
    "# The room's settings, readable by all: no secret in it. After a change: systemctl reload sockatuh\n"
    "# `sudo sockatuh check` prints all that are in force.\n"
)
HASH_IS_SECRET: Final = "keep this private: whoever has it can pose as the server to newcomers"  # noqa: S105 - a comment
BESIDE: Final = "beside this file"
SECRET_MOVED: Final = "# password_hash is in a file of its own, which only root can read"  # noqa: S105 - a comment
