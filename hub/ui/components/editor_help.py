"""A short reference of the SDK beside the editor."""

from __future__ import annotations

from nicegui import ui

from hub.ui.components.editor_words import sdk_words

_FUNCTION = """@function(version="1.0.0")
def mix(a: float, b: float, *, k: float = 0.5) -> float:
    return k * a + (1 - k) * b"""
_COLUMNS = """def process(self, batch, ctx):
    level = batch["level"]
    return {"volume": level.values * 2.5}"""
_PARAMETERS = """class Limits(Parameters):
    high: float = Field(9.0, title="High", gt=0)"""
_STATE = """total = self.state.get("total", 0.0)
self.state["total"] = total + x"""
_EFFECTS = """alarm = Alarm("full", active=True)
return Result({"volume": volume}, [alarm])"""
_NOTES = """ctx.log("hello")
ctx.event("filter changed", level="info")"""
_TOPICS = (
    ("A plain function", "Arguments are inputs, keyword-only ones are parameters.", _FUNCTION),
    ("Columns", "A batch has rows; values is an array with one element per row.", _COLUMNS),
    ("Parameters", "Whoever deploys it fills in a form of them.", _PARAMETERS),
    ("State", "It survives restarts, and versions with the same major number.", _STATE),
    ("Alarms and writes", "They are returned, and the gateway does them.", _EFFECTS),
    ("Log and events", "A log line is shown live, an event is stored.", _NOTES),
)
_OWNERS = {"": "from udf import", "ctx": "ctx.", "column": 'batch["…"].', "np": "np."}


def help_panel() -> ui.element:
    """Hidden until somebody asks for it."""
    with ui.element("section").classes("panel editor-help") as panel:
        with ui.element("div").classes("panel-head"):
            ui.html("Help", tag="h2", sanitize=False)
        with ui.element("div").classes("panel-body stack tight"):
            for title, text, code in _TOPICS:
                ui.label(title).classes("spec-title")
                ui.label(text)
                ui.label(code).classes("mono help-code")
            for owner, before in _OWNERS.items():
                with ui.expansion(f"All of {before}").props("dense").classes("fold"):
                    for word in sdk_words()[owner]:
                        with ui.element("div").classes("help-word"):
                            name = word["label"] + word.get("detail", "") * (owner != "np")
                            ui.label(name.removesuffix("udf")).classes("mono")
                            ui.label(word.get("info", "")).classes("help")
            ui.label(
                "Keys: Ctrl+Space completes, Ctrl+S saves, Ctrl+Enter tries, Ctrl+F finds, "
                "Ctrl+/ makes a comment, Tab indents (Esc, then Tab, leaves the editor)."
            ).classes("muted")
            ui.label("The tutorial and the whole reference are in docs/udf of this release.")
    panel.set_visibility(False)
    return panel
