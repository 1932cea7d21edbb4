"""What the editor completes: the names of the SDK and of numpy, with a line about each. Pure."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

import numpy as np

import udf

Word = dict[str, str]
"""label, type (of its icon), detail, info: a Completion of CodeMirror."""

_NUMPY = """
abs all any arange argmax argmin array asarray bool_ ceil clip concatenate convolve cos cumsum diff
divide empty exp flatnonzero float64 floor full full_like inf int64 interp isfinite isnan linspace
log log10 logical_and logical_not logical_or max maximum mean median min minimum nan nanmax nanmean
nanmin nanstd ones percentile pi power round searchsorted sign sin sqrt std sum uint8 unique where
zeros zeros_like
"""
_MEMBERS: dict[type, dict[str, str]] = {
    udf.Context: {
        "params": "The function's own Parameters.",
        "tags": "The tags at each input and output, by its name.",
    },
    udf.Column: {
        "values": "[S], or [S, N] for an input with many tags.",
        "quality": "uint8 of the same shape; None when every value is good.",
        "times": "[S] ns UTC; None where the column has the batch's rows.",
    },
    udf.Batch: {"times": "[S] ns UTC.", "columns": "The columns by input."},
    udf.Function: {"state": "What survives a restart.", "name": "", "version": "", "title": ""},
}
"""Attributes that a class does not show to `dir`."""


@cache
def sdk_words() -> dict[str, list[Word]]:
    """Completions by what stands before the dot; the empty key has the names to import."""
    return {
        "": [_exported(name) for name in udf.__all__],
        "np": [_numpy(name) for name in _NUMPY.split()],
        "ctx": _members(udf.Context),
        "batch": _members(udf.Batch),
        "column": _members(udf.Column),
        "self": _members(udf.Function),
        "Kind": [{"label": item.name, "type": "constant"} for item in udf.Kind],
        "Quality": [{"label": item.name, "type": "constant"} for item in udf.Quality],
    }


def _exported(name: str) -> Word:
    found = getattr(udf, name)
    kind = "class" if inspect.isclass(found) else "function"
    return {"label": name, "type": kind, "detail": "udf", "info": _first_line(found)}


def _members(owner: type) -> list[Word]:
    extra = _MEMBERS.get(owner, {})
    found = [{"label": name, "type": "property", "info": info} for name, info in extra.items()]
    for name, member in inspect.getmembers(owner):
        if name.startswith("_") or name in extra:
            continue
        if inspect.isfunction(member):
            detail = str(_short(inspect.signature(member)))
            word = {"label": name, "type": "method", "detail": detail, "info": _first_line(member)}
            found.append(word)
        elif isinstance(member, property):
            found.append({"label": name, "type": "property", "info": _first_line(member)})
    return found


def _short(signature: inspect.Signature) -> inspect.Signature:
    """Without self and types, so that it fits into the list."""
    items = [
        item.replace(annotation=inspect.Parameter.empty)
        for name, item in signature.parameters.items()
        if name != "self"
    ]
    return signature.replace(parameters=items, return_annotation=inspect.Signature.empty)


def _numpy(name: str) -> Word:
    found = getattr(np, name)
    kind = "function" if callable(found) else "constant"
    text = _first_line(found) if callable(found) else str(found)
    return {"label": name, "type": kind, "detail": "numpy", "info": text}


def _first_line(found: Any) -> str:
    """The first sentence of a docstring; signatures that numpy puts in front are left out."""
    for block in re.split(r"\n\s*\n", inspect.getdoc(found) or ""):
        line = " ".join(block.split())
        if line and not re.match(r"\w+\(", line):
            return line.split(". ", 1)[0].rstrip(":")
    return ""
