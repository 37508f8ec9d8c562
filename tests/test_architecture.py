"""Who may import whom (docs/ARCHITECTURE.md), read from the source and not from what happens to be loaded."""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from machine import unmeasured

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "sockatuh"
MODULES: Final = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

PURE: Final = ("protocol", "room", "seats")
IMPURE: Final = {
    "asyncio", "socket", "time", "random", "secrets", "os", "logging", "structlog", "sqlite3", "pydantic",
    "pydantic_settings", "typer", "threading", "selectors", "sys", "io", "pathlib", "sockatuh.log", "sockatuh.settings",
}  # fmt: skip

MAY_IMPORT: Final[dict[str, set[str]]] = {
    "errors": set(),
    "seats": set(),
    "log": {"net.journal"},
    "settings": {"errors", "net.address", "protocol.constants", "protocol.server.limits", "room.names", "store.files"},
    "protocol": {"errors"},
    "protocol.server": {"errors", "seats", "protocol"},
    "protocol.client": {"errors", "protocol"},
    "room": {"errors", "seats"},
    "store": {"errors", "room.entries", "room.log", "room.moments"},
    "net": {"errors", "protocol"},
    "server": {"errors", "log", "protocol", "protocol.server", "room", "store", "net"},
    "client": {
        "errors",
        "protocol",
        "protocol.client",
        "room.namekeys",
        "room.password",
        "room.text",
        "room.word",
        "net",
        "store.files",
        "store.ownership",
    },
    "wording": {"errors", "net.address", "protocol", "room.text", "server.options"},
    "web": {
        "client",
        "errors",
        "log",
        "net",
        "protocol.constants",
        "room.moments",
        "room.namekeys",
        "room.targets",
        "room.text",
        "room.word",
        "seats",
        "store.barred",
        "store.files",
        "wording",
    },
    "cli": {
        "errors",
        "log",
        "settings",
        "protocol",
        "room",
        "store",
        "net",
        "server",
        "client",
        "web",
        "wording",
    },
    "testing": {"client", "protocol", "protocol.client", "protocol.server", "room", "server", "store.memory_log"},
    "__main__": {"cli"},
}
"""The table of docs/ARCHITECTURE.md; each package may import itself and sockatuh's version.

A package with halves of its own stands here in three rows: "protocol" is what both halves share.
"""

ONLY_IN: Final = {
    "pydantic": "settings",
    "pydantic_core": "settings",
    "pydantic_settings": "settings",
    "structlog": "log",
    "sqlite3": "store",
    "typer": "cli",
    "prompt_toolkit": "cli",
    "prometheus_client": "cli",
    "segno": "web",
    "starlette": "web",
    "uvicorn": "web",
}

TOP_LEVEL: Final = {
    "sockatuh", "config", "scripts", "tests", "docs", "pyproject.toml", "README.md", "sockatuh.service",
    "sockatuh.socket", "CHANGELOG.md", "LICENSE",
}  # fmt: skip

HEAVY: Final = (
    "pydantic", "structlog", "sqlite3", "prompt_toolkit", "prometheus_client", "bcrypt", "sockatuh.settings.model",
)  # fmt: skip


def of_each_module(rule: Callable[[str], None]) -> Callable[[], None]:
    """Make one test of a rule for all modules; it names each that breaks the rule."""

    def test() -> None:
        broken: dict[str, str] = {}
        for module in MODULES:
            try:
                rule(module)
            except AssertionError as error:
                broken[module] = str(error)
        assert not broken

    test.__doc__ = rule.__doc__
    return test


def layer_of(module: str) -> str:
    """Return the row of the table that a dotted name belongs to: a package, a half of one, or a module of the top."""
    name = module.removeprefix("sockatuh").removeprefix(".")
    rows = [row for row in MAY_IMPORT if f"{name}.".startswith(f"{row}.")]
    return max(rows, key=len, default="")


def may_import(layer: str, name: str) -> bool:
    """Tell whether modules of a layer may import a module."""
    allowed = MAY_IMPORT[layer] | {layer}
    return layer_of(name) in allowed or name.removeprefix("sockatuh.") in allowed


@functools.cache
def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """Return the full names a module imports, wherever in it; `from a import b` is a.b when that is a module."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (above, node.module) if part)
            names = {f"{source}.{alias.name}" for alias in node.names}
            found |= (names & MODULES.keys()) or {source}
    return frozenset(found)


@of_each_module
def test_a_package_imports_only_what_is_below_it(module: str) -> None:
    layer = layer_of(module)
    if not layer:
        assert not [node for node in parse(module).body if isinstance(node, ast.Import)]
        sources = [node.module for node in parse(module).body if isinstance(node, ast.ImportFrom)]
        assert sources == ["__future__", "typing"], "everything else is for type checkers, or loaded when it is used"
        return
    assert not {name for name in imports_of(module) if name.startswith("sockatuh.") and not may_import(layer, name)}


@of_each_module
def test_the_pure_packages_do_no_io_and_read_no_clock_or_randomness(module: str) -> None:
    if layer_of(module).split(".")[0] in PURE:
        assert not {name for name in imports_of(module) if name in IMPURE or name.split(".")[0] in IMPURE}


@of_each_module
def test_the_room_knows_no_error_of_the_store(module: str) -> None:
    if layer_of(module) == "room":
        names = {
            alias.name for node in ast.walk(parse(module)) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        assert not {name for name in names if name == "StoreError" or name.startswith("Database")}


@of_each_module
def test_each_library_is_known_to_one_layer_only(module: str) -> None:
    libraries = {name.split(".")[0] for name in imports_of(module)} & ONLY_IN.keys()
    assert {library for library in libraries if ONLY_IN[library] != layer_of(module)} == set()


def test_one_module_knows_prometheus() -> None:
    found = {module for module in MODULES if any(name.startswith("prometheus_client") for name in imports_of(module))}
    assert found == {"sockatuh.cli.box.exposition"}


@of_each_module
def test_imports_within_a_package_are_relative_and_across_packages_absolute(module: str) -> None:
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
            inside = node.module.rpartition(".")[0] == package and MODULES[module].parent != PACKAGE
            assert node.level <= 1, f"{module}:{node.lineno} climbs out of its package"
            assert not inside, f"{module}:{node.lineno} imports its neighbour by its full name"


@of_each_module
def test_the_library_prints_nothing_and_reads_no_environment(module: str) -> None:
    if layer_of(module) == "client":
        assert not imports_of(module) & {"typer", "sqlite3", "prompt_toolkit", "getpass"}
        for node in ast.walk(parse(module)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            assert name not in {"environ", "getenv", "environb", "print", "stdin", "stdout", "stderr"}, node


CLIENTS_COMMANDS: Final = (
    "chat", "connection", "jsonlines", "narrator", "plain", "rendering", "inline_screen", "send", "sign_in", "slash",
    "tail", "talk", "who", "naming", "chat_state", "held_lines", "people_here", "input_line", "notifications",
    "pending", "tab_completion", "which_screen", "external_editor", "links", "clipboard",
    *(
        module.removeprefix("sockatuh.cli.")
        for module in MODULES
        if module.startswith(("sockatuh.cli.commands.", "sockatuh.cli.fullscreen."))
    ),
)  # fmt: skip


@pytest.mark.parametrize("module", CLIENTS_COMMANDS)
def test_client_commands_import_only_the_library(module: str) -> None:
    below = ("sockatuh.protocol", "sockatuh.net", "sockatuh.store", "sockatuh.server")
    found = {name for name in imports_of(f"sockatuh.cli.{module}") if name.startswith(below)}
    assert found <= {"sockatuh.protocol.identity"}, "only what a key looks like to people"


@of_each_module
def test_nothing_is_read_from_the_environment_when_a_module_is_imported(module: str) -> None:
    if module == "sockatuh.wording":  # it chooses the language, which help pages are made of when they are imported
        return
    for node in run_at_import(parse(module)):
        read = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
        assert not read, f"{module}:{getattr(node, 'lineno', 0)} reads the environment at import"


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what is run by importing: everything but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = child.args
            for default in (*arguments.defaults, *(each for each in arguments.kw_defaults if each)):
                yield default
                yield from run_at_import(default)
        else:
            yield from run_at_import(child)


@of_each_module
def test_no_module_has_state_of_its_own(module: str) -> None:
    """A table that is read only is marked Final and named like a constant; nothing rebinds a module's names."""
    tree = parse(module)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for node in tree.body:
        for target, value, annotation in assigned(node):
            constant = target.lstrip("_").isupper() or target.startswith("__") or "Final" in annotation
            assert constant or not is_container(value), f"{module}:{node.lineno} {target} could change"


def assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr, str]]:
    if isinstance(node, ast.Assign):
        yield from ((ast.unparse(target), node.value, "") for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield ast.unparse(node.target), node.value, ast.unparse(node.annotation)


def is_container(value: ast.expr) -> bool:
    """Tell whether an expression makes something that can be changed; calls of our own classes and caches count too."""
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    makers = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "count", "Queue"}
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in makers


@of_each_module
def test_no_constant_table_is_changed_after_it_is_made(module: str) -> None:
    tree = parse(module)
    tables = {target for node in tree.body for target, value, _ in assigned(node) if is_container(value)}
    changes = {"append", "add", "update", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {*changes, "setdefault"}:
            assert ast.unparse(node.value) not in tables, f"{module}:{node.lineno}"
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            assert ast.unparse(node.value) not in tables, f"{module}:{node.lineno}"


def test_the_table_lists_exactly_the_existing_packages() -> None:
    assert {module for module in MODULES if "." in module and not layer_of(module)} == set()
    assert {row for row in MAY_IMPORT if f"sockatuh.{row}" not in MODULES} == set()


def test_every_permission_of_the_table_is_used() -> None:
    used = {(layer_of(module), name) for module in MODULES for name in imports_of(module)}
    for layer, allowed in MAY_IMPORT.items():
        for each in allowed:
            full = f"sockatuh.{each}"
            assert any(whose == layer and (name == full or layer_of(name) == each) for whose, name in used), (
                layer,
                each,
            )


def test_the_top_level_of_the_repository_is_fixed() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    top = {name.split("/")[0] for name in tracked.stdout.split("\0") if name}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("argument", ["--help", "help", "--version", "version"])
def test_help_and_version_load_nothing_heavy(argument: str) -> None:
    program = (
        "import sys, sockatuh.cli.app as app\n"
        f"code = app.run([{argument!r}])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    words, environ = [sys.executable, "-c", program], unmeasured(os.environ)
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("verb", ["chat", "send", "tail", "who"])
def test_the_clients_verbs_import_neither_the_servers_settings_nor_its_database(verb: str) -> None:
    module = f"sockatuh.cli.{verb}"
    if module not in MODULES:
        pytest.skip(f"there is no {verb}")
    loaded, waiting = set[str](), {module}
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        waiting |= {each for each in imports_of(name) if each in MODULES} - loaded
    assert not loaded & {"sockatuh.settings.model", "sockatuh.log", "sockatuh.store.database"}
