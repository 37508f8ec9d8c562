"""Installing the service into a directory tree: files written, kept and removed, and commands run."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from cli.people import Server
from machine import free_port

from sockatuh.cli import install as module
from sockatuh.cli import new_room, service_files, which_room
from sockatuh.cli.app import run
from sockatuh.cli.errors import Stopped
from sockatuh.cli.program import Program
from sockatuh.cli.service_files import PlannedFile, installed_command, service_settings, unit
from sockatuh.cli.which_room import Installed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

PASSWORD = "four words of weather"
UNITS = Path("etc/systemd/system")
STARTED = ["daemon-reload", "enable --now sockatuh.socket sockatuh.service"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_room, "BCRYPT_COST", 10)
    for name in [name for name in os.environ if name.startswith("SOCKATUH_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: list[str]) -> Path:
    """The root of a machine that systemd runs, with root at the keyboard and this program in /opt/chat."""
    root = tmp_path / "root"
    monkeypatch.setattr(service_files, "ROOT", root)
    monkeypatch.setattr(module, "is_root", lambda: True)
    monkeypatch.setattr(module, "this_program", lambda: program_in("/opt/chat"))
    monkeypatch.setattr(module, "_tell_running", lambda _: None)  # its own tests are below
    for each in (which_room, module):
        monkeypatch.setattr(each, "is_booted", lambda: True)
    assert list(commands) == []
    return root


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A systemctl that records its calls and fails at those listed in a file called `fails`; and a journal."""
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/called\n'
        f'if [ "$1" = "$(cat {tmp_path}/fails 2>/dev/null)" ]; then echo "Job failed." >&2; exit 1; fi\n'
        f'if [ "$1" = show ]; then cat {tmp_path}/show; fi\n'
    )
    journal = tool.with_name("journalctl")
    journal.write_text("#!/bin/sh\necho The configuration cannot be used: hots\n")
    sandbox = tool.with_name("systemd-run")
    sandbox.write_text(
        f'#!/bin/sh\necho "$*" >{tmp_path}/tried\ncat {tmp_path}/refusal >&2 2>/dev/null && exit 203\nexit 0\n'
    )
    for each in (tool, journal, sandbox):
        each.chmod(0o755)
    (tmp_path / "called").touch()
    (tmp_path / "show").write_text("LoadState=loaded\nActiveState=active\nMainPID=0\n")
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")

    class Told(list[str]):
        def __iter__(self) -> Iterator[str]:
            lines = (tmp_path / "called").read_text().splitlines()
            return iter([line for line in lines if not line.startswith("show")])

    return Told()


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return str(tmp_path / "password")


def program_in(directory: str) -> Program:
    return Program((f"{directory}/bin/sockatuh",), (Path(directory),))


def install(*options: str) -> int:
    return run(["install-service", "--non-interactive", *options])


def content(tree: Path) -> dict[str, tuple[int, str]]:
    """Return mode and text of every file, by its name in that system; of a link where it leads."""
    return {
        str(path.relative_to(tree)): (
            (0, os.readlink(path)) if path.is_symlink() else (stat.S_IMODE(path.stat().st_mode), path.read_text())
        )
        for path in sorted(tree.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_a_machine_gets_units_settings_and_secret_and_they_are_enabled(
    tree: Path, commands: list[str], password_file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--room", "küche", "--password-file", password_file) == 0
    found = content(tree)
    assert {name: mode for name, (mode, _) in found.items()} == {
        "etc/sockatuh/password_hash": 0o600,
        "etc/sockatuh/sockatuh.toml": 0o644,
        "etc/systemd/system/sockatuh.service": 0o644,
        "etc/systemd/system/sockatuh.socket": 0o644,
        "usr/local/bin/sockatuh": 0,
    }
    assert list(commands) == STARTED
    assert found["usr/local/bin/sockatuh"][1] == "/opt/chat/bin/sockatuh"
    assert 'room = "küche"\nstate_dir = "/var/lib/sockatuh"' in found["etc/sockatuh/sockatuh.toml"][1]
    assert bcrypt.checkpw(PASSWORD.encode(), found["etc/sockatuh/password_hash"][1].strip().encode())
    service = found["etc/systemd/system/sockatuh.service"][1].splitlines()
    assert "ExecStart=/opt/chat/bin/sockatuh serve --config /etc/sockatuh/sockatuh.toml" in service
    assert "ExecPaths=/usr -/lib -/lib64 /opt/chat" in service
    said = capfd.readouterr()
    assert f"new       {tree}/etc/sockatuh/password_hash (0600)" in said.err
    assert PASSWORD not in said.out + said.err


def test_a_short_password_is_refused_with_the_way_to_have_it(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short").write_text("tulip\n")
    options = ("--room", "kitchen", "--password-file", str(tmp_path / "short"))
    assert install(*options) == 2
    assert "--weak" in capfd.readouterr().err
    assert not (tree / "etc/sockatuh").exists()
    assert install(*options, "--weak") == 0


def test_a_password_is_made_and_shown_once(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert install("--non-interactive") == 0
    shown = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("Password, shown once: "))
    hashed = (tree / "etc/sockatuh/password_hash").read_bytes().strip()
    assert bcrypt.checkpw(shown.removeprefix("Password, shown once: ").encode(), hashed)
    assert install() == 0
    assert "shown once" not in capfd.readouterr().out


def test_again_it_renews_the_units_and_keeps_settings_and_secret(
    tree: Path, commands: list[str], password_file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    install("--room", "kitchen", "--password-file", password_file)
    config, service = tree / "etc/sockatuh/sockatuh.toml", tree / UNITS / "sockatuh.service"
    config.write_text(config.read_text() + "port = 9000\nmax_members = 7\n")
    before = content(tree)
    service.write_text("of an older version")
    capfd.readouterr()
    assert install() == 0
    changed = {name for name, found in content(tree).items() if found != before[name]}
    assert changed == {"etc/systemd/system/sockatuh.socket"}
    assert "ListenDatagram=9000" in (tree / UNITS / "sockatuh.socket").read_text()
    said = capfd.readouterr()
    assert f"changed   {service}" in said.err
    assert f"unchanged {config}" in said.err
    assert [*commands][2:] == [*STARTED, "restart sockatuh.socket sockatuh.service"]


@pytest.mark.parametrize(("option", "value"), [("--room", "cellar"), ("--password-file", "x"), ("--config", "x")])
def test_existing_settings_are_not_silently_overridden(
    tree: Path, capfd: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    install()
    before = content(tree)
    capfd.readouterr()
    assert install(option, value) == 2
    assert content(tree) == before
    assert "Leave out " + option in capfd.readouterr().err


def test_settings_of_init_are_taken_along_and_their_secret_goes_where_only_root_reads_it(
    tree: Path, tmp_path: Path, password_file: str
) -> None:
    assert run(["init", "--dir", "room", "--room", "kitchen", "--password-file", password_file]) == 0
    assert install("--config", "room/sockatuh.toml") == 0
    text = (tree / "etc/sockatuh/sockatuh.toml").read_text()
    assert "$2b$" not in text
    assert 'room = "kitchen"' in text
    assert 'state_dir = "/var/lib/sockatuh"' in text
    assert bcrypt.checkpw(PASSWORD.encode(), (tree / "etc/sockatuh/password_hash").read_bytes().strip())
    assert "$2b$" in (tmp_path / "room/sockatuh.toml").read_text(), "what was given stays as it is"


def test_settings_that_are_in_their_place_but_closed_become_readable_without_their_secret(
    tree: Path, password_file: str
) -> None:
    run(["init", "--dir", str(tree / "etc/sockatuh"), "--room", "kitchen", "--password-file", password_file])
    (tree / "etc/sockatuh/server.key").unlink()
    before = os.umask(0o077)
    try:
        assert install() == 0
    finally:
        os.umask(before)
    assert not [each for each in tree.rglob("*") if each.is_dir() and not each.stat().st_mode & stat.S_IXOTH]
    found = content(tree)
    mode, text = found["etc/sockatuh/sockatuh.toml"]
    assert (mode, "$2b$" in text) == (0o644, False)
    assert bcrypt.checkpw(PASSWORD.encode(), found["etc/sockatuh/password_hash"][1].strip().encode())


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("state_dir = '/srv/room'", "should be /var/lib/sockatuh"),
        ("port = 0", "should not be 0"),
        ("prot = 1", "did you mean port?"),
        ('[limits]\npassword_hash = """x"""', "is not known"),
    ],
)
def test_settings_unsuitable_for_a_service_are_refused_before_any_write(
    tree: Path, capfd: pytest.CaptureFixture[str], setting: str, fault: str
) -> None:
    config = tree / "etc/sockatuh/sockatuh.toml"
    config.parent.mkdir(parents=True)
    config.write_text(setting)
    config.chmod(0o644)
    assert install() == 8
    assert fault in capfd.readouterr().err
    assert content(tree).keys() == {"etc/sockatuh/sockatuh.toml"}


@pytest.mark.parametrize(
    ("hashed", "fault"),
    [
        ("$2b$15$" + "e" * 53, "cost"),
        ("$2b$12$" + "a" * 53, "no password has this hash"),
        ("tulip-harbor", "60 characters"),
    ],
)
def test_a_hash_in_its_place_that_no_room_can_have_is_refused_and_not_shown(
    tree: Path, capfd: pytest.CaptureFixture[str], hashed: str, fault: str
) -> None:
    credential = tree / "etc/sockatuh/password_hash"
    credential.parent.mkdir(parents=True)
    credential.write_text(f"{hashed}\n")
    assert install() == 8
    said = capfd.readouterr().err
    assert f"file {credential}" in said
    assert fault in said
    assert hashed not in said
    assert content(tree).keys() == {"etc/sockatuh/password_hash"}


def test_a_secret_that_cannot_be_removed_from_the_settings_is_reported(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(f'password_hash = """\\\n$2b$12${"e" * 53}"""\n')
    assert install("--config", "mine.toml") == 8
    assert "password_hash" in capfd.readouterr().err
    assert not tree.exists()


def test_printing_shows_everything_but_the_secret_and_does_nothing(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--print", "--room", "kitchen") == 0
    said = capfd.readouterr().out
    assert not tree.exists()
    for part in (f"==> {tree}/{UNITS}/sockatuh.socket (0644) <==", "PrivateNetwork=yes", 'room = "kitchen"', "(0600)"):
        assert part in said
    assert said.splitlines()[-2:] == [
        "==> systemctl daemon-reload",
        "==> systemctl enable --now sockatuh.socket sockatuh.service",
    ]


@pytest.mark.usefixtures("tree")
def test_without_root_an_update_is_only_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    install()
    capfd.readouterr()

    def closed(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(service_files, "read_secret", closed)
    assert install("--print") == 0
    assert "password_hash (0600)" in capfd.readouterr().out


def test_removing_keeps_irreplaceable_files_unless_purged(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install()
    (tree / "var/lib/private/sockatuh").mkdir(parents=True)
    (tree / "var/lib/sockatuh").symlink_to("private/sockatuh")
    (tree / "var/lib/private/sockatuh/room.db").write_text("history")
    assert run(["uninstall-service"]) == 0
    assert content(tree).keys() == {
        "etc/sockatuh/password_hash", "etc/sockatuh/sockatuh.toml", "var/lib/private/sockatuh/room.db",
        "var/lib/sockatuh",
    }  # fmt: skip
    said = capfd.readouterr().out
    assert f"kept      {tree}/etc/sockatuh/sockatuh.toml" in said
    assert run(["uninstall-service"]) == 1
    assert run(["uninstall-service", "--purge"]) == 0
    assert content(tree) == {}
    assert not (tree / "etc/sockatuh").exists()
    assert run(["uninstall-service", "--purge"]) == 1


# On the system that runs.


def test_a_program_the_services_user_cannot_run_is_refused_with_a_remedy(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for refusal, expected in (("one\nno module\n", "says: no module"), ("", "fails")):
        (tmp_path / "refusal").write_text(refusal)
        assert install() == 1
        assert not tree.exists()
        said = capfd.readouterr().err
        assert expected in said, said
        assert "must be able to read the program" in said
        assert "sudo /opt/sockatuh/bin/sockatuh install-service" in said
        assert not re.search(r"pip install sockatuh\b", said), "nobody owns that name on the public index"
    assert (tmp_path / "tried").read_text().strip().endswith("-- /opt/chat/bin/sockatuh version")


@pytest.mark.parametrize("command", ["install-service", "uninstall-service", "hash-password --service"])
def test_without_systemd_or_without_root_it_says_so(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(which_room, "BOOTED", tmp_path / "none")
    assert run(command.split()) == 1
    assert "not started by systemd" in capfd.readouterr().err
    monkeypatch.setattr(which_room, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(command.split()) == 1
    assert re.search(rf"sudo \S.* {command}$", capfd.readouterr().err.strip())


def test_the_plan_is_written_before_commands_run(tmp_path: Path, commands: list[str]) -> None:
    planned = [PlannedFile(tmp_path / "a/b", "text", 0o640)]
    module._do(planned, module._commands(planned, is_update=True), "")
    assert (tmp_path / "a/b").read_text() == "text"
    assert list(commands) == [
        "daemon-reload",
        "enable --now sockatuh.socket sockatuh.service",
        "restart sockatuh.socket sockatuh.service",
    ]


@pytest.mark.parametrize(
    ("before", "again"), [("same", "sockatuh.service"), ("other", "sockatuh.socket sockatuh.service")]
)
def test_an_update_holds_the_socket_unless_its_unit_has_changed(tmp_path: Path, before: str, again: str) -> None:
    unit_file = tmp_path / "sockatuh.socket"
    unit_file.write_text(before)
    unit_file.chmod(0o644)
    commands = module._commands([PlannedFile(unit_file, "same", 0o644)], is_update=True)
    assert " ".join(commands[-1]) == f"systemctl restart {again}"


def test_a_failed_command_is_reported_after_the_password_with_the_services_log(
    tmp_path: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fails").write_text("enable")
    with pytest.raises(Stopped) as stopped:
        module._do([], module._commands([], is_update=True), "tulip-harbor")
    assert len(list(commands)) == 2, "nothing is run after it"
    assert capfd.readouterr().out == "Password, shown once: tulip-harbor\n"
    assert "failed:\n  The configuration cannot be used: hots\n" in str(stopped.value)
    assert "When that is fixed: sudo systemctl restart" in str(stopped.value)


def test_the_password_is_printed_before_any_step_that_may_fail(tmp_path: Path, commands: list[str]) -> None:
    (tmp_path / "fails").write_text("enable")
    script = (
        "from sockatuh.cli import errors, install as m\n"
        "errors.guard(lambda: m._do([], m._commands([], is_update=False), 'tulip-harbor'), as_json=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    assert list(commands)
    assert done.stdout.index("tulip-harbor") < done.stdout.index("failed")


def test_at_the_end_it_says_how_people_come_in(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = service_settings(None, "kitchen").settings
    monkeypatch.setattr(module, "find_installed", lambda: Installed(Path("x"), True, True, {}, ("::", server.port)))
    module._tell_running(settings)
    said = capfd.readouterr().out
    assert f'Room "kitchen" on udp [::]:{server.port}' in said
    assert re.search(r"^Tell people: sockatuh chat \S+$", said, re.MULTILINE)
    [invite] = re.findall(r"^Invite: +sockatuh://\S+/kitchen#k=(\S{43})$", said, re.MULTILINE)
    assert server.invite.endswith(invite), "the key is the one of who answers there"
    assert said.endswith("systemctl status sockatuh\n")


def test_a_room_that_does_not_answer_is_not_called_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWERS_WITHIN", 0.01)
    monkeypatch.setattr(module, "find_installed", lambda: Installed(Path("x"), True, True, {}, ("::", free_port())))
    with pytest.raises(Stopped, match="nothing answers at UDP port"):
        module._tell_running(service_settings(None, "kitchen").settings)


# Another password.


@pytest.fixture
def with_service(tree: Path) -> Path:
    """The root of a machine that has a service already."""
    (tree / "etc/sockatuh").mkdir(parents=True)
    (tree / "etc/sockatuh/password_hash").write_text("old\n")
    return tree


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


def test_another_password_is_put_in_place_whole_and_taken_by_the_room_that_runs(
    with_service: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, f"{PASSWORD}\n")
    assert run(["hash-password", "--service"]) == 0
    file = with_service / "etc/sockatuh/password_hash"
    assert bcrypt.checkpw(PASSWORD.encode(), file.read_bytes().strip())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(commands) == ["reload sockatuh.service"]
    said = capfd.readouterr()
    assert said.out == ""
    assert "members stay in" in said.err


@pytest.mark.parametrize("given", ["", "\n", "x" * 73])
def test_an_invalid_password_changes_nothing(
    with_service: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    give(monkeypatch, given)
    assert run(["hash-password", "--service"]) != 0
    assert (with_service / "etc/sockatuh/password_hash").read_text() == "old\n"
    assert list(commands) == []


def test_a_running_room_that_rejects_its_new_password_is_reported(
    with_service: Path, tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "fails").write_text("reload")
    give(monkeypatch, f"{PASSWORD}\n")
    assert run(["hash-password", "--service"]) == 1
    assert (with_service / "etc/sockatuh/password_hash").read_text() != "old\n"
    said = capfd.readouterr().err
    assert "still uses the old one:\n  The configuration cannot be used: hots\n" in said
    (tmp_path / "fails").write_text("")
    (tmp_path / "show").write_text("LoadState=loaded\nActiveState=failed\nMainPID=0\n")
    give(monkeypatch, f"{PASSWORD}\n")
    assert run(["hash-password", "--service"]) == 0
    assert "at the next start" in capfd.readouterr().err
    (tmp_path / "show").write_text("LoadState=not-found\n")
    give(monkeypatch, f"{PASSWORD}\n")
    assert run(["hash-password", "--service"]) == 1
    assert "install-service" in capfd.readouterr().err
    assert list(commands) == ["reload sockatuh.service"]


# The command name on the path.


@pytest.mark.parametrize("other", ["file", "link", "directory"])
def test_a_file_of_that_name_that_is_not_ours_is_neither_replaced_nor_removed(
    tree: Path, capfd: pytest.CaptureFixture[str], other: str
) -> None:
    place = tree / "usr/local/bin/sockatuh"
    place.parent.mkdir(parents=True)
    if other == "file":
        place.write_text("mine")
    elif other == "link":
        place.symlink_to("/srv/mine")
    else:
        place.mkdir()
    before = content(tree)
    assert install() == 0
    assert f"kept      {place} (it is another program's)" in capfd.readouterr().err
    assert run(["uninstall-service", "--purge"]) == 0
    assert content(tree) == before
    assert os.path.lexists(place)


def test_when_the_program_moves_so_does_its_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    monkeypatch.setattr(module, "this_program", lambda: program_in("/opt/new one"))
    assert install() == 0
    place = tree / "usr/local/bin/sockatuh"
    assert os.readlink(place) == "/opt/new one/bin/sockatuh"
    assert run(["uninstall-service", "--purge"]) == 0
    assert content(tree) == {}


def test_a_program_that_takes_more_than_a_word_to_call_gets_a_script(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    called = Program(("/bin/echo", "one two", "$HOME", "100%"), ())
    monkeypatch.setattr(module, "this_program", lambda: called)
    assert install() == 0
    place = tree / "usr/local/bin/sockatuh"
    said = subprocess.run([place, "check", "a b"], capture_output=True, text=True, check=True).stdout
    assert said == "one two $HOME 100% check a b\n"
    assert installed_command() == called.command
    assert install() == 0
    assert f"unchanged {place}" in capfd.readouterr().err
    assert run(["uninstall-service", "--purge"]) == 0
    assert content(tree) == {}


def test_a_program_on_the_path_needs_no_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "this_program", lambda: program_in("/usr"))
    assert install() == 0
    assert not (tree / "usr/local/bin").exists()


def test_units_of_a_package_are_not_replaced(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    packaged = tree / "usr/lib/systemd/system/sockatuh.service"
    packaged.parent.mkdir(parents=True)
    packaged.write_text("[Service]\n")
    before = content(tree)
    assert install() == 1
    assert content(tree) == before
    assert str(packaged) in capfd.readouterr().err


# What the shells and `man` read.

SHELL_FILES = {
    "etc/fish/completions/sockatuh.fish",
    "usr/local/share/bash-completion/completions/sockatuh",
    "usr/local/share/man/man1/sockatuh.1",
    "usr/local/share/zsh/site-functions/_sockatuh",
}


@pytest.fixture
def with_shells(tree: Path) -> Path:
    """The root of a machine that has all the shells, and man."""
    for each in ("usr/share/bash-completion", "usr/share/zsh", "etc/fish", "usr/share/man"):
        (tree / each).mkdir(parents=True)
    return tree


def test_the_shells_and_man_of_the_machine_learn_the_commands_until_the_service_is_removed(
    with_shells: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--print") == 0
    printed = capfd.readouterr().out
    assert all(f"==> {with_shells}/{each} (0644) <==" in printed for each in SHELL_FILES)
    assert content(with_shells) == {}
    assert install() == 0
    found = content(with_shells)
    assert {each: found[each][0] for each in SHELL_FILES} == dict.fromkeys(SHELL_FILES, 0o644)
    for shell, place in (("bash", "bash-completion/completions/sockatuh"), ("zsh", "zsh/site-functions/_sockatuh")):
        capfd.readouterr()
        assert run(["completion", shell]) == 0
        assert found[f"usr/local/share/{place}"][1] == capfd.readouterr().out
    assert run(["help", "--man"]) == 0
    assert found["usr/local/share/man/man1/sockatuh.1"][1] == capfd.readouterr().out
    manual = with_shells / "usr/local/share/man/man1/sockatuh.1"
    manual.write_text(manual.read_text().replace("chat", "shout"))
    assert install() == 0
    assert content(with_shells) == found, "an update renews them"
    assert f"changed   {manual}" in capfd.readouterr().err
    assert run(["uninstall-service"]) == 0
    assert f"removed   {manual}" in capfd.readouterr().out
    assert not SHELL_FILES & content(with_shells).keys()
    assert [each.name for each in (with_shells / "usr/local/share").iterdir()] == ["man"], "a directory of everybody's"
    assert not any((with_shells / "usr/local/share/man").iterdir())


def test_a_shell_that_is_not_there_gets_no_file(tree: Path) -> None:
    (tree / "usr/share/zsh").mkdir(parents=True)
    assert install() == 0
    assert SHELL_FILES & content(tree).keys() == {"usr/local/share/zsh/site-functions/_sockatuh"}


def test_anothers_files_for_the_shells_are_neither_replaced_nor_removed(with_shells: Path) -> None:
    for each in SHELL_FILES:
        (with_shells / each).parent.mkdir(parents=True)
        (with_shells / each).write_text("mine")
    before = content(with_shells)
    assert install() == 0
    assert run(["uninstall-service", "--purge"]) == 0
    assert content(with_shells) == before


def test_the_shells_learn_nothing_when_the_name_is_another_programs(with_shells: Path) -> None:
    (with_shells / "usr/local/bin").mkdir(parents=True)
    (with_shells / "usr/local/bin/sockatuh").write_text("mine")
    assert install() == 0
    assert not SHELL_FILES & content(with_shells).keys()


# The units themselves.


def test_words_of_a_unit_are_written_as_it_reads_them() -> None:
    program = Program(("/opt/my chat 100%/bin/sockatuh",), (Path("/opt/my chat 100%"),))
    lines = unit("sockatuh.service", program, "::", 7625).splitlines()
    assert 'ExecStart="/opt/my chat 100%%/bin/sockatuh" serve --config /etc/sockatuh/sockatuh.toml' in lines
    assert 'ExecPaths=/usr -/lib -/lib64 "/opt/my chat 100%%"' in lines


@pytest.mark.parametrize(
    ("host", "port", "listen"),
    [("::", 9000, "9000"), ("10.0.0.2", 7625, "10.0.0.2:7625"), ("fd00::1", 7625, "[fd00::1]:7625")],
)
def test_the_socket_unit_opens_what_the_settings_say(host: str, port: int, listen: str) -> None:
    program = Program(("/usr/bin/sockatuh",), (Path("/usr"),))
    assert f"ListenDatagram={listen}" in unit("sockatuh.socket", program, host, port).splitlines()
    assert "ExecPaths=/usr -/lib -/lib64" in unit("sockatuh.service", program, host, port).splitlines()
