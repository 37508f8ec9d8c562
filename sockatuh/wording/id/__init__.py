"""Indonesian."""

# ruff: noqa: S105 - a sentence about a password is no password

from __future__ import annotations

from typing import Final

HELP_PASSWORD_FILE: Final = "Baca kata sandi ruang dari baris pertama berkas ini; - berarti stdin."
HELP_JSON: Final = "Tampilkan JSON, satu objek per baris (docs/JSON.md)."
NO_ANSWER_GIVEN: Final = "Tidak ada jawaban, jadi tidak ada yang dilakukan."
