"""Turns an error into an exit code, a code word for scripts, and a sentence that says what to do next."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

import msgspec
import typer

from sockatuh.errors import (
    AddressUnusable,
    ClientOutdated,
    ConfigurationError,
    DatabaseTooNew,
    DatabaseUnusable,
    FileNotPrivate,
    IdentityChanged,
    KeyFileError,
    NameTaken,
    NoServer,
    NotPrepared,
    NotStored,
    OutputLost,
    Problem,
    Refused,
    ServerUnproven,
    SockAtuhError,
    StoreError,
    TooFast,
    VersionMismatch,
)
from sockatuh.net.journal import is_journal, with_level
from sockatuh.protocol.constants import ADDRESSEE_CODES, ORDER_CODES
from sockatuh.protocol.identity import words
from sockatuh.room.moments import find_rfc3339
from sockatuh.room.text import clean_line
from sockatuh.wording import NO_ANSWER_GIVEN, reasons, usage
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from . import ordered
from .naming import shown_key, shown_name, whose
from .typer_words import error_in_words
from .wrapping import print_folded

_UsageError: type[BaseException] = typer.BadParameter.__mro__[1]
"""The base class of Typer's usage errors; Typer exports only the subclass BadParameter."""


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    OTHER = 1
    USAGE = 2
    NO_SERVER = 3
    REFUSED = 4
    NAME_TAKEN = 5
    IDENTITY_CHANGED = 6
    VERSION_MISMATCH = 7
    BAD_CONFIGURATION = 8
    INTERRUPTED = 130


class Stopped(Exception):
    """Stops a command with a sentence of its own, as opposed to an error from a lower layer.

    `code` is the word for scripts, "" for that of the exit code; `line` is the object for --json if there is one.
    """

    def __init__(self, sentence: str, exit_code: ExitCode, *, code: str = "", line: str = "") -> None:
        super().__init__(sentence)
        self.exit_code, self.code, self.line = exit_code, code or exit_code.name.lower(), line


class RoomUnread(ConfigurationError):
    """The settings of the room whose server is to be asked have mistakes; `hint` says how to ask it all the same."""

    def __init__(self, problems: list[Problem], hint: str) -> None:
        super().__init__(problems)
        self.hint = hint


class Explanation(msgspec.Struct, frozen=True):
    """An error for people and for scripts."""

    exit_code: ExitCode
    code: str
    message: str


def explain(error: Exception) -> Explanation:
    """Return how to report an error; an unforeseen one is reported as a bug."""
    match error:
        case Stopped():
            return Explanation(error.exit_code, error.code, str(error))
        case ConfigurationError():
            message = wording.bad_configuration([_cleaned(problem) for problem in error.problems])
            if isinstance(error, RoomUnread):
                message = f"{message}\n{error.hint}"
            return Explanation(ExitCode.BAD_CONFIGURATION, "bad_configuration", message)
        case NoServer():
            message = wording.no_server(clean_line(error.server), clean_line(error.reason), error.obstacles)
            return Explanation(ExitCode.NO_SERVER, "no_server", message)
        case NotPrepared():
            return Explanation(ExitCode.NO_SERVER, "not_prepared", wording.not_prepared(error.seconds))
        case NotStored():
            message = wording.not_stored(clean_line(error.server), error.seconds)
            return Explanation(ExitCode.NO_SERVER, "not_stored", message)
        case TooFast():
            return Explanation(ExitCode.NO_SERVER, "too_fast", wording.too_fast(error.seconds))
        case Refused(code="password_wrong", detail=str(its_words)) if its_words:
            message = phrases.password_unproven(clean_line(its_words)) + wording.wait_first(error.wait)
            return Explanation(ExitCode.REFUSED, "password_wrong", message)
        case Refused(code="no_such_name", detail=str(name)) if name:
            nearest = error.suggestion and shown_name(error.suggestion)
            return Explanation(ExitCode.REFUSED, error.code, phrases.nobody_called(shown_name(name), nearest))
        case Refused(code="reads_in_clear", detail=str(name)) if name:
            return Explanation(ExitCode.REFUSED, error.code, phrases.reads_in_clear(shown_name(name)))
        case Refused() if error.code in ORDER_CODES:
            return Explanation(ExitCode.REFUSED, error.code, ordered.sentence_of(error))
        case Refused():
            exit_code = ExitCode.NAME_TAKEN if isinstance(error, NameTaken) else ExitCode.REFUSED
            code = clean_line(error.code)
            return Explanation(exit_code, code, wording.refused(code, error.wait, whose(error)))
        case IdentityChanged():
            message = wording.identity_changed(error.server, shown_key(error.pinned), shown_key(error.offered))
            return Explanation(ExitCode.IDENTITY_CHANGED, "identity_changed", message)
        case ServerUnproven():
            shown = clean_line(error.server), " ".join(words(error.key)), error.reason
            return Explanation(ExitCode.IDENTITY_CHANGED, "server_unproven", wording.server_unproven(*shown))
        case ClientOutdated():
            message = wording.client_outdated(clean_line(error.server))
            return Explanation(ExitCode.VERSION_MISMATCH, "client_outdated", message)
        case VersionMismatch():
            message = wording.version_mismatch(error.ours, error.theirs)
            return Explanation(ExitCode.VERSION_MISMATCH, "version_mismatch", message)
        case _:
            return _explain_local(error)


def _explain_local(error: Exception) -> Explanation:
    """Return how to report an error on this machine."""
    match error:
        case AddressUnusable():
            message = wording.address_unusable(clean_line(error.host), error.port, error.reason)
            return Explanation(ExitCode.OTHER, "address_unusable", message)
        case DatabaseTooNew():
            message = wording.database_too_new(clean_line(error.path), error.found, error.known)
            return Explanation(ExitCode.OTHER, "database_too_new", message)
        case StoreError():
            facts = ("", str(error), "")
            if isinstance(error, DatabaseUnusable):
                facts = (error.path, error.reason, error.remedy)
            message = wording.database_unusable(*map(clean_line, facts))
            return Explanation(ExitCode.OTHER, "database_unusable", message)
        case KeyFileError():
            exit_code = ExitCode.BAD_CONFIGURATION if isinstance(error, FileNotPrivate) else ExitCode.OTHER
            return Explanation(exit_code, "key_unusable", wording.key_unusable(clean_line(error.path), error.reason))
        case OutputLost():
            return Explanation(ExitCode.OTHER, "output_lost", wording.output_lost(clean_line(error.reason)))
        case SockAtuhError():
            return Explanation(ExitCode.OTHER, "other", reasons.in_words(str(error)))
        case OSError() | MemoryError():
            return _explain_system(error)
        case _:
            return Explanation(ExitCode.OTHER, "bug", wording.bug(type(error).__name__, clean_line(str(error))))


def _explain_system(error: OSError | MemoryError) -> Explanation:
    """Return how to report an error of the operating system."""
    match error:
        case MemoryError():
            return Explanation(ExitCode.OTHER, "out_of_memory", wording.OUT_OF_MEMORY)
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return Explanation(ExitCode.OTHER, "too_many_files", wording.TOO_MANY_FILES)
        case OSError(filename=str(path), strerror=str(reason)):
            return Explanation(ExitCode.OTHER, "file_unusable", wording.file_unusable(clean_line(path), reason))
        case _:
            reason = clean_line(error.strerror or str(error) or type(error).__name__)
            return Explanation(ExitCode.OTHER, "system_refused", wording.system_refused(reason))


def guard(command: Callable[[], object], *, as_json: bool) -> int:
    """Run a command and return its exit code; an error is reported on stderr, and with `as_json` on stdout too.

    Flushes stdout and reports a failure to write it, which the interpreter would not do at exit.
    """
    code = _run(command, as_json=as_json)
    try:
        sys.stdout.flush()
    except OutputLost as lost:
        code = code or report(lost, as_json=False)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    return code


def _run(command: Callable[[], object], *, as_json: bool) -> int:
    try:
        code = command()
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except typer.Abort:  # Typer asked a question, and the input ended
        return report(Stopped(NO_ANSWER_GIVEN, ExitCode.OTHER), as_json=as_json)
    except Exception as error:
        if isinstance(error, _UsageError):
            return _report_usage(error, as_json=as_json)
        if sys.flags.dev_mode and not isinstance(error, Stopped):
            raise
        return report(error, as_json=as_json)
    return code if isinstance(code, int) else ExitCode.OK


def report(error: Exception, *, as_json: bool) -> int:
    """Report an error and return its exit code; it is no error if the reader of stdout has closed the pipe."""
    if isinstance(error, OutputLost) and error.reader_left:
        return ExitCode.OK
    explanation = explain(error)
    if as_json:
        line: dict[str, object] = {"v": 1, "type": "error", "code": explanation.code, "message": explanation.message}
        if isinstance(error, NameTaken) and error.tag:
            line |= _whose(error)
        if isinstance(error, Refused):
            line |= ordered.facts_of(error)
        if isinstance(error, Refused) and error.code in ADDRESSEE_CODES:
            line["to"] = clean_line(error.detail)
        if isinstance(error, Refused) and error.code == "no_such_name":
            line["nearest"] = clean_line(error.suggestion) or None
        if isinstance(error, ConfigurationError):
            line["problems"] = [
                {"key": problem.key, "origin": problem.origin, "expected": problem.expected}
                for problem in error.problems
            ]
        own = error.line if isinstance(error, Stopped) else ""
        with contextlib.suppress(OutputLost):  # the exit code and stderr say it too
            print(own or json.dumps(line), flush=True)
    complain(explanation.message)
    return explanation.exit_code


def complain(sentence: str) -> None:
    """Print an error to stderr, with that level if stderr is the journal."""
    _say(sentence, "error")


def warn(sentence: str) -> None:
    """Print a warning to stderr."""
    _say(sentence, "warning")


def _say(sentence: str, level: str) -> None:
    if is_journal(sys.stderr, os.environ):
        print(with_level(sentence, level), file=sys.stderr)
    else:
        print_folded(sentence)


def end_row() -> None:
    """End the row on which the terminal wrote ^C, so that the shell's prompt starts on a new one."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None and sys.stderr.isatty():
            print(file=sys.stderr, flush=True)


def _whose(error: NameTaken) -> dict[str, object]:
    """Return the fields of the JSON error that say who has the name."""
    since = find_rfc3339(error.since) if error.since else None
    return {"name": clean_line(error.detail) or None, "key": clean_line(error.tag), "since": since}


def stop(sentence: str, exit_code: ExitCode = ExitCode.OTHER) -> NoReturn:
    """Stop the command with a sentence."""
    raise Stopped(sentence, exit_code)


def _report_usage(error: Any, *, as_json: bool) -> int:
    """Report a usage error, and how to get help."""
    message, context = error.format_message(), error.ctx
    if message.startswith(usage.USAGE):  # without any arguments the message is the whole help page
        print(message, file=sys.stderr)
        return ExitCode.USAGE
    message = usage.error(clean_line(error_in_words(message)))
    if as_json:
        with contextlib.suppress(OutputLost):
            print(json.dumps({"v": 1, "type": "error", "code": "usage", "message": message}), flush=True)
    hint = f"{context.get_usage()}\n{usage.try_help(context.command_path)}\n\n" if context else ""
    complain(hint + message)
    return ExitCode.USAGE


def _cleaned(problem: Problem) -> Problem:
    return Problem(clean_line(problem.key), clean_line(problem.origin), clean_line(problem.expected))
