"""The languages side by side: what each says in public, and values to call its sentences with."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Final

import sockatuh.wording
from sockatuh.wording import LANGUAGES

ENGLISH: Final = "en"
OTHERS: Final = tuple(language for language in LANGUAGES if language != ENGLISH)


def modules_of(language: str) -> dict[str, ModuleType]:
    """Return the modules of a language by name; the package itself is ""."""
    package = import_module(f"sockatuh.wording.{language}")
    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    return {"": package} | {name: import_module(f"{package.__name__}.{name}") for name in names}


def public(module: ModuleType) -> dict[str, object]:
    """Return what a module says: its constants and its own functions."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (name.isupper() or (inspect.isfunction(value) and value.__module__ == module.__name__))
    }


def functions_of(language: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the sentences with facts in them."""
    for name, module in modules_of(language).items():
        for each, value in public(module).items():
            if inspect.isfunction(value):
                yield f"{name}.{each}", value


def shape_of(value: object) -> object:
    """Return what must be the same in all languages: types, keys, lengths, what a function takes and returns."""
    if inspect.isfunction(value):
        return inspect.signature(value)
    if isinstance(value, dict):
        return {key: shape_of(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return "tuple", [shape_of(each) for each in value]
    if isinstance(value, frozenset):
        return "frozenset"
    return type(value)


def texts_of(value: object) -> Iterator[str]:
    """Yield the sentences in a constant."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for _, each in sorted(value.items()):
            yield from texts_of(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_of(each)


PACKAGES: Final = [found.name for found in pkgutil.iter_modules(sockatuh.wording.__path__) if found.ispkg]
"""The packages that are there, whether or not they can be chosen."""
