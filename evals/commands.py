"""`parley eval`: play scenarios, read the report, compare two runs, measure how goals are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.output import Exit, Json, err, guarded, line, out, print_json
from domain.errors import BadInput
from domain.time import SystemClock
from evals.baseline import (
    baseline_file,
    compared,
    raised,
    read_baseline,
    worse,
    write_baseline,
)
from evals.brief import BriefFigures, measure_brief
from evals.junit import as_junit
from evals.loader import load_all
from evals.report import as_html
from evals.results import Attempt, Suite, read_suite, write_suite
from evals.scenario import Scenario

#: Where results lie unless somebody says otherwise; not part of the repository.
_RESULTS = Path(".parley") / "eval" / "results.json"

Results = Annotated[Path, typer.Option("--results", help="The file of results.")]
Only = Annotated[
    str, typer.Option("--only", help="Ids as patterns, or #topic; several with commas.")
]


@guarded
def run(
    k: Annotated[int, typer.Option("--k", min=1, help="Repetitions of each scenario.")] = 1,
    only: Only = "*",
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = os.cpu_count() or 1,
    results: Results = _RESULTS,
    record: Annotated[bool, typer.Option("--record", help="Record cassettes anew.")] = False,
    judge: Annotated[
        str, typer.Option(help="Model that judges what nobody has judged yet; offline asks none.")
    ] = "offline",
    raise_baseline: Annotated[
        bool, typer.Option("--raise-baseline", help="Keep what is reached; lowering is refused.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Scenarios of your own.")] = None,
    as_json: Json = False,
) -> None:
    """Play scenarios on services of their own, and grade what came of them."""
    # The graphs and their libraries take seconds to load; the other commands do not need them.
    from evals.judge import Judge  # noqa: PLC0415
    from evals.suite import run_suite  # noqa: PLC0415

    scenarios = load_all(folder, only)
    if record and not any(one.cassette for one in scenarios):
        raise BadInput("nothing_to_record", "None of these scenarios has a cassette.")
    suite = run_suite(
        scenarios, k, jobs, report=None if as_json else _told, record=record,
        judge=Judge(judge, clock=SystemClock()),
    )  # fmt: skip
    write_suite(suite, results)
    whole = folder is None and only == "*"
    baseline = read_baseline(baseline_file())
    steps_back = [*worse(baseline, suite, whole=whole)] if folder is None else []
    if raise_baseline:
        if not whole:
            raise BadInput("not_whole", "Only the whole suite can raise the baseline.")
        accuracy = round(measure_brief().accuracy * 1_000_000)
        write_baseline(raised(baseline, suite, brief_accuracy=accuracy), baseline_file())
    if as_json:
        print_json(_summary(suite, steps_back))
    else:
        _print(suite, steps_back)
    if suite.failed or steps_back:
        raise typer.Exit(Exit.REFUSED)


@guarded
def report(
    results: Results = _RESULTS,
    html: Annotated[Path, typer.Option(help="Where the page is written.")] = Path(
        ".parley/eval/report.html"
    ),
    junit: Annotated[
        Path | None, typer.Option(help="Also write JUnit XML for build servers.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one page with charts about the last run, and JUnit for build servers."""
    suite = read_suite(results)
    _write(html, as_html(suite, measure_brief()))
    if junit is not None:
        _write(junit, as_junit(suite))
    if as_json:
        print_json({"html": str(html), "junit": str(junit) if junit else None})
    else:
        line("✓", "report", escape(str(html)))


@guarded
def diff(
    before: Annotated[Path, typer.Argument(help="Results of the earlier run.")],
    after: Annotated[Path, typer.Argument(help="Results of the later run.")] = _RESULTS,
    as_json: Json = False,
) -> None:
    """Say what changed from one run to another."""
    changes = compared(read_suite(before), read_suite(after))
    if as_json:
        print_json(changes)
    else:
        for what, names in changes.items():
            for name in names:
                line("✗" if what in ("broken", "gone") else "·", what, escape(name))
        if not any(changes.values()):
            line("✓", "same", "nothing changed")
    if changes["broken"] or changes["gone"]:
        raise typer.Exit(Exit.REFUSED)


@guarded
def brief(
    goals: Annotated[
        Path | None, typer.Argument(help="JSON Lines of {id, today, goal, expect}.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how well goals are read: accuracy by field, with Wilson's interval."""
    figures = measure_brief(goals)
    low, high = figures.interval
    if as_json:
        print_json(
            {
                "goals": figures.goals, "accuracy": figures.accuracy, "interval": [low, high],
                "whole": figures.whole, "wrong": list(figures.wrong),
                "fields": {name: right / all_ for name, (right, all_) in figures.fields.items()},
            }
        )  # fmt: skip
        return
    _print_brief(figures)


@guarded
def push(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    only: Only = "*",
    results: Annotated[
        Path | None, typer.Option("--results", help="Results to note beside the examples.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Push scenarios to LangSmith as a dataset; again is no second copy."""
    from langsmith import Client  # noqa: PLC0415 - takes a second to load

    from evals.pushing import push_dataset  # noqa: PLC0415

    suite = read_suite(results) if results is not None else None
    pushed = push_dataset(Client(), dataset, load_all(only=only), suite)
    if as_json:
        print_json({"dataset": dataset, "examples": pushed})
    else:
        line("✓", "pushed", f"{pushed} examples to {escape(dataset)}")


def _told(scenario: Scenario, repeat: int, attempt: Attempt) -> None:
    if attempt.faults:
        line("✗", scenario.id, escape(f"#{repeat + 1} {attempt.faults[0]}"))
    elif not repeat:
        err.print(f" [green]✓[/green] {scenario.id}", style="dim", soft_wrap=True)


def _summary(suite: Suite, steps_back: list[str]) -> dict[str, Any]:
    return {
        "scenarios": len(suite.results),
        "k": suite.k,
        "seconds": suite.seconds,
        "pass_1": suite.rate(every=False),
        "pass_k": suite.rate(every=True),
        "pass_k_decidable": suite.rate(every=True, decidable=True),
        "failed": {one.id: list(one.faults) for one in suite.failed},
        "worse_than_baseline": steps_back,
    }


def _print(suite: Suite, steps_back: list[str]) -> None:
    table = Table(box=None)
    for heading in ("about", "passed every time", "of"):
        table.add_column(heading, justify="left" if heading == "about" else "right")
    for topic, (good, all_) in suite.by_topic().items():
        table.add_row(escape(topic), str(good), str(all_))
    out.print(table)
    k = suite.k
    out.print(
        f"{len(suite.results)} scenarios × {k} in {suite.seconds:.1f} s · "
        f"pass^1 {suite.rate(every=False):.1%} · pass^{k} {suite.rate(every=True):.1%} · "
        f"where rules can decide {suite.rate(every=True, decidable=True):.1%}"
    )
    for one in suite.failed:
        for fault in one.faults[:4]:
            line("✗", one.id, escape(fault))
    for sentence in steps_back:
        line("✗", "worse", escape(sentence))


def _print_brief(figures: BriefFigures) -> None:
    table = Table(box=None)
    for heading in ("field", "right", "of", "accuracy"):
        table.add_column(heading, justify="left" if heading == "field" else "right")
    for name, (right, all_) in figures.fields.items():
        table.add_row(name, str(right), str(all_), f"{right / all_:.4f}")
    out.print(table)
    low, high = figures.interval
    out.print(
        f"{figures.goals} goals · {figures.whole} without any fault · accuracy of all fields "
        f"{figures.accuracy:.4f} (95 % {low:.4f} to {high:.4f}) · worst field {figures.lowest:.4f}"
    )
    for wrong in figures.wrong[:20]:
        line("✗", "wrong", escape(wrong))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise BadInput("file_unwritable", f"{path} cannot be written: {error.strerror}.") from error
