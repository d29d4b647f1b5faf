"""`parley eval injection`: what is wrong with a file is said before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bootstrap.cli.injection import injection

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(injection)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "Line 1"),
        (
            '{"id":"a","lang":"en","carrier":"pigeon","text":"x","forbidden_effect":""}',
            "no carrier 'pigeon'",
        ),
        ("", "holds no case"),
    ],
)
def test_a_file_that_holds_no_cases_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(text)
    done = CliRunner().invoke(app, [str(file)])
    assert done.exit_code == 3
    assert says in done.output + (done.stderr or "")
