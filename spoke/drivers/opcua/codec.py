"""From OPC UA's DataValues to columns: type, quality and time of each value.

This is one Python call per value, on top of the 25-40 us that asyncua itself spends on one
(`design/measurements.md`, section 3). The fast path that decodes whole responses into numpy comes
later and will replace both; its results must be the same as those of this module.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import ManifestTag
from schemas.errors import SpindleError, TagReadError
from schemas.kinds import Array, DataType, Kind
from schemas.quality import Quality
from spoke.drivers.opcua.errors import tag_error

Value = float | int | bool | str

CLOCK_LIMIT_NS = 3600 * 10**9
"""A source or server time further than this from the gateway's clock is not believed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
GOOD = int(Quality.GOOD)
_GOOD, _UNCERTAIN, _SEVERITY_SHIFT = 0, 1, 30
_CODE = 0xFFFF0000  # the lower 16 bits are flags, OPC 10000-4, table 176
_OVERFLOW = 0x480  # of 0xC80: info type DataValue (bits 10-11 are 01) and overflow (bit 7)

_QUALITIES: dict[int, Quality] = {
    Codes.BadNodeIdUnknown: Quality.BAD_CONFIG_ERROR,
    Codes.BadNodeIdInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadAttributeIdInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadIndexRangeInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadIndexRangeNoData: Quality.BAD_CONFIG_ERROR,
    Codes.BadNotReadable: Quality.BAD_CONFIG_ERROR,
    Codes.BadUserAccessDenied: Quality.BAD_CONFIG_ERROR,
    Codes.BadConfigurationError: Quality.BAD_CONFIG_ERROR,
    Codes.BadDataEncodingUnsupported: Quality.BAD_CONFIG_ERROR,
    Codes.BadNotConnected: Quality.BAD_NOT_CONNECTED,
    Codes.BadServerNotConnected: Quality.BAD_NOT_CONNECTED,
    Codes.BadDeviceFailure: Quality.BAD_DEVICE_FAILURE,
    Codes.BadSensorFailure: Quality.BAD_OUT_OF_RANGE,
    Codes.BadOutOfRange: Quality.BAD_OUT_OF_RANGE,
    Codes.BadNoCommunication: Quality.BAD_COMM_FAILURE,
    Codes.BadCommunicationError: Quality.BAD_COMM_FAILURE,
    Codes.BadConnectionClosed: Quality.BAD_COMM_FAILURE,
    Codes.BadOutOfService: Quality.BAD_OUT_OF_SERVICE,
    Codes.BadTimeout: Quality.BAD_TIMEOUT,
    Codes.BadRequestTimeout: Quality.BAD_TIMEOUT,
    Codes.UncertainLastUsableValue: Quality.UNCERTAIN_LAST_USABLE,
    Codes.UncertainNoCommunicationLastUsableValue: Quality.UNCERTAIN_LAST_USABLE,
}

_INTEGERS = frozenset(
    {
        ua.VariantType.SByte,
        ua.VariantType.Byte,
        ua.VariantType.Int16,
        ua.VariantType.UInt16,
        ua.VariantType.Int32,
        ua.VariantType.UInt32,
        ua.VariantType.Int64,
        ua.VariantType.UInt64,
    }
)
_ACCEPTED = {
    Kind.BOOL: frozenset({ua.VariantType.Boolean}),
    Kind.INT: _INTEGERS,
    Kind.FLOAT: _INTEGERS | {ua.VariantType.Float, ua.VariantType.Double},
    Kind.TEXT: frozenset(
        {
            ua.VariantType.String,
            ua.VariantType.LocalizedText,
            ua.VariantType.Guid,
            ua.VariantType.DateTime,
        }
    ),
}
_RANGES: dict[DataType, tuple[int, int]] = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT64: (0, 2**63 - 1),  # travels as int64, see schemas/kinds.py
}
_LARGEST_FLOAT32: float = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """How the values of one tag are converted. `convert` gives None for what does not fit."""

    tag: ManifestTag
    accepts: frozenset[Any]
    convert: Callable[[Any], Value | None]
    blank: Value


def rule_for(tag: ManifestTag) -> Rule:
    kind = tag.data_type.kind
    if kind is Kind.BOOL:
        return Rule(tag, _ACCEPTED[kind], bool, False)
    if kind is Kind.TEXT:
        return Rule(tag, _ACCEPTED[kind], _text, "")
    if kind is Kind.INT:
        return Rule(tag, _ACCEPTED[kind], _integer(*_RANGES[tag.data_type]), 0)
    largest = _LARGEST_FLOAT32 if tag.data_type is DataType.FLOAT32 else math.inf
    return Rule(tag, _ACCEPTED[kind], _number(largest), math.nan)


def decode(rule: Rule, data: ua.DataValue) -> tuple[Value, int, SpindleError | None]:
    """(value, quality, what is wrong with the tag) of one DataValue.

    Integers go into any integer or float tag that holds them, floats into float tags; what the
    tag's type cannot hold is BAD_OUT_OF_RANGE, never another number. A value of another sort (text
    for a number, an array) is BAD_CONFIG_ERROR.
    """
    code = data.StatusCode.value if data.StatusCode is not None else 0
    quality = GOOD if code == 0 else quality_of(code)
    if quality < Quality.UNCERTAIN:
        return rule.blank, quality, tag_error(code, rule.tag.name, rule.tag.address)
    variant = data.Value
    if variant is None or variant.VariantType is ua.VariantType.Null:
        return rule.blank, Quality.BAD, None
    if variant.VariantType not in rule.accepts or variant.is_array:
        return rule.blank, Quality.BAD_CONFIG_ERROR, _wrong_type(rule.tag, variant)
    value = rule.convert(variant.Value)
    if value is None:
        return rule.blank, Quality.BAD_OUT_OF_RANGE, None
    return value, quality, None


def quality_of(code: int) -> int:
    """The quality for a status code: by the table, else by its severity bits 30-31."""
    known = _QUALITIES.get(code & _CODE)
    if known is not None:
        return known
    severity = code >> _SEVERITY_SHIFT
    if severity == _GOOD:
        return Quality.GOOD
    return Quality.UNCERTAIN if severity == _UNCERTAIN else Quality.BAD


def column(wire: str, values: Sequence[Value]) -> Array:
    """Values that `decode` gave for one column's tags, as an array [len(values)]."""
    if wire != "O":
        return np.array(values, dtype=wire)
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts


def overflowed(data: ua.DataValue) -> bool:
    """True when the server says that its queue lost values before this one."""
    code = data.StatusCode.value if data.StatusCode is not None else 0
    return code & 0xC80 == _OVERFLOW


def source_time_ns(data: ua.DataValue, gateway_ns: int) -> tuple[int, bool]:
    """(time of the value in ns UTC, whether it comes from the server).

    The source's time if it is plausible, else the server's, else the gateway's.
    """
    for stamp in (data.SourceTimestamp, data.ServerTimestamp):
        if stamp is None:
            continue
        time_ns = to_ns(stamp)
        if abs(time_ns - gateway_ns) <= CLOCK_LIMIT_NS:
            return time_ns, True
    return gateway_ns, False


def to_ns(stamp: datetime) -> int:
    """ns UTC, exact to the microsecond that asyncua keeps of OPC UA's 100 ns."""
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    return int((aware - _EPOCH) // _MICROSECOND) * 1000


def _integer(low: int, high: int) -> Callable[[Any], Value | None]:
    return lambda value: value if low <= value <= high else None


def _number(largest: float) -> Callable[[Any], Value | None]:
    def convert(value: Any) -> Value | None:
        number = float(value)
        return number if math.isfinite(number) and abs(number) <= largest else None

    return convert


def _text(value: Any) -> Value | None:
    if value is None:
        return ""
    if isinstance(value, ua.LocalizedText):
        return str(value.Text or "")
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.isoformat()
    return str(value)


def _wrong_type(tag: ManifestTag, variant: ua.Variant) -> TagReadError:
    kind = getattr(variant.VariantType, "name", str(variant.VariantType))
    found = f"an array of {kind}" if variant.is_array else kind
    return TagReadError(
        f"{tag.name}: the server has {found} at {tag.address}, which is no {tag.data_type}.",
        hint="Set the tag's data type to the server's; single elements of arrays need a node.",
    )
