"""The grammar of OPC UA addresses, and node ids on a server."""

from __future__ import annotations

import uuid

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses.opcua import NodeAddress, check, parse
from schemas.config.devices import TagConfig
from schemas.config.drivers import OpcUaConfig
from schemas.errors import AddressError
from schemas.kinds import DataType
from spoke.drivers.opcua.addresses import node_id

GUID = "09087e75-8e5e-499b-954f-f2a9603db28a"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("i=2258", NodeAddress(0, "", "i", 2258)),
        ("ns=3;i=1001", NodeAddress(3, "", "i", 1001)),
        ("ns=2;s=Filler.Speed", NodeAddress(2, "", "s", "Filler.Speed")),
        (' ns=3;s="DB 1"."a=b;c" ', NodeAddress(3, "", "s", '"DB 1"."a=b;c"')),
        ("s=1", NodeAddress(0, "", "s", "1")),
        (f"ns=1;g={GUID}", NodeAddress(1, "", "g", uuid.UUID(GUID))),
        ("ns=1;b=M/RbKA==", NodeAddress(1, "", "b", b"\x33\xf4\x5b\x28")),
        ("nsu=http://plant/a=b;s=X", NodeAddress(0, "http://plant/a=b", "s", "X")),
        ("nsu=urn:a%3Bb%25;i=1", NodeAddress(0, "urn:a;b%", "i", 1)),
    ],
)
def test_an_address_names_a_node(address: str, expected: NodeAddress) -> None:
    assert parse(address) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("Filler.Speed", "ns=2;s=Filler.Speed"),
        ("ns=2,s=Speed", "semicolon"),
        ("ns=2;Speed", "After the namespace"),
        ("ns=2;s=", "After the namespace"),
        ("ns=70000;i=1", "65535"),
        ("i=4294967296", "a number from 0"),
        ("i=-1", "a number from 0"),
        ("i=speed", "s="),
        ("i=²", "a number from 0"),
        ("g=123", "a GUID"),
        ("b=***", "base64"),
        ("svr=1;i=5", "server itself"),
        ("nsu=http://plant", "ends with ';'"),
        ("ns=2;x=5", "i=, s=, g= or b="),
    ],
)
def test_a_wrong_address_is_refused_with_a_hint(address: str, hint: str) -> None:
    tag = TagConfig(name="t", address=address)
    with pytest.raises(AddressError) as caught:
        check(tag, OpcUaConfig(endpoint="opc.tcp://127.0.0.1:4840"))
    assert hint in caught.value.hint
    assert address in caught.value.message


@pytest.mark.parametrize("data_type", list(DataType))
def test_types_that_opc_ua_does_not_have_are_refused(data_type: DataType) -> None:
    tag = TagConfig(name="t", address="ns=2;s=A", data_type=data_type)
    settings = OpcUaConfig(endpoint="opc.tcp://127.0.0.1:4840")
    if data_type in (DataType.BCD16, DataType.BCD32, DataType.FLOAT16):
        with pytest.raises(AddressError, match=f"no {data_type}") as caught:
            check(tag, settings)
        assert "choose" in caught.value.hint
    else:
        check(tag, settings)


@given(
    st.builds(
        NodeAddress,
        st.integers(1, 65535),
        st.just(""),
        st.just("s"),
        st.text(min_size=1, max_size=50).map(str.strip).filter(bool),
    )
)
def test_every_name_survives_writing_and_reading(node: NodeAddress) -> None:
    assert parse(str(node)) == node


def test_a_namespace_uri_is_looked_up_on_the_server() -> None:
    uris = ["http://opcfoundation.org/UA/", "urn:server", "urn:plant"]
    assert node_id("nsu=urn:plant;s=X", uris) == ua.NodeId("X", 2, ua.NodeIdType.String)
    assert node_id("ns=7;i=5", uris) == ua.NodeId(5, 7, ua.NodeIdType.Numeric)
    assert node_id("ns=1;b=M/RbKA==", uris).NodeIdType is ua.NodeIdType.ByteString
    assert node_id(f"g={GUID}", uris).Identifier == uuid.UUID(GUID)
    with pytest.raises(AddressError, match="no namespace 'urn:other'") as caught:
        node_id("nsu=urn:other;s=X", uris)
    assert "urn:plant" in caught.value.hint
