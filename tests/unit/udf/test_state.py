"""State as bytes: what goes in comes out, and nothing in it is executed."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udf.state import pack, unpack

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(-(2**63), 2**64 - 1), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_comes_back(state: Any) -> None:
    assert unpack(pack(state)) == state


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array([], dtype=np.int64),
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.array([["a", ""], ["bc", "d"]], dtype=object),
        np.arange(10)[::2],
    ],
)
def test_arrays_come_back_and_can_be_written(array: Any) -> None:
    found = unpack(pack({"array": array}))["array"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()
    assert found.flags.writeable


def test_what_becomes_a_list() -> None:
    state = {"tuple": (1, 2), "set": {3, 1}, "deque": deque([4, 5]), "number": np.int32(7)}
    assert unpack(pack(state)) == {"tuple": [1, 2], "set": [1, 3], "deque": [4, 5], "number": 7}


@pytest.mark.parametrize("state", [object(), print, 2**64, np.array([object()]), 1j])
def test_what_cannot_be_kept_is_said(state: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be kept|too large"):
        pack({"state": state})


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", pack({"a": 1})[:-1], pack(1) + b"x", msgpack.packb(msgpack.ExtType(9, b"x"))],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(data)
