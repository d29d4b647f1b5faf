"""The house keeps its shape: names, sizes, doors, locks."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = CONFIG["tool"]["importlinter"]["root_packages"]


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the checkout that match, without ignored ones."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_installed_distribution_claims_one_of_our_names() -> None:
    claims = packages_distributions()
    rivals = {
        name: owners
        for name in PACKAGES
        if (owners := [d for d in claims.get(name, []) if d != "parley-ads"])
    }
    assert rivals == {}


def test_every_room_is_packaged_typed_and_guarded() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms == set(PACKAGES)
    assert rooms == set(CONFIG["tool"]["mypy"]["files"])
    found = {
        pattern.rstrip("*")
        for pattern in CONFIG["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert rooms == found


@pytest.mark.parametrize("room", PACKAGES)
def test_every_room_says_what_it_owns_refuses_and_imports(room: str) -> None:
    text = (ROOT / room / "README.md").read_text()
    for word in ("**Owns**", "**Refuses**", "**May import**"):
        assert word in text


def test_files_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py", "*.js", "*.ts")
        if (lines := len(path.read_text().splitlines())) > 400 and "migrations" not in path.parts
    }
    assert long == {}


def test_graph_files_read_like_their_diagram() -> None:
    for path in ROOT.glob("graphs/*/graph.py"):
        assert len(path.read_text().splitlines()) <= 150


def test_locks_name_public_hosts_only() -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}
    assert "://" not in (ROOT / "requirements.txt").read_text()
    for lock in tracked("*package-lock.json"):
        assert '"resolved"' not in lock.read_text()


def test_the_two_locks_agree() -> None:
    locked = {
        p["name"]: p["version"] for p in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    pinned = dict(
        re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (ROOT / "requirements.txt").read_text(), re.M)
    )
    assert pinned
    assert {name: locked[name] for name in pinned} == pinned


def test_only_the_unit_of_work_commits() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in tracked("*.py")
        if path.parts[len(ROOT.parts)] not in ("tests", "bootstrap", "benchmarks")
        and re.search(r"\bsession\.commit\(", path.read_text())
    ]
    assert guilty == []
