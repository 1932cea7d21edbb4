"""Puts the UI on NiceGUI's application. The caller runs it (`ui.run`) and mounts the API.

There is one NiceGUI application per process, so `mount` is called once.
"""

from __future__ import annotations

from typing import Any

from nicegui import app, ui

from hub.services import Services
from hub.ui import endpoints, live
from hub.ui.pages import (
    deploy_function,
    device,
    device_edit,
    devices,
    diagnosis,
    function,
    function_edit,
    function_use,
    functions,
    gateway,
    gateways,
    import_tags,
    login,
    make_devices,
    overview,
    profile,
    profiles,
    system,
    trends,
)
from hub.ui.plain import FAVICON, SCRIPTS, STATIC, STATIC_PATH, head_html
from hub.ui.pulse import PERIOD_S, Pulse
from hub.ui.session import Gate

RUN_OPTIONS: dict[str, Any] = {
    "title": "Spindle",
    "dark": None,
    "favicon": FAVICON,
    "show": False,
    "reload": False,
    "tailwind": False,
    "binding_refresh_interval": 0.5,
    "reconnect_timeout": 10.0,
    "show_welcome_message": False,
}
"""For `ui.run(host=..., port=..., **RUN_OPTIONS)`. No storage secret is needed."""


def mount(services: Services) -> None:
    """Register pages, files, page data, the live WebSocket and the gate in front of them."""
    app.add_static_files(STATIC_PATH, STATIC, max_cache_age=31_536_000)
    ui.add_head_html(head_html(SCRIPTS), shared=True)
    pulse = Pulse(services)
    app.timer(PERIOD_S, pulse.tick)
    login.register(services)
    overview.register(services, pulse)
    for part in (gateways, gateway, devices, device_edit, device, diagnosis, trends):
        part.register()
    for part in (import_tags, profiles, profile, make_devices):
        part.register()
    for part in (functions, function_edit, deploy_function, function_use, function):
        part.register()
    system.register(pulse)
    endpoints.register(services)
    live.register(services)
    app.add_middleware(Gate, services=services)
