r"""Patterns of repositories and tags in the doublestar dialect: compiled once, matched in time linear in the name.

``?`` is one character, ``*`` any number, both without ``/``; ``**`` as a whole component is any number of components;
``[a-z]`` and ``[^a-z]`` are one character but ``/``; ``{a,b}`` is one of several; ``\`` takes the next character as it
is. Elsewhere ``**`` is read as ``*``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from app.core.errors import InvalidError

LONGEST: Final = 1024
"""The most characters of a pattern."""
MOST_ALTERNATIVES: Final = 100
"""The most alternatives of a pattern when all its braces are multiplied out."""
_MOST_TOKENS: Final = 4096
_DEEPEST: Final = 5
_SPECIAL: Final = re.compile(r"[*?\[{\\]")
_SLASH: Final = "/"


class Mark(Enum):
    """A token that stands for more than one text."""

    ANY = "?"
    STAR = "*"
    DEEP = "**/"
    """Any number of whole components, each with its slash."""
    REST = "/**"
    """All that is left, slashes too."""


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """One character of, or with ``negated`` outside, the ranges; never a slash."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def takes(self, character: str) -> bool:
        """Tell whether the class holds the character."""
        inside = any(low <= character <= high for low, high in self.ranges)
        return inside is not self.negated and character != _SLASH


Token = str | Mark | CharacterClass
Sequences = list[list[Token]]


class Pattern:
    """A compiled pattern: the positions in all its alternatives are the bits of one number, which all move at once."""

    def __init__(self, text: str) -> None:
        """Compile the pattern; raise InvalidError for one that is malformed or too large."""
        self._literal = None if _SPECIAL.search(text) else text
        if len(text) > LONGEST:
            raise InvalidError(f"more than {LONGEST} characters")
        self._automaton = None if self._literal is not None else _automaton(_Parser(text).parse())

    def matches(self, name: str) -> bool:
        """Tell whether the pattern matches the whole name."""
        return name == self._literal if self._automaton is None else self._automaton.accepts(name)


@dataclass(frozen=True, slots=True)
class _Automaton:
    """Bit ``n`` is the position before token ``n``; each alternative has one more position, its end."""

    tokens: Sequence[Token | None]
    """All alternatives in a row, each ended by None."""
    starts: int
    ends: int
    stars: int
    deeps: int
    rests: int
    _taking: dict[str, int] = field(default_factory=dict)

    def accepts(self, name: str) -> bool:
        active = self._skipped(self.starts)
        for character in name:
            over = self.deeps | self.rests | (0 if character == _SLASH else self.stars)
            stay = active & over
            entered = ((active & self._takers(character)) << 1) | (stay & ~self.deeps)
            active = stay | self._skipped(entered)
            if not active:
                return False
        return bool(active & self.ends)

    def _skipped(self, entered: int) -> int:
        """Add the positions behind tokens that may take nothing, of which no more than two follow each other."""
        empty = self.stars | self.deeps | self.rests
        entered |= (entered & empty) << 1
        return entered | (entered & empty) << 1

    def _takers(self, character: str) -> int:
        known = self._taking.get(character)
        if known is None:
            known = self._taking[character] = _bits(self.tokens, lambda token: _takes(token, character))
        return known


def _automaton(sequences: Sequences) -> _Automaton:
    tokens = [token for sequence in sequences for token in (*sequence, None)]
    ends = _bits(tokens, lambda token: token is None)
    return _Automaton(
        tokens=tokens,
        starts=1 | (ends << 1) & ((1 << len(tokens)) - 1),
        ends=ends,
        stars=_bits(tokens, lambda token: token is Mark.STAR),
        deeps=_bits(tokens, lambda token: token is Mark.DEEP),
        rests=_bits(tokens, lambda token: token is Mark.REST),
    )


def _bits(tokens: Sequence[Token | None], chosen: Callable[[Token | None], bool]) -> int:
    digits = "".join("1" if chosen(token) else "0" for token in reversed(tokens))
    return int(digits, 2)


def _takes(token: Token | None, character: str) -> bool:
    """Tell whether the token ends with this character; stars and rests go on by staying."""
    if isinstance(token, CharacterClass):
        return token.takes(character)
    if token is Mark.ANY:
        return character != _SLASH
    return token == character or (token is Mark.DEEP and character == _SLASH)


class _Parser:
    """Reads a pattern into the sequences of tokens of its alternatives."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> Sequences:
        return self._alternatives(depth=0)[0]

    def _alternatives(self, depth: int) -> list[Sequences]:
        """Read up to the closing brace, at depth 0 to the end; return the sequences of each part between commas."""
        found: list[Sequences] = []
        sequences: Sequences = [[]]
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if depth and character in ",}":
                found.append(sequences)
                if character == "}":
                    return found
                sequences = [[]]
            elif character == "{":
                sequences = _joined(sequences, self._brace(depth + 1))
            else:
                sequences = _joined(sequences, [[self._token(character, depth)]])
        if depth:
            raise InvalidError("a { without its }")
        return [sequences]

    def _brace(self, depth: int) -> Sequences:
        if depth > _DEEPEST:
            raise InvalidError(f"braces nested more than {_DEEPEST} times")
        return [sequence for sequences in self._alternatives(depth) for sequence in sequences]

    def _token(self, character: str, depth: int) -> Token:
        if character == "\\":
            return self._escaped()
        if character == "?":
            return Mark.ANY
        if character == "[":
            return self._class()
        return self._stars(depth) if character == "*" else character

    def _stars(self, depth: int) -> Mark:
        start = self._at - 1
        while self._text[self._at : self._at + 1] == "*":
            self._at += 1
        whole = self._at - start == len("**") and self._text[start - 1 : start] in ("", _SLASH)
        if depth or not whole:
            return Mark.STAR
        if self._at == len(self._text):
            return Mark.REST
        if self._text[self._at] != _SLASH:
            return Mark.STAR
        self._at += 1
        return Mark.DEEP

    def _escaped(self) -> str:
        if self._at == len(self._text):
            raise InvalidError("a \\ with nothing behind it")
        self._at += 1
        return self._text[self._at - 1]

    def _class(self) -> CharacterClass:
        negated = self._text[self._at : self._at + 1] == "^"
        if self._text[self._at : self._at + 1] == "!":
            raise InvalidError("a [! that some read as [^: write that, or [\\!")
        self._at += negated
        ranges: list[tuple[str, str]] = []
        while (low := self._member()) is not None:
            high: str | None = low
            if self._text[self._at : self._at + 1] == "-":
                self._at += 1
                high = self._member()
            if high is None:
                raise InvalidError("a range in [] without its end")
            ranges.append((low, high))
        if not ranges:
            raise InvalidError("a [] without characters")
        return CharacterClass(tuple(ranges), negated)

    def _member(self) -> str | None:
        """Read one character of a class; None at its end."""
        if self._at == len(self._text):
            raise InvalidError("a [ without its ]")
        character = self._text[self._at]
        self._at += 1
        if character == "-":
            raise InvalidError("a - in [] that is neither escaped nor in a range")
        if character == "]":
            return None
        return self._escaped() if character == "\\" else character


def _joined(heads: Sequences, tails: Sequences) -> Sequences:
    """Return each head with each tail; InvalidError when these are too many."""
    size = sum(map(len, heads)) * len(tails) + sum(map(len, tails)) * len(heads)
    if len(heads) * len(tails) > MOST_ALTERNATIVES or size > _MOST_TOKENS:
        raise InvalidError(f"more than {MOST_ALTERNATIVES} alternatives, or too long ones")
    return [_extended(head, tail) for head in heads for tail in tails]


def _extended(head: list[Token], tail: list[Token]) -> list[Token]:
    """Return both in a row; of two equal tokens in a row that may take nothing one is enough."""
    repeated = head and tail and head[-1] is tail[0] and tail[0] in (Mark.STAR, Mark.DEEP)
    return head + (tail[1:] if repeated else tail)
