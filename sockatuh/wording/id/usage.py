"""The words of help pages, the manual page and usage errors that are not of one command.

Typer has most of them in English in its code, out of reach of any translation, so they are replaced where they are
printed (`cli/typer_words.py`). The keys of the tables are Typer's own words, the same in every language.
"""

# ruff: noqa: E501 - one sentence a row

from __future__ import annotations

from typing import Final

USAGE: Final = "Penggunaan: "
HEADINGS: Final = {"Arguments": "Argumen", "Options": "Opsi", "Commands": "Perintah"}
SENTENCES: Final = {"Show this message and exit.": "Tampilkan bantuan ini, lalu selesai."}
REMARKS: Final = {
    # in brackets behind a sentence
    "default: {value}": "bawaan: {value}",
    "env var: {value}": "variabel: {value}",
    "required": "wajib",
}
ERRORS: Final = {
    # the first that fits is used; `reason` may be another of these
    "Missing command.": "Perintahnya belum ada.",
    "No such command {value}. Did you mean {others}?": "Tidak ada perintah {value}. Maksud Anda {others}?",
    "No such command {value}.": "Tidak ada perintah {value}.",
    "No such option: {value} ('(Possible options: {others})',)": "Tidak ada opsi {value} (mungkin maksud Anda: {others})",  # Typer 0.26
    "No such option: {value} (Possible options: {others})": "Tidak ada opsi {value} (mungkin maksud Anda: {others})",
    "No such option: {value}": "Tidak ada opsi {value}",
    "Missing argument {value}. Choose from: {others}": "Argumen {value} belum ada. Pilih dari: {others}",
    "Missing argument {value}.": "Argumen {value} belum ada.",
    "Option {value} requires an argument.": "Opsi {value} memerlukan nilai.",
    "Option {value} does not take a value.": "Opsi {value} tidak menerima nilai.",
    "Got unexpected extra argument(s) ({value})": "Ada argumen berlebih ({value})",
    "Invalid value for {value} (env var: {variable}): {reason}": "Nilai {value} (variabel: {variable}) tidak sah: {reason}",
    "Invalid value for {value}: {reason}": "Nilai {value} tidak sah: {reason}",
    "Invalid value: {reason}": "Nilai tidak sah: {reason}",
    "{value} is not one of {others}.": "{value} bukan salah satu dari {others}.",
    "{value} is not in the range {others}.": "{value} di luar rentang {others}.",
    "{value} is not a valid int.": "{value} bukan bilangan bulat.",
    "{value} is not a valid int range.": "{value} bukan bilangan bulat.",
    "{value} is not a valid integer.": "{value} bukan bilangan bulat.",
    "{value} is not a valid integer range.": "{value} bukan bilangan bulat.",
    "{value} is not a valid float.": "{value} bukan bilangan.",
    "{value} is not a valid float range.": "{value} bukan bilangan.",
}
MANUAL_SECTIONS: Final = {
    "NAME": "NAMA",
    "SYNOPSIS": "RINGKASAN",
    "OPTIONS": "OPSI",
    "COMMANDS": "PERINTAH",
    "EXIT STATUS": "STATUS KELUAR",
}
MANUAL_TITLE: Final = "Perintah Pengguna"


def error(message: str) -> str:
    """Say that a command line cannot be understood, and why."""
    return f"Kesalahan: {message}"


def try_help(command: str) -> str:
    """Say how to get help about a command."""
    return f"Bantuan: {command} --help"
