"""The repository's CI and contributor files parse and name only existing things."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parent.parent
FORGE: Final = ROOT / ".github"
WORKFLOW: Final = FORGE / "workflows/ci.yml"
FORMS: Final = sorted((FORGE / "ISSUE_TEMPLATE").glob("*.yml"))
DOCUMENTS: Final = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"), *FORGE.rglob("*.md")]
)
SOURCED: Final = {"constraints.txt", "venv"}
"""What is in scripts/ and is no script of its own."""

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def parts_of_ci() -> list[str]:
    """Return the parts that .ci/run runs when it is given none, in order."""
    listed = re.search(r"^\[ \$# -gt 0 \] \|\| parts=\((.*)\)$", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)
    assert listed
    return listed[1].split()


def commands() -> list[str]:
    return [step["run"] for job in read(WORKFLOW)["jobs"].values() for step in job["steps"] if "run" in step]


def test_the_workflow_runs_each_part_of_ci_and_nothing_else() -> None:
    called = [part for each in commands() for part in each.partition("#")[0].split(".ci/run")[1].split()]
    assert sorted(called) == sorted({*parts_of_ci()} - {"pythons"}), "the matrix stands for `pythons`"
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_each_part_of_ci_is_a_script_or_a_function_of_its_own() -> None:
    for part in parts_of_ci():
        assert (ROOT / "scripts" / part).exists() or f"\n{part}() {{" in (ROOT / ".ci/run").read_text("utf-8")


def test_the_workflow_tries_every_python_from_the_lowest_to_the_newest_we_know() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tried = read(WORKFLOW)["jobs"]["test"]["strategy"]["matrix"]["python"]
    known = re.search(r"for minor in ([\d ]+);", (ROOT / "scripts/pythons").read_text("utf-8"))
    assert known
    assert tried == [f"3.{minor}" for minor in known[1].split()]
    assert project["requires-python"] == f">={tried[0]}"


def test_the_workflow_may_only_read_and_knows_no_secret() -> None:
    assert read(WORKFLOW)["permissions"] == {"contents": "read"}
    assert "secrets" not in WORKFLOW.read_text("utf-8")
    for job in read(WORKFLOW)["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert re.fullmatch(r"actions/(checkout|setup-python)@v\d+", step.get("uses", "actions/checkout@v1"))


@pytest.mark.parametrize("form", [each for each in FORMS if each.stem != "config"], ids=lambda form: form.stem)
def test_an_issue_form_asks_for_something_and_names_each_field_once(form: Path) -> None:
    asked = read(form)
    assert asked["name"]
    assert asked["description"]
    fields = [field for field in asked["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert any(field["validations"]["required"] for field in fields if "validations" in field)
    names = [field["id"] for field in fields]
    assert len(names) == len({*names})
    assert all(field["attributes"]["label"] for field in fields)


def test_dependabot_watches_the_one_list_of_versions_and_the_actions() -> None:
    settings = read(FORGE / "dependabot.yml")
    assert settings["version"] == 2
    watched = {each["package-ecosystem"]: each["directory"] for each in settings["updates"]}
    assert watched == {"pip": "/scripts", "github-actions": "/"}
    assert (ROOT / "scripts/constraints.txt").exists()


def test_the_hooks_before_a_commit_use_the_tools_of_the_environment() -> None:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local", "a repository would bring versions of its own"
    pins = (ROOT / "scripts/constraints.txt").read_text("utf-8")
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        tool = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert f"\n{tool}==" in pins


def test_every_script_is_short_can_be_run_and_is_explained_to_contributors() -> None:
    explained = (FORGE / "CONTRIBUTING.md").read_text("utf-8")
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.name not in SOURCED:
            lines = script.read_text("utf-8").splitlines()
            assert len(lines) < 40, script
            assert lines[1].startswith("# "), f"{script} says what it does"
            assert os.access(script, os.X_OK), script
            assert f"`scripts/{script.name}`" in explained, script


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_link_to_and_name_only_existing_files(document: Path) -> None:
    text = document.read_text("utf-8")
    linked = [each.partition("#")[0] for each in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in each]
    assert [each for each in linked if each and not (document.parent / each).exists()] == []
    scripts = re.findall(r"\bscripts/([a-z]+(?:\.txt)?)", text)
    assert [each for each in scripts if not (ROOT / "scripts" / each).exists()] == []


def test_every_coverage_exclusion_states_its_reason() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "sockatuh").rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "pragma: no" in line and not re.search(r"# pragma: no (cover|branch) - \w.{5}", line)
    ]
    assert unexplained == []
