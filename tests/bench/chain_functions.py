"""Functions on the load of tests/bench/chain.py: steps in the worker, and uses in the host.

`steps`: scale, clamp, deadband and moving average on every tag, before it is stored.
`built-in`: the moving average of every tag as a calculated tag (so twice the values are stored).
`package`: a function of the plant's own in its process, which gets every value and gives three.
"""

from __future__ import annotations

from typing import Any

CHOICES = ("none", "steps", "built-in", "package")

_STEPS = (
    ("scale", {"scale": 1.5, "offset": 1.0}),
    ("clamp", {"low": -1e30, "high": 1e30}),
    ("deadband", {"band": 1e-6}),
    ("moving_average", {"rows": 10}),
)
_SOURCE = '''"""Mean, least and largest value of many tags."""

from udf import Batch, Context, Function, Input, Output


class Spread(Function):
    """Mean, least and largest of many tags."""

    name, version = "spread", "1.0.0"
    inputs = (Input("values", many=True),)
    outputs = (Output("mean"), Output("low"), Output("high"))

    def process(self, batch: Batch, ctx: Context):
        values = batch["values"].values
        return {
            "mean": values.mean(axis=1),
            "low": values.min(axis=1),
            "high": values.max(axis=1),
        }
'''


def steps(chosen: str) -> list[dict[str, Any]]:
    """The steps of each device."""
    if chosen != "steps":
        return []
    return [
        {"function": name, "tags": ["Value*"], "parameters": parameters}
        for name, parameters in _STEPS
    ]


async def deploy(api: Any, chosen: str, spoke_id: int, devices: list[int]) -> None:
    """One use for each device, of all its values."""
    if chosen not in ("built-in", "package"):
        return
    use: dict[str, Any] = {"function": "moving_average", "parameters": {"rows": 10}}
    if chosen == "package":
        await api.post("/functions", {"source": _SOURCE})
        use = {"function": "spread", "version": "1.0.0", "limits": {"cpu_percent": 400}}
    for number, device_id in enumerate(devices):
        found = await api.get("/tags", device_id=device_id)
        ids = [tag["id"] for tag in found if tag["name"].startswith("Value")]
        body = use | {"name": f"Use {number:02d}", "inputs": {"values": ids}}
        await api.post(f"/spokes/{spoke_id}/uses", body)
