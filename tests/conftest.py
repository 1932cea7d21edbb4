"""The last line of every run: how many tests passed, failed, and were skipped for which reasons."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)  # a loaded machine is no defect
settings.load_profile("shared")


REAL = frozenset({"browser", "chaos", "conformance", "drivers", "integration"})
"""With `--reruns`, as CI has it, these tests with real servers get a second try, and no others; the
last line names those that needed it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("reruns"):
        return
    for item in items:
        if not REAL.intersection(item.path.relative_to(config.rootpath).parts):
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Runs after pytest's own summary."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly or hasattr(config, "workerinput"):
        return
    reporter.write_line(summary(reporter.stats))


def summary(stats: dict[str, list[Any]]) -> str:
    """`stats` are the reports of the terminal reporter, by category."""
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    skipped = stats.get("skipped", [])
    line = f"Tests: {len(stats.get('passed', []))} passed, {failed} failed, {len(skipped)} skipped"
    reasons = Counter(_reason(report) for report in skipped)
    listed = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
    again = ", ".join(sorted({report.nodeid for report in stats.get("rerun", [])}))
    return (
        line
        + (f"; skipped: {listed}" if listed else "")
        + (f"; second try: {again}" if again else "")
    )


def _reason(report: Any) -> str:
    found = report.longrepr
    text = str(found[2] if isinstance(found, tuple) else found)
    return " ".join(text.removeprefix("Skipped: ").split())
