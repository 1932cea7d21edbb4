"""Is the program in this container well? Exit code 0 when it is; otherwise a sentence and 1.

    healthcheck.py http 8080 /api/v1/health "ok"   # answers 200 on loopback, and the text is in it
    healthcheck.py connected 4222 5432             # has a connection to each of these ports
    healthcheck.py listening 5020                  # listens on each of these ports

Runs every few seconds beside the program, so: standard library only, few imports. `connected` and
`listening` read the kernel's table and open nothing, so that no server sees strangers come and go.
"""

import sys
from pathlib import Path

_ESTABLISHED, _LISTENING = "01", "0A"
_LOCAL, _REMOTE, _STATE = 1, 2, 3
_TIMEOUT_S = 3.0


def ports(tables: list[str], column: int, state: str) -> set[int]:
    """TCP ports in the column of connections in this state; the format is proc(5)'s /proc/net/tcp:
    a heading, then lines of `sl local_address rem_address st ...`, addresses as hex `ip:port`."""
    found = set()
    for table in tables:
        for line in table.splitlines()[1:]:
            fields = line.split()
            if fields[_STATE] == state:
                found.add(int(fields[column].rpartition(":")[2], 16))
    return found


def missing(kind: str, wanted: list[int]) -> str:
    """What is not there, as a sentence; empty when all is."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    texts = [table.read_text() for table in tables if table.exists()]
    if kind == "connected":
        there = ports(texts, _REMOTE, _ESTABLISHED)
    else:
        there = ports(texts, _LOCAL, _LISTENING)
    absent = [port for port in wanted if port not in there]
    return f"not {kind}: {', '.join(map(str, absent))}" if absent else ""


def unanswered(port: int, path: str, text: str) -> str:
    """Why the answer on loopback is not a good one; empty when it is."""
    from http.client import HTTPConnection, HTTPException

    client = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"port {port} does not answer: {error!r}"
    finally:
        client.close()
    if answer.status != 200 or text not in body:
        return f"port {port} answers {answer.status}: {body[:200]}"
    return ""


def main() -> None:
    kind, *words = sys.argv[1:]
    if kind == "http":
        port, path, text = words
        problem = unanswered(int(port), path, text)
    elif kind in ("connected", "listening"):
        problem = missing(kind, [int(word) for word in words])
    else:
        problem = f"no check is called {kind}; there are http, connected, listening"
    sys.exit(problem or 0)


if __name__ == "__main__":
    main()
