"""What maintainers rely on around the code: workflow, hooks, owners, change fragments, decisions."""

import re
import tomllib

import pytest
import yaml
from tests.house.tree import ROOT

CATEGORIES = {"added", "changed", "fixed", "security", "removed"}
FRAGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\.(" + "|".join(sorted(CATEGORIES)) + r")\.md")
DECISIONS = sorted(path for path in (ROOT / "docs/decisions").glob("*.md") if path.name != "index.md")
DECISION = re.compile(
    r"# (?P<number>\d+)\. .+\n\n- Status: \S.*\n- Date: \d{4}-\d\d-\d\d\n\n"
    r"## Context\n\n\S[\s\S]+\n\n## Decision\n\n\S[\s\S]+\n\n## Consequences\n\n\S[\s\S]+\n"
)


def workflow_faults(text: str) -> list[str]:
    """What a pull request from a stranger must not find in a workflow."""
    workflow = yaml.safe_load(text)
    found = [f"mentions {word}" for word in ("secrets.", "pull_request_target") if word in text]
    if workflow.get("permissions") != {"contents": "read"}:
        found.append("has more than read permission")
    for name, job in workflow["jobs"].items():
        if "permissions" in job:
            found.append(f"{name} widens its permissions")
        if "timeout-minutes" not in job:
            found.append(f"{name} has no time limit")
        for step in job["steps"]:
            action = step.get("uses", "")
            if action and not re.fullmatch(r"[\w./-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", action):
                found.append(f"{action} is not pinned")
            if action.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{name} leaves its token in the clone")
    return found


def test_the_workflow_runs_what_people_run_and_has_no_secrets():
    """Continuous integration is `.ci/run`, by pinned actions, with a token that can only read."""
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert workflow_faults(text) == []
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    assert any(step.get("run") == ".ci/run" for step in steps)


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        ("actions/checkout@v5.0.0", "actions/checkout@main"),
        ("contents: read", "contents: write"),
        ("persist-credentials: false", "fetch-depth: 1"),
        ("  pull_request:", "  pull_request_target:"),
        ("    timeout-minutes: 15\n", ""),
        ("- run: .ci/run", "- run: TOKEN=${{ secrets.TOKEN }} .ci/run"),
    ],
)
def test_a_careless_workflow_is_found(found, planted):
    """Control: each rule is red on a planted breach."""
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert found in text
    assert workflow_faults(text.replace(found, planted)) != []


def test_hooks_use_the_project_s_own_tools():
    """Hooks fetch nothing, and run the versions that CI runs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)
    assert {"ruff-check", "ruff-format", "mypy", "secrets"} <= {hook["id"] for hook in hooks}


def test_owners_own_something():
    """Each path of CODEOWNERS is there, so no rule is left behind by a move."""
    lines = (ROOT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    paths = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert paths[0] == "*"
    assert [path for path in paths[1:] if not (ROOT / path.strip("/")).exists()] == []


def test_change_fragments_are_named_for_their_category():
    """`changes/NAME.CATEGORY.md`, so that the changelog can be gathered; see changes/README.md."""
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name not in {"README.md", "template.md.jinja"}]
    assert [path.name for path in fragments if not FRAGMENT.fullmatch(path.name)] == []
    assert [path.name for path in fragments if not path.read_text(encoding="utf-8").strip().endswith((".", ":"))] == []
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    assert {kind["directory"] for kind in settings["type"]} == CATEGORIES


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decisions_have_their_form(path):
    """Status, date, context, decision, consequences; numbered as the file is, and listed."""
    text = path.read_text(encoding="utf-8")
    form = DECISION.fullmatch(text)
    assert form, "see docs/decisions/index.md: status, date, context, decision, consequences"
    assert int(form["number"]) == int(path.name[:4])
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    date = re.search(r"- Date: (\S+)", text)[1]
    title = text.partition("\n")[0].removeprefix("# ")
    assert f"| [{title}]({path.name}) | {date} |" in index


def test_a_decision_without_a_date_is_found():
    """Control: the form is able to fail."""
    text = DECISIONS[0].read_text(encoding="utf-8")
    assert not DECISION.fullmatch(re.sub(r"- Date: .*\n", "", text))
    assert not DECISION.fullmatch(text.replace("## Consequences", "## More"))


def test_every_page_is_in_the_menu():
    """A page that no menu names is a page that nobody finds."""

    def named(entry):
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values() if isinstance(entry, dict) else entry:
                yield from named(below)

    menu = list(named(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]))
    assert sorted(menu) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
