"""The command line as scripts call it: exit code, standard output, standard error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bootstrap.cli.main import app
from bootstrap.embedded import ServiceUrls


@dataclass(frozen=True)
class Told:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one value that stands on standard output, and nothing else."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """The values on the lines of standard output."""
        return [json.loads(line) for line in self.out.split("\n") if line]


Parley = Callable[..., Told]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; no service runs in it, and none is named by the environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PARLEY_HOME", str(folder))
    for name in (*ServiceUrls.__dataclass_fields__, "PARLEY_SECRET_KEY"):
        monkeypatch.delenv(name.upper(), raising=False)
    return folder


@pytest.fixture
def parley(home: Path) -> Parley:
    """Run a command in this process."""

    def call(*args: str | Path, stdin: bytes | None = None) -> Told:
        result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Told(result.exit_code, result.stdout, result.stderr)

    return call
