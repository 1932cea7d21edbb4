"""The code editor of a function: CodeMirror with problems, completion and unsaved work.

What moves while somebody types is in static/editor.js; props of the element are never set after it
was drawn, because they carry the text as the hub has it, which is older than what is on the screen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from hub.function_records import Problem
from hub.ui.components.editor_words import sdk_words
from schemas.functions import FunctionSpec


class CodeEditor:
    """`key` names the browser's own copy of unsaved work, `base` the version that it began from.
    `edited` is called after every change."""

    def __init__(
        self,
        source: str,
        *,
        key: str,
        base: str = "",
        read_only: bool = False,
        edited: Callable[[], None],
    ) -> None:
        self._saved = source
        self.element = ui.codemirror(source, language="Python", on_change=edited).classes("editor")
        if read_only:
            self.element.disable()
        start = {
            "key": key,
            "base": base,
            "saved": source,
            "readOnly": read_only,
            "words": sdk_words(),
        }
        _run(f"open({self.element.id}, {json.dumps(start)})")

    @property
    def source(self) -> str:
        """As far as the hub has heard of it."""
        return str(self.element.value or "")

    @property
    def changed(self) -> bool:
        """Whether it differs from what was saved."""
        return self.source != self._saved

    def put(self, source: str) -> None:
        """Replace the text in the browser, as if it had been typed: it can be undone."""
        self.element.value = source
        _run(f"put({json.dumps(source)})")

    def start_from(self, source: str, key: str) -> None:
        """Another text to begin with, that is no change."""
        self._saved = source
        self.put(source)
        _run(f"saved({json.dumps(source)}, {json.dumps(key)}, '')")

    def saved(self, source: str, key: str, base: str, path: str, title: str) -> None:
        """This source is a version now; `path` and `title` are the page's from now on."""
        self._saved = source
        _run(f"saved({', '.join(map(json.dumps, (source, key, base, path, title)))})")

    def show(self, problems: Sequence[Problem]) -> None:
        """Mark problems at their lines."""
        _run(f"problems({json.dumps([_plain(item) for item in problems])})")

    def declared(self, spec: FunctionSpec) -> None:
        """Complete its inputs and parameters from now on."""
        names = [item.name for item in spec.inputs]
        parameters = list(spec.parameters.get("properties", {}))
        _run(f"declared({json.dumps(names)}, {json.dumps(parameters)})")

    def go(self, line: int, column: int = 0) -> None:
        """Put the cursor there."""
        _run(f"go({int(line)}, {int(column)})")


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "level": problem.level,
    }


def _run(call: str) -> None:
    ui.run_javascript(f"spindle.editor.{call}")
