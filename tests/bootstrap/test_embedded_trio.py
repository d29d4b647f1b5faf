"""The shared services of the test run (tests/support/embedded.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bootstrap.embedded import ServiceUrls
from bootstrap.embedded.process import wait_until
from tests.support.embedded import create_database, drop_database, template_database, trio

ROOT = Path(__file__).resolve().parents[2]

SUITE = """
import os
from pathlib import Path
from tests.support.embedded import trio

def note(name):
    urls = trio()
    Path(os.environ["NOTES"], name).write_text(urls.database_url)

def test_one(): note("one")
def test_two(): note("two")
def test_three(): note("three")
"""


def test_one_trio_for_everybody_who_asks() -> None:
    assert trio() == trio()


def test_a_template_is_prepared_once_and_copied() -> None:
    calls: list[str] = []

    def prepare(urls: ServiceUrls) -> None:
        calls.append(urls.database_url)
        with psycopg.connect(urls.admin_database_url) as connection:
            connection.execute("CREATE TABLE thing AS SELECT 1 AS n")

    name = f"tmpl_{os.getpid()}"
    template_database(name, prepare)
    template_database(name, prepare)
    assert len(calls) == 1

    admin = trio().admin_database_url
    url = create_database(admin, f"{name}_copy", template=name)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM thing").fetchone() == (1,)
    drop_database(admin, f"{name}_copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)
    drop_database(admin, name)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_run_has_one_trio_and_leaves_nothing(tmp_path: Path, workers: list[str]) -> None:
    suite = tmp_path / "test_notes.py"
    suite.write_text(SUITE)
    notes = tmp_path / "notes"
    notes.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"NOTES": str(notes), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    options = ["-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", "-q"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *workers, str(suite)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert len({path.read_text() for path in notes.iterdir()}) == 1
    # The services end with the run's process, and their folder with them.
    assert wait_until(lambda: not list(tmp_path.glob("parley-tests-*")), 20)
