"""Bytes of a text file as text, whatever wrote them."""

from __future__ import annotations

import codecs

from schemas.errors import ConfigError


def decode(content: bytes) -> str:
    """UTF-8 with or without BOM, UTF-16 (Excel's *Unicode Text*), else Windows-1252.

    Raises ConfigError for bytes that are no text.
    """
    try:
        if content.startswith(codecs.BOM_UTF8):
            text = content.decode("utf-8-sig")
        elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = content.decode("utf-16")
        else:
            text = content.decode(_without_bom(content))
    except UnicodeDecodeError as error:
        raise _no_text() from error
    if "\0" in text:
        raise _no_text()
    return text


def _without_bom(content: bytes) -> str:
    """UTF-16 shows by the zeros in every other byte of its first, Latin line."""
    head = content[:200]
    if head and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head and head[0::2].count(0) > len(head) // 4:
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _no_text() -> ConfigError:
    return ConfigError(
        "These bytes are no text in UTF-8, UTF-16 or Windows-1252.",
        hint="Save the file as 'CSV UTF-8' or as an Excel workbook (.xlsx).",
    )
