"""The editor of functions: write, check, complete, save, restore, upload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import UiServer
from tests.browser.editing import check_badge, is_ready, line_after, open_editor

pytestmark = pytest.mark.browser


def test_an_error_stands_at_its_line_and_goes_when_it_is_corrected(
    page: Page, ui_server: UiServer
) -> None:
    open_editor(page, ui_server, "/functions/new?template=class")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    spec = page.locator(".spec")
    expect(spec).to_contain_text("tank_volume 0.1.0")
    expect(spec).to_contain_text("default 2.5")
    line_after(page, "volume = batch", "broken = = 1")
    expect(check_badge(page)).to_have_text(re.compile("1 problem"))
    expect(page.locator(".problem-line")).to_have_text(re.compile("broken = = 1"))
    expect(page.locator(".problem-mark")).to_have_count(1)
    item = page.locator(".problem-item")
    expect(item).to_contain_text("Line 22")
    expect(item).to_contain_text("SyntaxError")
    expect(page.locator(".stale-spec")).to_have_count(1)
    page.locator(".cm-line").first.click()
    item.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cm-activeLine")).to_contain_text("broken = = 1")
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("End")
    for _ in range(len("= 1")):
        page.keyboard.press("Backspace")
    page.keyboard.type("1")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    expect(page.locator(".problem-line, .problem-mark, .problem-item")).to_have_count(0)
    expect(page.locator(".stale-spec")).to_have_count(0)


def test_only_the_answer_about_the_text_that_is_there_counts(
    page: Page, ui_server: UiServer
) -> None:
    open_editor(page, ui_server, "/functions/new")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    line_after(page, "from udf import", "def (")
    expect(check_badge(page)).to_have_text(re.compile("problem"))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    expect(page.locator(".problem-line")).to_have_count(0)


def test_names_of_the_sdk_of_numpy_and_of_the_inputs_are_completed(
    page: Page, ui_server: UiServer
) -> None:
    open_editor(page, ui_server, "/functions/new?template=class")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    options = page.locator(".cm-tooltip-autocomplete li")
    for text, wanted in (
        ("a = ctx.", "event"),
        ("b = np.cl", "clip"),
        ("c = ctx.params.", "limit"),
        ("d = batch['", "level"),
        ("e = batch['level'].", "values"),
        ("f = Qual", "Quality"),
    ):
        line_after(page, "volume = batch", "")
        page.keyboard.type(text, delay=20)
        expect(options.filter(has_text=re.compile(rf"^{wanted}"))).to_have_count(1)
        page.keyboard.press("Escape")
    page.keyboard.type("ity.GO")
    page.keyboard.press("Control+Space")
    expect(options.first).to_have_text(re.compile("GOOD"))
    options.first.click()
    expect(page.locator(".cm-activeLine")).to_contain_text("f = Quality.GOOD")


def test_tab_indents_and_every_key_stays_in_the_editor(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new")
    page.locator(".cm-line", has_text="return").click()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-line", has_text="return")).to_have_text(re.compile(r"^ {8}return"))
    expect(page.locator(".cm-content")).to_be_focused()


def test_versions_are_saved_and_never_change(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    page.locator(".cm-line", has_text="return").click()
    page.keyboard.press("Control+s")
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("Save flow_difference as a version")
    expect(dialog.locator("[aria-pressed=true]")).to_have_text("0.1.0 as written")
    expect(dialog.get_by_label("What is new")).to_be_focused()
    page.keyboard.type("first one")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(f"{ui_server.url}/functions/flow_difference/edit")
    expect(page.locator("h1")).to_have_text("flow_difference")
    expect(page.locator("[data-unsaved]")).to_be_hidden()

    page.locator(".cm-line", has_text="return").click()
    page.keyboard.press("End")
    page.keyboard.type(" + 1")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(dialog).to_contain_text("0.1.0 is saved already.")
    dialog.get_by_role("button", name="0.2.0 minor").click()
    expect(dialog).to_contain_text("It does more; its state goes on.")
    dialog.get_by_role("button", name="Save version").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".cm-line", has_text="@function")).to_contain_text('version="0.2.0"')
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    expect(page.locator(".spec")).to_contain_text("flow_difference 0.2.0")
    page.reload()
    is_ready(page)
    expect(page.locator(".cm-line", has_text="return")).to_contain_text("* factor + 1")
    page.goto(f"{ui_server.url}/functions/flow_difference/edit?version=0.1.0")
    is_ready(page)
    expect(page.locator(".callout.info:visible")).to_contain_text("the newest is 0.2.0")
    expect(page.locator(".cm-line", has_text="return")).not_to_contain_text("+ 1")


def test_a_source_with_a_problem_is_not_saved(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/level_trend/edit")
    line_after(page, "import numpy", "import nothing_like_this")
    page.keyboard.press("Control+s")
    expect(page.get_by_text(re.compile("Line 4: ModuleNotFoundError"))).to_be_visible()
    expect(page.locator(".dialog")).to_have_count(0)
    expect(page.locator(".cm-activeLine")).to_contain_text("nothing_like_this")


def test_unsaved_work_is_asked_about_and_survives_a_reload(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/level_trend/edit")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    line_after(page, "import numpy", "# mine")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.reload()
    is_ready(page)
    assert asked == ["beforeunload"]
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    bar = page.locator("[data-restored]")
    expect(bar).to_contain_text("Your unsaved changes of")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    bar.get_by_role("button", name="Discard them").click()
    expect(page.locator(".cm-content")).not_to_contain_text("# mine")
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    page.reload()
    is_ready(page)
    assert asked == ["beforeunload"]
    expect(bar).to_be_hidden()


def test_another_template_asks_before_it_replaces_work(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new")
    page.get_by_role("button", name="Window").click()
    expect(page.locator(".cm-content")).to_contain_text("class WindowMean")
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    line_after(page, "import numpy", "# mine")
    page.get_by_role("button", name="Simple").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("Replace what you wrote?")
    page.keyboard.press("Escape")
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    page.get_by_role("button", name="Simple").click()
    dialog.get_by_role("button", name="Replace").click()
    expect(page.locator(".cm-content")).not_to_contain_text("# mine")
    expect(page.locator("[data-unsaved]")).to_be_hidden()


def test_a_viewer_reads_the_source_and_runs_nothing(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/level_trend/edit", name="viewer")
    expect(page.locator(".cm-content")).to_contain_text("class LevelTrend")
    expect(page.locator(".cm-content")).to_have_attribute("contenteditable", "false")
    expect(page.locator(".spec")).to_contain_text("slope")
    expect(page.get_by_role("button", name="Save version")).to_have_count(0)
    expect(page.locator(".try")).to_have_count(0)
    page.goto(f"{ui_server.url}/functions/new")
    expect(page.locator(".empty")).to_contain_text("viewer")


def test_a_file_that_is_no_wheel_is_explained_and_a_good_one_leads_to_its_page(
    page: Page, ui_server: UiServer
) -> None:
    open_editor(page, ui_server, "/functions/new")
    page.get_by_role("button", name="Upload a wheel").click()
    dialog = page.locator(".dialog")
    upload = dialog.get_by_role("button", name="Upload", exact=True)
    expect(upload).to_be_disabled()
    place = dialog.locator(".uploader input[type=file]")
    place.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(dialog.locator(".callout.bad")).to_contain_text("notes.txt is no wheel and no bundle.")
    expect(upload).to_be_disabled()
    name = "steam-1.0.0-py3-none-any.whl"
    wheel = {"name": name, "mimeType": "application/zip", "buffer": b"\xff\xfe"}
    place.set_input_files(wheel)
    expect(dialog.locator(".drop-title")).to_have_text(name)
    upload.click()
    expect(dialog.locator(".callout.bad")).to_contain_text("no function that can be loaded")
    expect(dialog.locator(".callout.bad")).to_contain_text("Make it with spindle-udf.")
    source = (
        "from udf import function\n\n\n@function(name='steam', version='1.0.0')\n"
        "def steam(flow: float) -> float:\n    return flow\n"
    )
    place.set_input_files(wheel | {"buffer": source.encode()})
    expect(dialog.locator(".callout.bad")).to_be_hidden()
    dialog.get_by_label("What is new").fill("from the boiler house")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{ui_server.url}/functions/steam")
