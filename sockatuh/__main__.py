"""Run SockAtuh as `python -m sockatuh`."""

from __future__ import annotations

from sockatuh.cli import main

main()
