"""One page about a suite that carries everything with it."""

from __future__ import annotations

from html import escape

from evals import charts
from evals.brief import BriefFigures
from evals.results import Result, Suite

_STYLE = """
:root { color-scheme: light; } * { box-sizing: border-box; }
body { margin: 0; background: #f5f4ee; color: #222a26; font: 15px/1.5 system-ui, "Hiragino Sans",
  "Noto Sans JP", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0; }
.figure { background: #fff; border: 1px solid #d9dccf; border-radius: .6rem; padding: .8rem 1.1rem; }
.figure b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; background: #fff; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e4e5dc; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: #2f7d54; } .bad { color: #b3412e; font-weight: 600; } code { font-size: .85em; }
details summary { cursor: pointer; } ul { margin: .3rem 0; padding-left: 1.2rem; } svg { max-width: 100%; }
"""
_SLOWEST = 12


def as_html(suite: Suite, brief: BriefFigures | None = None) -> str:
    """Return the page.

    Args:
        suite: What came of it.
        brief: How well goals were read, if that was measured too.
    """
    k = suite.k
    figures = [
        (
            f"{len(suite.results) - len(suite.failed)} of {len(suite.results)}",
            f"passed {k} times of {k}",
        ),
        (f"{suite.rate(every=False):.1%}", "pass^1"),
        (f"{suite.rate(every=True):.1%}", f"pass^{k}"),
        (f"{suite.rate(every=True, decidable=True):.1%}", f"pass^{k} where rules can decide"),
        (f"{suite.seconds:.0f} s", f"with {suite.jobs} processes"),
    ]
    if brief is not None:
        low, high = brief.interval
        figures.append(
            (f"{brief.accuracy:.4f}", f"fields of briefs right ({low:.4f} to {high:.4f})")
        )
    slow = sorted(
        ((one.id, max((a.seconds for a in one.attempts), default=0.0)) for one in suite.results),
        key=lambda pair: -pair[1],
    )[:_SLOWEST]
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Parley eval</title>',
            f"<style>{_STYLE}</style></head><body><main><h1>Parley eval</h1>",
            f"<p>{len(suite.results)} scenarios, {k} repetitions each.</p>",
            '<div class="figures">',
            *(f'<div class="figure"><b>{a}</b>{escape(b)}</div>' for a, b in figures),
            "</div><h2>By what is played</h2>",
            charts.shares(suite.by_kind(), "scenarios that passed every time, by what is played"),
            "<h2>By topic</h2>",
            charts.shares(suite.by_topic(), "scenarios that passed every time, by topic"),
            "<h2>Longest repetitions</h2>",
            charts.durations(slow, "longest repetitions"),
            _brief(brief),
            "<h2>Scenarios</h2><table><tr><th>scenario<th>what<th>passed<th>same<th>s<th>model calls"
            "<th>cost, µ$</tr>",
            *(_row(one) for one in suite.results),
            "</table></main></body></html>\n",
        )
    )


def _row(one: Result) -> str:
    mark = "ok" if one.every else "bad"
    last = one.attempts[-1] if one.attempts else None
    way = " ".join(last.trajectory) if last is not None else ""
    faults = "".join(f"<li>{escape(fault)}</li>" for fault in one.faults)
    judged = "".join(f"<li>judge: {escape(a.judged)}</li>" for a in one.attempts[:1] if a.judged)
    more = (
        f"<details{'' if one.every else ' open'}><summary>{escape(one.title)}</summary>"
        f"<p><code>{escape(way) or escape(last.outcome if last else '')}</code></p>"
        f"<ul>{faults}{judged}</ul></details>"
    )
    seconds = max((attempt.seconds for attempt in one.attempts), default=0.0)
    return (
        f"<tr><td><code>{escape(one.id)}</code><br>{escape(', '.join((*one.about, one.language)))}"
        f'<td>{more}<td class="n {mark}">{one.passes} of {len(one.attempts)}'
        f'<td class="{"ok" if one.same else "bad"}">{"yes" if one.same else "no"}'
        f'<td class="n">{seconds:.2f}<td class="n">{last.calls if last else 0}'
        f'<td class="n">{last.cost_micros if last else 0}</tr>'
    )


def _brief(brief: BriefFigures | None) -> str:
    if brief is None:
        return ""
    rows = {name: (right, all_) for name, (right, all_) in brief.fields.items()}
    wrong = "".join(f"<li>{escape(one)}</li>" for one in brief.wrong)
    return (
        f"<h2>Briefs: {brief.goals} labelled goals</h2>"
        + charts.shares(rows, "fields of briefs that were read right")
        + f"<details><summary>{len(brief.wrong)} fields read wrong</summary><ul>{wrong}</ul></details>"
    )
