"""Starts a function's process as on a system that lacks something; used by test_sandbox.

`on_a_system.py <bundle> <folder> [system call that is not there ...] [--deed=<deed>]` prints what
is contained and the process id; then it has the deed done, and prints the fault.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pyseccomp

from schemas.config.functions import LimitsConfig
from tests.integration.udf.batches import bindings, rows
from udf.faults import FunctionFault
from udf.process.environment import prepare
from udf.process.parent import FunctionProcess

PR_SET_SECCOMP = 22


def lack(names: list[str]) -> None:
    """From here on these system calls do not exist, as on an older kernel or in a container."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in names:
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), name)
        if name == "seccomp":
            asked = pyseccomp.Arg(0, pyseccomp.EQ, PR_SET_SECCOMP)
            rules.add_rule(pyseccomp.ERRNO(errno.EINVAL), "prctl", asked)
    rules.load()


def main() -> None:
    bundle, folder, *names = sys.argv[1:]
    deeds = [name.removeprefix("--deed=") for name in names if name.startswith("--deed=")]
    lack([name for name in names if not name.startswith("--")])
    process = FunctionProcess(
        prepare(Path(bundle).read_bytes(), Path(folder)), LimitsConfig(batch_s=60)
    )
    print(" ".join(process.contained), process.pid, sep="\n", flush=True)
    for deed in deeds:
        process.open(1, {"deed": deed}, bindings(), None)
        try:
            process.process(1, rows(1.0))
        except FunctionFault as error:
            print(error)
    process.close()


if __name__ == "__main__":
    main()
