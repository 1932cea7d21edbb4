"""Declarations of an S7 source (`.scl`, `.db`, `.udt`, STL): data blocks and PLC data types.

What a declaration says is kept as a tree; where its values lie is worked out in tia_layout.py.
Source of the syntax: Siemens, *S7-SCL for S7-300/400*, appendix B, and what TIA Portal writes with
*Generate source from blocks*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hub.tagfiles.s7_places import Element, element
from hub.tagfiles.scl_words import Word, words_of
from schemas.errors import ConfigError

MAX_DEPTH = 16
"""Structures inside each other; TIA Portal allows 8."""


@dataclass(frozen=True, slots=True)
class Named:
    """A PLC data type, or a type that we do not know."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    """`bounds` is None where they are constants, whose values a source does not have."""

    bounds: tuple[tuple[int, int], ...] | None
    of: Type


@dataclass(frozen=True, slots=True)
class Struct:
    members: tuple[Member, ...]


Type = Element | Named | Array | Struct


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    type: Type
    line: int
    comment: str = ""


@dataclass(slots=True)
class Block:
    """A data block. `number` is None where the source has only its name."""

    name: str
    number: int | None
    line: int
    body: Type | None = None
    optimized: bool = False


@dataclass(slots=True)
class Source:
    blocks: list[Block] = field(default_factory=list)
    types: dict[str, Struct] = field(default_factory=dict)
    """By name in capital letters."""


_OPTIMIZED = re.compile(r"S7_Optimized_Access\s*:=\s*'?TRUE'?", re.IGNORECASE)
_INSTANCE = frozenset({"FB", "SFB"})
_END = Word("end", "", 0)


def parse(text: str) -> Source:
    """Raises ConfigError with the line of what is not understood."""
    return _Parser(words_of(text)).source()


class _Parser:
    def __init__(self, words: list[Word]) -> None:
        self._words = [word for word in words if word.kind != "line_comment"]
        self._comments = {
            word.line: word.text.removeprefix("//").strip()
            for word in words
            if word.kind == "line_comment"
        }
        self._place = 0
        self._depth = 0

    # --- words ----------------------------------------------------------------------------
    def _peek(self) -> Word:
        return self._words[self._place] if self._place < len(self._words) else _END

    def _next(self) -> Word:
        word = self._peek()
        if word is _END:
            raise ConfigError(
                "The source ends in the middle of a declaration.",
                hint="Generate the source once more and import the whole file.",
            )
        self._place += 1
        return word

    def _accept(self, text: str) -> bool:
        word = self._peek()
        if word.kind in ("word", "sign") and word.text.upper() == text:
            self._place += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        word = self._peek()
        if not self._accept(text):
            raise _error(word, f"{text!r} was expected, not {word.text!r}")

    # --- blocks ---------------------------------------------------------------------------
    def source(self) -> Source:
        found = Source()
        while (word := self._peek()) is not _END:
            self._place += 1
            if word.upper == "TYPE":
                name = self._name()
                found.types[name.upper()] = self._type_body()
            elif word.upper == "DATA_BLOCK":
                found.blocks.append(self._block())
            elif word.upper in ("FUNCTION_BLOCK", "FUNCTION", "ORGANIZATION_BLOCK"):
                self._skip_to(f"END_{word.upper}")
        return found

    def _type_body(self) -> Struct:
        while (word := self._next()).upper != "STRUCT":
            if word.upper == "END_TYPE":
                raise _error(word, "a TYPE without STRUCT")
        body = self._struct("END_STRUCT")
        self._skip_to("END_TYPE")
        return body

    def _block(self) -> Block:
        line = self._peek().line
        name = self._name()
        number = re.fullmatch(r"DB ?(\d{1,5})", name, re.IGNORECASE | re.ASCII)
        plain = self._words[self._place - 1].kind != "quoted"
        block = Block(name, None, line)
        if number and plain:
            block = Block(f"DB{int(number[1])}", int(number[1]), line)
        members: list[Member] = []
        while (word := self._next()).upper not in ("BEGIN", "END_DATA_BLOCK"):
            if word.upper in _HEAD:
                self._skip_line(word.line)
            elif word.kind == "attributes":
                block.optimized = block.optimized or bool(_OPTIMIZED.search(word.text))
            elif word.upper in ("STRUCT", "VAR"):
                members += self._struct(f"END_{word.upper}").members
                block.body = Struct(tuple(members))
            elif word.kind == "quoted" or word.upper in {"UDT", *_INSTANCE}:
                self._place -= 1
                block.body = self._of_type(word)
        if word.upper == "BEGIN":
            self._skip_to("END_DATA_BLOCK")
        return block

    def _of_type(self, word: Word) -> Named:
        """`DATA_BLOCK "Motor1" "UDT_Motor"`: of a PLC data type or an instance of a block."""
        name = self._name()
        if word.upper in _INSTANCE:
            raise _error(word, f"this is an instance of {name}, whose source is not part of it")
        return Named(name)

    def _name(self) -> str:
        """A name in quotes or without; `DB 5` and `UDT 3` are one name."""
        word = self._next()
        if word.kind not in ("word", "quoted"):
            raise _error(word, f"a name was expected, not {word.text!r}")
        numbered = word.upper in {"DB", "UDT", *_INSTANCE} and self._peek().kind == "number"
        return f"{word.text} {self._next().text}" if numbered else word.text

    def _skip_line(self, line: int) -> None:
        while self._peek().line == line:
            self._place += 1

    def _skip_to(self, end: str) -> None:
        while self._next().upper != end:
            pass

    # --- declarations ---------------------------------------------------------------------
    def _struct(self, end: str) -> Struct:
        """Members up to `end`, which is taken, too."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(self._peek(), f"more than {MAX_DEPTH} structures inside each other")
        members: list[Member] = []
        while (word := self._peek()).upper != end:
            if word.kind == "attributes" or word.text == ";" or word.upper in _QUALIFIERS:
                self._place += 1
            else:
                members += self._declaration()
        self._place += 1
        self._depth -= 1
        return Struct(tuple(members))

    def _declaration(self) -> list[Member]:
        """`a, b {attributes} : Int := 5;`"""
        names = [self._member_name()]
        while self._accept(","):
            names.append(self._member_name())
        self._expect(":")
        found = self._type()
        while (word := self._peek()).text != ";" and word.upper not in _AFTER:
            self._next()  # the initial value
        end = self._words[self._place].line if self._place < len(self._words) else 0
        self._accept(";")
        comment = self._comments.get(end, "")
        return [Member(name.text, found, name.line, comment) for name in names]

    def _member_name(self) -> Word:
        word = self._next()
        if word.kind not in ("word", "quoted"):
            raise _error(word, f"the name of a variable was expected, not {word.text!r}")
        if self._peek().kind == "attributes":
            self._next()
        return word

    def _type(self) -> Type:
        word = self._next()
        if word.kind == "attributes":
            word = self._next()
        if word.upper == "STRUCT":
            return self._struct("END_STRUCT")
        if word.upper == "ARRAY":
            return self._array()
        if word.kind == "word" and word.upper != "UDT":
            length = self._length() if word.upper in ("STRING", "WSTRING") else None
            return element(word.text, length) or Named(word.text)
        self._place -= 1
        return Named(self._name())

    def _length(self) -> int | None:
        if not self._accept("["):
            return None
        word = self._next()
        self._expect("]")
        return _whole(word.text) or 0  # a constant: no type with a size

    def _array(self) -> Array:
        """`Array[0..9, 1..2] of Real`; the word after `of` may be a structure."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(self._peek(), f"more than {MAX_DEPTH} arrays inside each other")
        self._expect("[")
        bounds: list[tuple[int, int]] = []
        known = True
        while True:
            low, high = self._bound(), self._bound_after_dots()
            known = known and low is not None and high is not None
            bounds.append((low or 0, high or 0))
            if not self._accept(","):
                break
        self._expect("]")
        self._expect("OF")
        of = self._type()
        self._depth -= 1
        return Array(tuple(bounds) if known else None, of)

    def _bound_after_dots(self) -> int | None:
        self._expect("..")
        return self._bound()

    def _bound(self) -> int | None:
        """None for a constant."""
        sign = -1 if self._accept("-") else 1
        found = _whole(self._next().text)
        return None if found is None else sign * found


_HEAD = frozenset({"AUTHOR", "FAMILY", "NAME", "VERSION"})
_QUALIFIERS = frozenset({"RETAIN", "NON_RETAIN", "CONSTANT"})
_AFTER = frozenset({"END_STRUCT", "END_VAR", "BEGIN", "END_DATA_BLOCK", "END_TYPE"})


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _error(word: Word, what: str) -> ConfigError:
    return ConfigError(
        f"Line {word.line}: {what}.",
        hint="Import a source that TIA Portal generated: right click on the block, "
        "Generate source from blocks.",
    )
