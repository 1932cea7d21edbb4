"""*30 of these*: a pattern for each parameter fills as many rows as wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from hub.ui.components.fill_pattern import filled, filled_rows, guessed

MOST = 1000
Add = Callable[[list[dict[str, str]]], None]


def fill_dialog(profile: str, columns: Sequence[tuple[str, str]], first: int, add: Add) -> None:
    """`columns` are (parameter, title); `add` gets the rows."""
    with ui.dialog() as dialog, ui.card().classes("dialog wide"):
        ui.label("Add many devices").classes("dialog-title")
        ui.label(
            "{n} counts up: {n:02} is 01, 02 …; {n+10} starts ten later. Every cell can be "
            "changed afterwards."
        ).classes("dialog-text")
        with ui.element("div").classes("row"):
            count = ui.number("How many", value=30, min=1, max=MOST, precision=0)
            start = ui.number("n starts at", value=first, min=0, max=99999, precision=0)
            for field in (count, start):
                field.props("outlined dense stack-label").classes("numeric").style("width: 130px")
        count.props("autofocus").mark("fill-count")
        patterns: dict[str, ui.input] = {}
        samples: dict[str, ui.label] = {}
        for name, title in columns:
            with ui.element("div").classes("fill-row"):
                patterns[name] = ui.input(title, value=guessed(name, profile)).classes("mono")
                patterns[name].props("outlined dense stack-label spellcheck=false")
                patterns[name].props(f"data-field=fill-{name}")
                samples[name] = ui.label().classes("fill-sample")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Add rows", icon="playlist_add")

    def numbers() -> tuple[int, int]:
        """(first, how many); 0 when that is no sensible number."""
        many = int(count.value or 0)
        return int(start.value or 0), many if 0 < many <= MOST else 0

    def draw() -> None:
        begin, many = numbers()
        go.set_enabled(bool(many))
        go.set_text(f"Add {many} rows" if many else "Add rows")
        for name, pattern in patterns.items():
            text = str(pattern.value or "")
            shown = [filled(text, number) for number in (begin, begin + 1, begin + many - 1)]
            samples[name].set_text(
                f"{shown[0]}, {shown[1]} … {shown[2]}" if text and many > 2 else ""
            )

    def run() -> None:
        begin, many = numbers()
        if many:
            given = {name: str(item.value or "") for name, item in patterns.items()}
            dialog.close()
            add(filled_rows(given, begin, many))

    fields: list[ui.number | ui.input] = [count, start, *patterns.values()]
    for box in fields:
        box.on_value_change(draw)
        box.on("keydown.enter", run)
    go.on_click(run)
    dialog.on("hide", dialog.delete)
    draw()
    dialog.open()
