"""Choices of the forms in words, and which fields are for experts. Pure."""

from __future__ import annotations

CHOICE_WORDS: dict[str, dict[str, str]] = {
    "transport": {
        "tcp": "Modbus TCP",
        "udp": "Modbus UDP",
        "rtu_tcp": "RTU frames over TCP",
        "rtu": "Serial line, RTU",
        "ascii": "Serial line, ASCII",
    },
    "parity": {"N": "None", "E": "Even", "O": "Odd"},
    "byte_order": {
        "ABCD": "ABCD (big-endian, usual)",
        "CDAB": "CDAB (words swapped)",
        "BADC": "BADC (bytes swapped)",
        "DCBA": "DCBA (little-endian)",
    },
    "write_function": {
        "auto": "5, 6 for one; 15, 16 for several",
        "multiple": "Always 15 and 16",
    },
    "family": {
        "LOGO": "LOGO!",
    },
    "connection_type": {"PG": "PG (programming device)", "OP": "OP (panel)", "basic": "Basic"},
    "mode": {"subscribe": "Subscribe (usual)", "poll": "Poll every scan"},
    "security": {
        "None": "None (clear text)",
        "Basic256Sha256": "Basic256Sha256",
        "Aes128_Sha256_RsaOaep": "Aes128-Sha256-RsaOaep",
        "Aes256_Sha256_RsaPss": "Aes256-Sha256-RsaPss",
    },
    "messages": {"None": "Clear text", "Sign": "Signed", "SignAndEncrypt": "Signed and encrypted"},
    "login": {
        "anonymous": "Anonymous",
        "password": "User and password",
        "certificate": "Certificate of the gateway",
    },
    "filter": {
        "status": "Quality only",
        "status, value": "Quality or value",
        "status, value, time": "Quality, value or time",
    },
    "deadband_kind": {"absolute": "the tag's unit", "percent": "percent of the range"},
    "access": {"r": "Read", "rw": "Read and write"},
    "data_type": {
        "bool": "bool (one bit)",
        "int8": "int8 (SINT)",
        "uint8": "uint8 (BYTE, USINT)",
        "int16": "int16 (INT)",
        "uint16": "uint16 (WORD, UINT)",
        "int32": "int32 (DINT)",
        "uint32": "uint32 (DWORD, UDINT)",
        "int64": "int64 (LINT)",
        "uint64": "uint64 (LWORD, ULINT)",
        "bcd16": "bcd16 (4 digits)",
        "bcd32": "bcd32 (8 digits)",
        "float16": "float16 (half)",
        "float32": "float32 (REAL)",
        "float64": "float64 (LREAL)",
        "string": "string (text)",
    },
}
"""By the field's name and the value; a value without words is shown as it is."""

ADVANCED = frozenset(
    {
        "max_block",
        "max_gap",
        "depth",
        "pause_ms",
        "connect_pause_ms",
        "write_function",
        "mask_write",
        "own_connection",
        "zero_based",
        "local_tsap",
        "remote_tsap",
        "connection_type",
        "publishing_ms",
        "queue_size",
        "filter",
        "items_per_subscription",
    }
)
"""Fields of a connection that few devices need; they are folded away."""


def in_words(field: str, value: str) -> str:
    return CHOICE_WORDS.get(field, {}).get(value, value)
