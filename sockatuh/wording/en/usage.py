"""The words of help pages, the manual page and usage errors that are not of one command.

Typer has most of them in English in its code, out of reach of any translation, so they are replaced where they are
printed (`cli/typer_words.py`). The keys of the tables are Typer's own words, the same in every language.
"""

# ruff: noqa: E501 - one sentence a row

from __future__ import annotations

from typing import Final

USAGE: Final = "Usage: "
HEADINGS: Final = {"Arguments": "Arguments", "Options": "Options", "Commands": "Commands"}
SENTENCES: Final = {"Show this message and exit.": "Show this message and exit."}
REMARKS: Final = {
    # in brackets behind a sentence
    "default: {value}": "default: {value}",
    "env var: {value}": "env var: {value}",
    "required": "required",
}
ERRORS: Final = {
    # the first that fits is used; `reason` may be another of these
    "Missing command.": "Missing command.",
    "No such command {value}. Did you mean {others}?": "No such command {value}. Did you mean {others}?",
    "No such command {value}.": "No such command {value}.",
    "No such option: {value} ('(Possible options: {others})',)": "No such option: {value} (Possible options: {others})",  # Typer 0.26
    "No such option: {value} (Possible options: {others})": "No such option: {value} (Possible options: {others})",
    "No such option: {value}": "No such option: {value}",
    "Missing argument {value}. Choose from: {others}": "Missing argument {value}. Choose from: {others}",
    "Missing argument {value}.": "Missing argument {value}.",
    "Option {value} requires an argument.": "Option {value} requires an argument.",
    "Option {value} does not take a value.": "Option {value} does not take a value.",
    "Got unexpected extra argument(s) ({value})": "Got unexpected extra argument(s) ({value})",
    "Invalid value for {value} (env var: {variable}): {reason}": "Invalid value for {value} (env var: {variable}): {reason}",
    "Invalid value for {value}: {reason}": "Invalid value for {value}: {reason}",
    "Invalid value: {reason}": "Invalid value: {reason}",
    "{value} is not one of {others}.": "{value} is not one of {others}.",
    "{value} is not in the range {others}.": "{value} is not in the range {others}.",
    "{value} is not a valid int.": "{value} is not a whole number.",
    "{value} is not a valid int range.": "{value} is not a whole number.",
    "{value} is not a valid integer.": "{value} is not a whole number.",
    "{value} is not a valid integer range.": "{value} is not a whole number.",
    "{value} is not a valid float.": "{value} is not a number.",
    "{value} is not a valid float range.": "{value} is not a number.",
}
MANUAL_SECTIONS: Final = {
    "NAME": "NAME",
    "SYNOPSIS": "SYNOPSIS",
    "OPTIONS": "OPTIONS",
    "COMMANDS": "COMMANDS",
    "EXIT STATUS": "EXIT STATUS",
}
MANUAL_TITLE: Final = "User Commands"


def error(message: str) -> str:
    """Say that a command line cannot be understood, and why."""
    return f"Error: {message}"


def try_help(command: str) -> str:
    """Say how to get help about a command."""
    return f"Try '{command} --help' for help."
