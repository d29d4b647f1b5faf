"""What came of a suite: pass^k, the baseline that only rises, JUnit, the page, and the way to LangSmith."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import msgspec
import pytest
from langsmith import Client
from typer.testing import CliRunner
from urllib3.util import Retry

from bootstrap.cli.lazy import function_at
from bootstrap.cli.main import EVAL, app
from domain.errors import BadInput, Conflict, NotFound, Unavailable
from evals.baseline import (
    Baseline,
    baseline_file,
    compared,
    raised,
    read_baseline,
    worse,
    write_baseline,
)
from evals.brief import measure_brief
from evals.judge import NOT_JUDGED, Judge, key_of
from evals.junit import as_junit
from evals.loader import load_all
from evals.observed import Observation
from evals.pushing import example_id, push_dataset
from evals.report import as_html
from evals.results import Attempt, Result, Suite, read_suite, write_suite


def result(name: str, *faults: tuple[str, ...], prints: str = "", decidable: bool = True) -> Result:
    return Result(
        id=name, title=f"About {name} <b>", language="eng", kind="campaign", about=("launch",),
        rule_decidable=decidable,
        attempts=tuple(
            Attempt(faults=one, fingerprint=prints[n] if prints else "x", seconds=1.5)
            for n, one in enumerate(faults)
        ),
    )  # fmt: skip


def suite(*results: Result, k: int = 2) -> Suite:
    return Suite(k=k, jobs=2, seconds=12.5, results=results)


GOOD = result("good", (), ())
FLAKY = result("flaky", (), ("outcome: it ended as 'failed'",))
DRIFTING = result("drifting", (), (), prints="ab")


def test_a_scenario_passes_if_every_repetition_does_and_all_come_to_the_same() -> None:
    assert (GOOD.first, GOOD.every) == (True, True)
    assert (FLAKY.first, FLAKY.every, FLAKY.passes) == (True, False, 1)
    assert (DRIFTING.first, DRIFTING.every, DRIFTING.passes) == (True, False, 2)
    assert "did not come to the same" in DRIFTING.faults[0]
    both = suite(GOOD, FLAKY, DRIFTING, result("open", ("x",), ("x",), decidable=False))
    assert both.rate(every=False) == 0.75
    assert both.rate(every=True) == 0.25
    assert both.rate(every=True, decidable=True) == pytest.approx(1 / 3)
    assert both.by_topic() == {"eng": (1, 4), "launch": (1, 4)}
    assert both.by_kind() == {"campaign": (1, 4)}
    assert not result("never").every


def test_the_baseline_only_rises(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    assert read_baseline(file) == Baseline()
    first = raised(Baseline(), suite(GOOD, FLAKY), brief_accuracy=990_000)
    assert first == Baseline(k=2, passing=("good",), brief_accuracy=990_000)
    write_baseline(first, file)
    assert read_baseline(file) == first
    mended = suite(GOOD, result("flaky", (), ()))
    assert raised(first, mended, brief_accuracy=995_000).passing == ("good", "flaky")
    broken = result("good", ("ledger: off",), ())
    for changed, accuracy, why in (
        (suite(broken), 990_000, "ledger: off"),
        (suite(FLAKY), 990_000, "good is gone"),
        (suite(GOOD, k=1), 990_000, "repetitions"),
        (suite(GOOD), 989_999, "briefs were read"),
    ):
        with pytest.raises(Conflict, match=why) as caught:
            raised(first, changed, brief_accuracy=accuracy)
        assert caught.value.code == "baseline_lower"
    assert [*worse(first, suite(FLAKY), whole=False)] == []
    file.write_text("[]", "utf-8")
    with pytest.raises(BadInput):
        read_baseline(file)


def test_the_shipped_baseline_names_shipped_scenarios() -> None:
    baseline = read_baseline(baseline_file())
    known = {one.id for one in load_all()}
    assert len(baseline.passing) >= 60
    assert set(baseline.passing) <= known
    assert round(measure_brief().accuracy * 1_000_000) >= baseline.brief_accuracy > 950_000


def test_what_changed_between_two_runs() -> None:
    changes = compared(
        suite(GOOD, FLAKY, result("old", ())), suite(result("good", ("x",), ()), DRIFTING)
    )
    assert (changes["broken"], changes["new"], changes["gone"]) == (
        ["good"], ["drifting"], ["flaky", "old"],
    )  # fmt: skip
    assert compared(suite(FLAKY), suite(result("flaky", (), ())))["mended"] == ["flaky"]
    assert compared(suite(GOOD), suite(result("good", (), (), prints="zz")))["otherwise"] == [
        "good"
    ]


def test_junit_and_page_carry_every_fault_and_nothing_from_elsewhere() -> None:
    odd = result("odd", ("words: \x00 <script>alert(1)</script>",), ())
    root = ElementTree.fromstring(as_junit(suite(GOOD, odd)))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failure = root.find("testcase/failure")
    assert failure is not None
    assert "<script>" in str(failure.text)
    page = as_html(suite(GOOD, odd, FLAKY), measure_brief())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 4
    for outside in ("http://", "https://", "src=", "@import", "url("):
        assert outside not in page
    assert "pass^2" in page


def test_results_are_kept_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "results.json"
    write_suite(suite(GOOD, FLAKY), file)
    assert read_suite(file) == suite(GOOD, FLAKY)
    with pytest.raises(NotFound):
        read_suite(tmp_path / "none.json")
    file.write_text("{}", "utf-8")
    with pytest.raises(BadInput):
        read_suite(file)


@pytest.mark.asyncio
async def test_a_judge_answers_from_its_file_and_else_says_that_nobody_judged(
    tmp_path: Path,
) -> None:
    one = msgspec.structs.replace(load_all(only="launch_eng")[0], judge="Is it calm?")
    seen = Observation(written=["b", "a", "a"])
    file = tmp_path / "judgements.json"
    assert await Judge(path=file).verdict(one, seen) == NOT_JUDGED
    file.write_text(json.dumps({key_of("Is it calm?", ["a", "b"]): "no: it shouts"}), "utf-8")
    assert await Judge(path=file).verdict(one, seen) == "no: it shouts"
    assert await Judge(path=file).verdict(one, Observation(written=["a"])) == NOT_JUDGED
    quiet = msgspec.structs.replace(one, judge="")
    assert await Judge(path=file).verdict(quiet, seen) == ""


def test_the_commands_play_report_compare_and_measure(tmp_path: Path) -> None:
    run, results = CliRunner(), tmp_path / "results.json"
    played = run.invoke(
        app, ["eval", "run", "--only", "brief_*", "--k", "2", "--results", str(results), "--json"]
    )
    assert played.exit_code == 0, played.output
    told = json.loads(played.stdout)
    assert (told["pass_1"], told["pass_k"], told["failed"]) == (1.0, 1.0, {})
    assert told["scenarios"] >= 16
    page, junit = tmp_path / "report.html", tmp_path / "junit.xml"
    wrote = run.invoke(
        app,
        ["eval", "report", "--results", str(results), "--html", str(page), "--junit", str(junit)],
    )
    assert wrote.exit_code == 0, wrote.output
    assert "brief_daily_jpn" in page.read_text("utf-8")
    assert "brief_daily_jpn" in junit.read_text("utf-8")
    same = run.invoke(app, ["eval", "diff", str(results), str(results), "--json"])
    assert (same.exit_code, set(map(len, json.loads(same.stdout).values()))) == (0, {0})
    read = run.invoke(app, ["eval", "brief", "--json"])
    assert json.loads(read.stdout)["accuracy"] >= 0.95
    assert run.invoke(app, ["eval", "run", "--only", "nothing"]).exit_code == 3
    lower = run.invoke(app, ["eval", "run", "--only", "brief_*", "--raise-baseline", "--json"])
    assert lower.exit_code == 3
    assert "whole suite" in lower.output


def test_a_run_of_ones_own_that_fails_says_so_and_ends_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "title: t\nlanguage: eng\nkind: brief\nabout: [x]\nclock: 2026-11-16T09:00:00Z\n"
        "goal: Sell tea in Japan\nexpect: {brief: {geos: [US]}}\n",
        "utf-8",
    )
    played = CliRunner().invoke(
        app,
        ["eval", "run", "--folder", str(tmp_path), "--results", str(tmp_path / "r.json"), "--json"],
    )
    assert played.exit_code == 3
    assert "brief.geos" in json.loads(played.stdout)["failed"]["wrong"][0]


def test_the_help_says_what_the_commands_say() -> None:
    for place, sentence in EVAL.values():
        assert function_at(place).__doc__.splitlines()[0] == sentence


class LangSmith(BaseHTTPRequestHandler):
    """What a LangSmith server answers to those who make datasets, on loopback."""

    seen: ClassVar[list[tuple[str, str, bytes]]] = []
    kept: ClassVar[list[dict[str, Any]]] = []

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.seen.append(("GET", path, b""))
        if path == "/info":
            self._answer({"version": "0.14.0"})
        elif path.startswith("/examples/"):
            self._answer(next(row for row in self.kept if path.endswith(row["id"])))
        elif path.startswith("/examples"):
            self._answer(self.kept)
        else:
            self._answer([DATASET] if self.kept else [])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(("POST", self.path, body))
        self._answer(DATASET if self.path == "/datasets" else [])

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(("PATCH", self.path, body))
        self._answer({"message": "ok"})

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


DATASET = {
    "id": "11111111-1111-4111-8111-111111111111", "name": "parley", "data_type": "kv",
    "created_at": "2026-11-16T09:00:00Z",
}  # fmt: skip


@pytest.fixture
def langsmith() -> Iterator[Client]:
    LangSmith.seen.clear()
    LangSmith.kept.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), LangSmith)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = Client(
        api_url=f"http://127.0.0.1:{server.server_port}", api_key="k", auto_batch_tracing=False
    )
    yield client
    client.session.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_scenarios_become_a_dataset_on_the_wire_and_no_second_copy(langsmith: Client) -> None:
    scenarios = load_all(only="launch_*")
    assert push_dataset(langsmith, "parley", scenarios) == len(scenarios) == 2
    posted = [(path, body) for verb, path, body in LangSmith.seen if verb == "POST"]
    assert posted[0][0] == "/datasets"
    sent = b"".join(body for _, body in posted[1:]).decode("utf-8", "replace")
    assert "trail-running shop" in sent
    assert "launch_person_jpn" in sent
    LangSmith.kept[:] = [
        {"id": str(example_id("parley", one)), "inputs": {}, "dataset_id": DATASET["id"],
         "created_at": DATASET["created_at"]}
        for one in scenarios
    ]  # fmt: skip
    LangSmith.seen.clear()
    push_dataset(langsmith, "parley", scenarios, suite(result("launch_eng", ())))
    assert [verb for verb, _, _ in LangSmith.seen if verb != "GET"] == ["PATCH", "PATCH"]
    assert any(b'"passed":true' in body.replace(b" ", b"") for _, _, body in LangSmith.seen)


def test_a_langsmith_that_is_away_is_said() -> None:
    client = Client(
        api_url="http://127.0.0.1:1", api_key="k", auto_batch_tracing=False, timeout_ms=(200, 200),
        retry_config=Retry(total=0),
    )  # fmt: skip
    with pytest.raises(Unavailable, match="LANGSMITH_API_KEY"):
        push_dataset(client, "parley", load_all(only="launch_eng"))
    client.session.close()
