"""Every NATS subject and JetStream name, in one place, because permissions name them.

`<spoke>` is the spoke's name: lower-case letters, digits and dashes, so it is one subject token, a
JetStream domain and a file name at once. Stream and consumer names carry it, because equal names in
two domains of one account acknowledge each other (nats.md, pitfall P1).
"""

from __future__ import annotations

import re

SPOKE_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\Z")
HUB_DOMAIN = "hub"


# --- the spoke's stream and its way to the hub --------------------------------------------------
def stream(spoke: str) -> str:
    return f"TEL_{spoke}"


def telemetry(spoke: str, producer: str) -> str:
    """Subject of one producer's batches, e.g. `t.line-1.w0`."""
    return f"t.{spoke}.{producer}"


def producer_subject(spoke: str, producer: str) -> str:
    """Where the batches of a run belong (`w0-1f00` to `t.<spoke>.w0`), whoever sends them."""
    return telemetry(spoke, producer.partition("-")[0])


def message_id(spoke: str, producer: str, number: int) -> str:
    """The Nats-Msg-Id of a batch."""
    return f"{spoke}:{producer}:{number}"


def telemetry_all(spoke: str) -> str:
    return f"t.{spoke}.>"


def mirror_consumer(spoke: str, epoch: str) -> str:
    """The pre-created durable consumer on the spoke that feeds the hub's mirror of this epoch.

    With the epoch in it, the mirror of a stream that is gone can never move the consumer of the
    stream that took its place (seen: it resets the consumer, and the new mirror skips all).
    """
    return f"hub_{spoke}_{epoch}"


def mirror_delivery(spoke: str, epoch: str) -> str:
    return f"dlv.{spoke}.{epoch}"


def mirror(spoke: str, epoch: str) -> str:
    """Name of the hub's mirror of one epoch of a spoke's stream."""
    return f"MIR_{spoke}_{epoch}"


def function_producer(use_id: int) -> str:
    """The producer of a function's outputs; its subject is `t.<spoke>.f<id>`."""
    return f"f{use_id}"


def direct_get(stream_name: str) -> str:
    """Read messages of a local stream by sequence number (server 2.11, ADR-31 of NATS)."""
    return f"$JS.API.DIRECT.GET.{stream_name}"


def js_api(domain: str) -> str:
    return f"$JS.{domain}.API"


# --- requests and notices ---------------------------------------------------------------------
def health(spoke: str) -> str:
    return f"hb.{spoke}"


def live(spoke: str, device_id: int | str) -> str:
    return f"live.{spoke}.{device_id}"


def command(spoke: str, verb: str) -> str:
    """Hub to spoke: `manifest` (a new revision is out), `watch`, `epoch` (start one), and the
    requests that a worker answers: `test`, `diagnose`, `select`, `operate`, `discover`, `browse`;
    `function` (what a use does now) is answered by the function host.
    """
    return f"cmd.{spoke}.{verb}"


def hub_rpc(spoke: str, verb: str) -> str:
    """Spoke to hub: `manifest` (the handshake), `artifact` (a part of a function's package)."""
    return f"rpc.hub.{spoke}.{verb}"


HANDSHAKES = "rpc.hub.*.manifest"
ARTIFACTS = "rpc.hub.*.artifact"
ALL_HEALTH = "hb.*"
INGEST_STATUS = "hub.ingest.status"
"""Between the hub's own processes; never crosses a leaf."""


def hub_inbox(spoke: str) -> str:
    """Replies of a spoke to the hub; a default inbox does not pass the leaf's permissions."""
    return f"_INBOX_hub.{spoke}"


def spoke_inbox(spoke: str) -> str:
    return f"_INBOX_spoke.{spoke}"


def spoke_of(subject: str, position: int) -> str:
    """The token at `position`; subjects that reach us have passed permissions that name it."""
    return subject.split(".")[position]
