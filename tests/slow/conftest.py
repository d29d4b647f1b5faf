"""What the slow tests measured, told at the end of the run and kept in `slow-report.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.support.journey")

Note = Callable[..., None]
_LINES = pytest.StashKey[list[dict[str, Any]]]()
_FILE = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Note:
    """Return a function that notes a measurement: what, and named values."""
    lines = pytestconfig.stash.setdefault(_LINES, [])
    path = pytestconfig.stash[_FILE] = tmp_path_factory.getbasetemp() / "slow-report.json"

    def add(what: str, **values: Any) -> None:
        lines.append({"what": what, **values})
        path.write_text(json.dumps(lines, indent=1, ensure_ascii=False), encoding="utf-8")

    return add


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured."""
    lines = config.stash.get(_LINES, [])
    if not lines:
        return
    terminalreporter.section("measured")
    for line in lines:
        values = ", ".join(f"{k} {v}" for k, v in line.items() if k != "what")
        terminalreporter.write_line(f"{line['what']}: {values}")
    terminalreporter.write_line(f"kept in {config.stash[_FILE]}")
