"""The package of the OPC UA driver."""

from __future__ import annotations

import subprocess
import sys

from schemas.config.drivers import OpcUaConfig
from spoke.drivers.base import Browses, Driver, Explains, Subscribes, Writes
from spoke.drivers.registry import driver as spec_of
from tests.fixtures.context import driver_context


def test_the_spec_is_found_and_imports_no_library() -> None:
    check = "import sys, spoke.drivers.opcua; sys.exit('asyncua' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


async def test_the_driver_has_its_abilities() -> None:
    settings = OpcUaConfig(endpoint="opc.tcp://127.0.0.1:4840")
    made = spec_of("opcua").create(settings, driver_context())
    assert isinstance(made, Driver)
    assert isinstance(made, Subscribes)
    assert isinstance(made, Browses)
    assert isinstance(made, Writes)
    assert isinstance(made, Explains)
    await made.close()
