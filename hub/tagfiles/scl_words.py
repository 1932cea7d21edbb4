"""The words of an S7 source: names, numbers, texts and signs, without comments and attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.errors import ConfigError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<line_comment>//[^\n]*)
  | (?P<comment>\(\*.*?\*\))
  | (?P<attributes>\{[^{}]*\})
  | (?P<quoted>"[^"\n]*")
  | (?P<text>'(?:\$.|[^'$])*')
  | (?P<word>[^\W\d]\w*(?:\#[\w.+\-:]*)?)
  | (?P<number>\d[\w\#]*(?:\.(?!\.)\d[\w]*)*)
  | (?P<sign>:=|\.\.|[:;,.\[\]()=+\-*/<>&%\#^@!?$|~`\\])
    """,
    re.VERBOSE | re.DOTALL,
)
_SKIPPED = frozenset({"space", "comment"})
_PROSE = re.compile(r"^[ \t]*TITLE[ \t]*=[^\n]*$", re.I | re.M)
"""The line of a block's head that holds any text, also one with a single quote."""


@dataclass(frozen=True, slots=True)
class Word:
    """`kind` is word, quoted, text, number, sign, attributes or line_comment. `text` of a quoted
    name is without its quotes."""

    kind: str
    text: str
    line: int

    @property
    def upper(self) -> str:
        """For keywords; a quoted name is none."""
        return self.text.upper() if self.kind == "word" else ""


def words_of(source: str) -> list[Word]:
    """Raises ConfigError for a comment or text that is never closed."""
    source = _PROSE.sub("", source)
    found: list[Word] = []
    line, place = 1, 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None or (match[0] == "(" and source.startswith("(*", place)):
            raise ConfigError(
                f"Line {line}: {source[place : place + 20]!r} is not understood.",
                hint="Look for a comment, text or bracket that is never closed.",
            )
        kind, text = match.lastgroup or "", match[0]
        if kind not in _SKIPPED:
            found.append(Word(kind, text[1:-1] if kind == "quoted" else text, line))
        line += text.count("\n")
        place = match.end()
    return found
