"""Results in the form that build servers read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from evals.results import Suite

#: What XML 1.0 cannot carry at all.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(suite: Suite) -> str:
    """Return one test case per scenario; its failure has every fault of every repetition."""
    root = ElementTree.Element(
        "testsuite",
        name="parley eval",
        tests=str(len(suite.results)),
        failures=str(len(suite.failed)),
        errors="0",
        skipped="0",
        time=f"{suite.seconds:.2f}",
    )
    for one in suite.results:
        case = ElementTree.SubElement(
            root,
            "testcase",
            classname=f"evals.{one.kind}.{one.language}",
            name=one.id,
            time=f"{sum(attempt.seconds for attempt in one.attempts):.2f}",
        )
        if not one.every:
            failure = ElementTree.SubElement(
                case, "failure", message=f"{one.passes} of {len(one.attempts)} repetitions passed"
            )
            failure.text = _NOT_XML.sub("�", "\n".join(one.faults))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"
