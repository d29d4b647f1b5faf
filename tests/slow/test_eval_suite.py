"""Every scenario five times: all pass, all repetitions come to the same, in the time that was promised."""

from __future__ import annotations

import os

import pytest

from evals.baseline import baseline_file, read_baseline, worse
from evals.loader import load_all
from evals.suite import run_suite

pytestmark = pytest.mark.slow


def test_the_whole_suite_five_times_on_services_of_its_own() -> None:
    suite = run_suite(load_all(), 5, min(2, os.cpu_count() or 1))
    assert {one.id: one.faults for one in suite.failed} == {}
    assert suite.rate(every=True, decidable=True) == 1.0
    assert suite.rate(every=True) == suite.rate(every=False)
    assert [*worse(read_baseline(baseline_file()), suite, whole=True)] == []
