"""Commands around a service: without one, on the test installation, and what they load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.address import read_address, write_address
from bootstrap.cli.lazy import function_at
from bootstrap.cli.main import ACCOUNT, CATALOG, COMMANDS, DB
from bootstrap.settings import Settings
from tests.cli.conftest import Parley

ROOT = Path(__file__).resolve().parents[2]
EVERY = {**COMMANDS, **ACCOUNT, **CATALOG, **DB}
ADVERT: dict[str, Any] = {
    "advertiser": "Kaze Trail", "title": "Ridge shoes", "description": "For mud.",
    "url": "https://kaze.example/shoes", "tags": ["trail running shoes"], "bid": "0.50",
}  # fmt: skip
ASK = "Which trail running shoes would you recommend? I want to buy a pair."


@pytest.mark.parametrize("name", EVERY)
def test_the_help_says_what_the_command_says_of_itself(name: str) -> None:
    place, sentence = EVERY[name]
    said = (function_at(place).__doc__ or "").strip().partition("\n")[0]
    assert sentence in (said, "")


@pytest.mark.parametrize("group", [[], ["db"], ["catalog"], ["account"]])
def test_every_command_is_listed_and_can_be_called(parley: Parley, group: list[str]) -> None:
    table = {"": COMMANDS, "db": DB, "catalog": CATALOG, "account": ACCOUNT}
    listed = parley(*group, "--help")
    assert listed.code == 0
    for name in table["".join(group)]:
        assert (name in listed.out) or not table["".join(group)][name][1]
        told = parley(*group, name, "--help")
        assert told.code == 0
        assert "--json" in told.out or name == "revision"


def test_wrong_usage_is_told_from_refusal(parley: Parley) -> None:
    told = parley("breif")
    assert told.code == 2
    assert "brief" in told.err
    assert parley("brief", "--no-such-option").code == 2
    assert parley("approve").code == 2
    assert parley("db", "downgrade").code == 2


@pytest.mark.parametrize(
    "args",
    [
        ["goal", "sell shoes"],
        ["runs"],
        ["approve", "run_1"],
        ["approve", "run_1", "--reject", "--note", "no"],
        ["answer", "run_1", "500 dollars"],
        ["compile"],
        ["catalog", "import", "FILE"],
        ["replay"],
        ["replay", "--export", "FILE"],
        ["db", "upgrade"],
    ],
)
def test_without_a_service_one_sentence_says_how_to_start_it(
    parley: Parley, tmp_path: Path, args: list[str]
) -> None:
    file = tmp_path / "ads.jsonl"
    file.write_text(json.dumps(ADVERT))
    args = [str(file) if arg == "FILE" else arg for arg in args]
    said = parley(*args)
    assert (said.code, said.out) == (5, "")
    assert said.err == "✗ Parley is not running here; start it with `make up` or `parley up`.\n"
    told = parley(*args, "--json")
    assert told.code == 5
    assert told.json["code"] == "service_not_running"


def test_an_address_left_by_a_dead_launcher_counts_as_not_running(
    parley: Parley, home: Path
) -> None:
    home.mkdir()
    write_address(home, "http://127.0.0.1:1")
    address = read_address(home)
    assert address is not None
    assert (address.url, address.pid) == ("http://127.0.0.1:1", os.getpid())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (home / "address.json").write_text(json.dumps({"url": address.url, "pid": gone.pid}))
    assert read_address(home) is None
    assert parley("runs").code == 5
    (home / "address.json").write_bytes(b"\xff")
    assert read_address(home) is None


def test_a_damaged_accounts_file_is_refused_with_its_cure(parley: Parley, home: Path) -> None:
    home.mkdir()
    write_address(home, "http://127.0.0.1:1")
    (home / "accounts.json").write_bytes(b"{")
    told = parley("runs", "--json")
    assert told.code == 3
    assert told.json["code"] == "accounts_damaged"


def test_the_doctor_says_what_is_wrong(
    parley: Parley, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARLEY_LLM", raising=False)
    told = parley("doctor", "--json")
    assert (told.code, told.json["ok"]) == (0, True)
    said = {check["name"]: check["said"] for check in told.json["checks"]}
    assert {"python", "core", "home", "secret", "model", "rules", "service"} <= set(said)
    assert "make up" in said["service"]
    assert "rule-based" in said["model"]
    # An openly readable secret and a model without its key.
    (home / "secret.key").write_text("x" * 40)
    (home / "secret.key").chmod(0o644)
    monkeypatch.setenv("PARLEY_LLM", "openai:gpt-9")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = parley("doctor", "--json")
    checks = {check["name"]: check for check in told.json["checks"]}
    assert (told.code, told.json["ok"]) == (5, False)
    assert checks["secret"]["ok"] is False
    assert "chmod 600" in checks["secret"]["said"]
    assert "OPENAI_API_KEY" in checks["model"]["said"]
    assert "✗" in parley("doctor").out


def test_a_home_that_cannot_be_written_is_told(
    parley: Parley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "file"))
    told = parley("doctor", "--json")
    checks = {check["name"]: check for check in told.json["checks"]}
    assert (told.code, checks["home"]["ok"]) == (5, False)


@pytest.fixture
def installed(
    parley: Parley, settings: Settings, clean: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The test installation, named by the environment as in production; its data in a home of its own."""
    for name, value in settings.as_env().items():
        if name != "PARLEY_HOME":
            monkeypatch.setenv(name, value)
    assert parley("db", "upgrade").code == 0
    return settings


def count(settings: Settings, table: str) -> int:
    with psycopg.connect(settings.migration_url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


def test_ads_are_imported_once_and_served(
    parley: Parley, installed: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "ads.jsonl"
    rows = [
        ADVERT, {**ADVERT, "campaign": "Winter", "budget_total": "100"}, "{", {**ADVERT, "bid": "free"},
        {**ADVERT, "title": "Second shoe"},
    ]  # fmt: skip
    file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    told = parley("catalog", "import", file, "--json")
    assert (told.code, told.err) == (0, "")
    assert (told.json["campaigns"], told.json["ads"]) == (2, 3)
    assert [p["line"] for p in told.json["problems"]] == [3, 4]
    assert "JSON" in told.json["problems"][0]["reason"]
    assert "free" in told.json["problems"][1]["reason"]
    assert (count(installed, "campaigns"), count(installed, "ads")) == (2, 3)

    again = parley("catalog", "import", file, "--json")
    assert (again.json["ads"], again.json["snapshot"]) == (0, told.json["snapshot"])
    assert (count(installed, "campaigns"), count(installed, "ads")) == (2, 3)
    assert count(installed, "organisations") == 3

    compiled = parley("compile", "--json")
    assert compiled.json == {"snapshot": told.json["snapshot"], "problems": []}
    said = parley("catalog", "import", file)
    assert "line 3" in said.err
    assert "ads 0" in said.out


def test_an_import_that_fails_writes_nothing_of_its_campaign(
    parley: Parley, installed: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "ads.jsonl"
    file.write_text("\n".join(["{", "7", json.dumps({**ADVERT, "tags": []})]))
    told = parley("catalog", "import", file, "--json")
    assert told.code == 3
    assert told.json["code"] == "catalogue_empty"
    assert count(installed, "campaigns") == 0


def test_a_database_that_is_away_ends_with_its_own_exit_code(
    parley: Parley, installed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    told = parley("compile", "--json")
    assert (told.code, told.json["code"]) == (5, "database_unavailable")


def test_settings_that_are_missing_are_named(
    parley: Parley, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@127.0.0.1:1/none")
    told = parley("compile", "--json")
    assert told.code == 3
    assert "REDIS_URL" in told.json["detail"]


@pytest.mark.parametrize("args", [["replay", "--json"], ["replay", "--export", "FILE", "--json"]])
def test_an_installation_without_decisions_replays_nothing(
    parley: Parley, installed: Settings, tmp_path: Path, args: list[str]
) -> None:
    told = parley(*[str(tmp_path / "r.jsonl") if a == "FILE" else a for a in args])
    assert told.code == 0
    assert told.json.get("records", told.json.get("exported")) == 0


def test_a_request_that_was_never_made_is_not_found(parley: Parley, installed: Settings) -> None:
    told = parley("replay", "--request", "req_nobody", "--json")
    assert (told.code, told.json["code"]) == (3, "request_not_found")


def test_an_upgrade_makes_whatever_the_doors_need_to_be_ready(
    parley: Parley, installed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert count(installed, "snapshots") == 1
    told = parley("db", "upgrade", "--json")
    assert told.code == 0
    assert told.json["revision"] in parley("db", "upgrade").out
    assert count(installed, "snapshots") == 1
    with psycopg.connect(installed.migration_url, autocommit=True) as connection:
        connection.execute("DELETE FROM snapshots")
    monkeypatch.setenv("S3_BUCKET", "parley-not-there-yet")
    told = parley("compile", "--json")
    assert (told.code, told.json["code"]) == (5, "bucket_missing")
    assert parley("db", "upgrade").code == 0
    assert parley("compile", "--json").code == 0


_LOADED = """
import contextlib, io, json, sys
from bootstrap.cli.main import app
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    app(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
_HEAVY = {
    "langgraph", "langchain", "langchain_core", "celery", "kombu", "fastapi", "sqlalchemy", "redis",
    "minio", "httpx", "openai", "anthropic", "alembic",
}  # fmt: skip


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["brief", "sell shoes in Japan"],
        ["decide", "--text", ASK, "--snapshot", "SNAPSHOT"],
        ["compile", "--catalog", "FILE", "--out", "OUT"],
        ["replay", "RECORDS", "--snapshot", "SNAPSHOT"],
    ],
)
def test_commands_without_a_service_load_no_part_of_it(
    parley: Parley, tmp_path: Path, args: list[str]
) -> None:
    file, records = tmp_path / "ads.jsonl", tmp_path / "records.jsonl"
    file.write_text(json.dumps(ADVERT))
    records.write_text("")
    made = parley("compile", "--catalog", file, "--out", tmp_path / "out", "--json").json["path"]
    paths = {"SNAPSHOT": made, "FILE": file, "OUT": tmp_path / "out2", "RECORDS": records}
    outcome = subprocess.run(
        [sys.executable, "-c", _LOADED, *(str(paths.get(arg, arg)) for arg in args)],
        cwd=ROOT, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    loaded = set(json.loads(outcome.stdout))
    assert "bootstrap" in loaded
    assert loaded & _HEAVY == set()


def test_a_publisher_gets_an_app_and_a_key_that_works(parley: Parley, installed: Settings) -> None:
    made = parley(
        "account", "new", "Travel chat", "--kind", "publisher", "--currency", "JPY",
        "--country", "JP", "--web", "--json",
    )  # fmt: skip
    assert made.code == 0
    assert set(made.json) == {"organisation", "app", "key"}
    assert made.json["key"].startswith("parley_sk_")
    advertiser = parley("account", "new", "Kaze", "--legal-name", "Kaze K.K.", "--json")
    assert set(advertiser.json) == {"organisation", "key"}


@pytest.mark.parametrize(
    "wrong",
    [["--kind", "platform"], ["--tier", "gold"], ["--kind", "publisher", "--country", "ZZ"]],
)
def test_an_account_that_cannot_be_is_refused(
    parley: Parley, installed: Settings, wrong: list[str]
) -> None:
    told = parley("account", "new", "X", *wrong, "--json")
    assert told.code == 3
    assert told.json["detail"]
