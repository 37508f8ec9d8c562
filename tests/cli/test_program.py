from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sockatuh.cli import program as module
from sockatuh.cli.program import Program, this_program

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no units there")


def test_this_program_is_the_script_of_its_environment_or_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    found = this_program()
    assert found.command == (str(Path(sys.prefix, "bin", "sockatuh")),)
    assert os.access(found.command[0], os.X_OK)
    assert {Path(sys.prefix), Path(sys.base_prefix), Path(module.__file__).parents[2]} <= {*found.places}
    monkeypatch.setattr(sysconfig, "get_path", lambda _: "/nowhere")
    assert this_program().command == (sys.executable, "-m", "sockatuh")


def test_a_program_among_the_systems_needs_no_place_of_its_own() -> None:
    found = Program(("/usr/bin/sockatuh",), (Path("/usr"), Path("/usr/lib/python3"), Path("/opt/sockatuh")))
    assert found.executable_places() == (Path("/opt/sockatuh"),)


SEEN_AS = """
import os, sys
from pathlib import Path
import sockatuh.cli.program as module
module.ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
os.geteuid = lambda: 1000
print("\\n".join(module.this_program().command))
"""


def test_a_program_that_is_found_by_pythonpath_only_is_started_with_it(tmp_path: Path) -> None:
    for directory in (Path(module.__file__).parents[2], Path(sysconfig.get_path("purelib"))):
        for each in directory.iterdir():
            if not (tmp_path / each.name).exists() and not each.name.startswith("."):
                (tmp_path / each.name).symlink_to(each)
    interpreter = Path(sys.base_prefix, "bin", "python3")
    found = subprocess.run(
        [interpreter, "-c", SEEN_AS], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert found[0] == "/usr/bin/env"
    assert str(tmp_path) in found[1].removeprefix("PYTHONPATH=").split(":")
    assert found[2:] == [str(interpreter), "-m", "sockatuh"]


def test_a_command_unsuitable_for_the_service_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "nosuch" in Program((str(tmp_path / "nosuch"),), ()).fault()
    assert Program((sys.executable, "-c", "raise SystemExit('not here')"), ()).fault() == "not here"
    assert Program((sys.executable, "-m", "sockatuh"), ()).fault() == ""


def test_a_link_to_a_program_is_followed_to_the_name_its_directory_is_known_by(tmp_path: Path) -> None:
    (tmp_path / "opt/chat-2/bin").mkdir(parents=True)
    (tmp_path / "opt/chat-2/bin/sockatuh").touch()
    (tmp_path / "opt/chat").symlink_to("chat-2")
    (tmp_path / "sockatuh").symlink_to("opt/chat/bin/sockatuh")
    assert module._linked(tmp_path / "sockatuh") == tmp_path / "opt/chat/bin/sockatuh"
