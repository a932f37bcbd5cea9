"""JSONPath as Jayway's implementation for Java reads it, on top of python-jsonpath. Pure.

What both know is the library's. Here is what Jayway has besides: paths without `$`, more operators
in filters, texts compared with numbers, slices whose step is ignored. Where the two differ,
at least what Jayway finds is found. What a stranger may make us compute is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from jsonpath import JSONPathEnvironment, JSONPathMatch
from jsonpath.filter import (
    UNDEFINED,
    BaseExpression,
    FilterExpression,
    InfixExpression,
    IntegerLiteral,
    RegexLiteral,
)
from jsonpath.lex import Lexer
from jsonpath.match import NodeList
from jsonpath.parse import Parser
from jsonpath.selectors import Filter, FilterContext, KeysFilter, SliceSelector
from jsonpath.stream import TokenStream
from jsonpath.token import (
    TOKEN_COMMA,
    TOKEN_CONTAINS,
    TOKEN_DDOT,
    TOKEN_DOT,
    TOKEN_IN,
    TOKEN_LBRACKET,
    TOKEN_NAME,
    TOKEN_WHITESPACE,
    Token,
)

from api.auvious.metered import meter

LONGEST_PATTERN = 64
LONGEST_SUBJECT = 1024
LARGEST_EXPONENT = 400  # of whole numbers such as 1e9
_REPEATS = re.compile(r"[*+?{]")
_UNSAFE = re.compile(r"\)[*+?{]|\\[1-9]|\(\?")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_WORDS = ("nin", "all", "subsetof", "anyof", "noneof", "size", "empty")
_SAME_TYPE, _OTHER_TYPE = "TOKEN_SAME_TYPE", "TOKEN_OTHER_TYPE"
_OPERATORS = {word.upper(): word for word in _WORDS} | {_SAME_TYPE: "===", _OTHER_TYPE: "!=="}


class MaskRefused(Exception):
    """A mask cannot be applied; the text says why, in words fit for the caller."""


class _Incomparable(Exception):
    """Something is compared that cannot be: the whole filter is false then."""


class _Lexer(Lexer):
    # What may follow a dot: any character that ends nothing, such as in $.0 and $.@at.
    property_pattern = r"[^\s.\[\](){}'\"*?,:;=<>!~&|/\\^%+-][^\s.\[\](){}'\"*?,:;=<>!~&|/\\^%+]*"

    def __init__(self, *, env: JSONPathEnvironment) -> None:
        super().__init__(env=env)
        self.dot_property_pattern = rf"(?P<G_DOT>\.)(?P<G_PROP>{self.property_pattern})"
        self.rules = re.compile(
            rf"(?P<{_SAME_TYPE}>===)|(?P<{_OTHER_TYPE}>!==)|{self.compile_rules().pattern}",
            re.DOTALL,
        )

    def tokenize(self, path: str) -> Iterator[Token]:
        """Read words by where they stand, and `.[` as `[`."""
        dot: Token | None = None
        before = ""  # the kind of the last token that is no space
        for token in super().tokenize(path):
            if dot is not None and token.kind != TOKEN_LBRACKET:
                yield dot
            dot = token if token.kind == TOKEN_DOT else None
            if dot is None:
                yield self._by_place(token, before, path)
            if token.kind != TOKEN_WHITESPACE:
                before = token.kind
        if dot is not None:
            yield dot

    def _by_place(self, token: Token, before: str, path: str) -> Token:
        kind = token.kind
        word = token.value.upper()
        if before == TOKEN_DDOT and re.fullmatch(self.key_pattern, token.value):
            kind = TOKEN_NAME  # also "in", "and", "null"
        elif kind == TOKEN_NAME and before not in ("", TOKEN_DOT, TOKEN_LBRACKET, TOKEN_COMMA):
            known = {"IN": TOKEN_IN, "CONTAINS": TOKEN_CONTAINS}
            kind = word if word in _OPERATORS else known.get(word, kind)
        return Token(kind, token.value, token.index, path)


class _Logical(InfixExpression):
    """`&&` and `||`: the right side counts, and may fail, only where the left does not decide."""

    def evaluate(self, context: FilterContext) -> bool:
        truthy = context.env.is_truthy
        left = truthy(self.left.evaluate(context))
        if left is (self.operator == "||"):
            return left
        return truthy(self.right.evaluate(context))


class _Decided(BaseExpression):
    """A whole filter: false where a part that counts compares a list with what is none."""

    __slots__ = ("expression",)

    def __init__(self, expression: BaseExpression) -> None:
        self.expression = expression
        super().__init__()

    def __str__(self) -> str:
        return str(self.expression)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Decided) and self.expression == other.expression

    def evaluate(self, context: FilterContext) -> object:
        try:
            return context.env.is_truthy(self.expression.evaluate(context))
        except _Incomparable:
            return False

    async def evaluate_async(self, context: FilterContext) -> object:
        return self.evaluate(context)

    def children(self) -> list[BaseExpression]:
        return [self.expression]

    def set_children(self, children: list[BaseExpression]) -> None:
        (self.expression,) = children


class _Slice(SliceSelector):
    """A slice: its step is ignored, and from -1 to 2 is the last, the first and the second."""

    def resolve(self, node: JSONPathMatch) -> Iterable[JSONPathMatch]:
        if not isinstance(node.obj, Sequence) or isinstance(node.obj, str):
            return
        start, stop, step = self.slice.start, self.slice.stop, self.slice.step
        meter.charge(1 + len(node.obj))
        length = len(node.obj)
        places = set(range(*slice(start, stop).indices(length)))
        if step is not None and step < 0:  # Jayway goes forwards; who knows other readers, back
            places.update(range(*self.slice.indices(length)))
        if start is not None and stop is not None and start < 0 <= stop:
            places.update(range(max(0, start + length), length), range(min(stop, length)))
        for place in sorted(places):
            match = node.new_child(node.obj[place], place)
            node.add_child(match)
            yield match


class _Parser(Parser):
    BINARY_OPERATORS = Parser.BINARY_OPERATORS | _OPERATORS
    PRECEDENCES = Parser.PRECEDENCES | dict.fromkeys(_OPERATORS, Parser.PRECEDENCE_RELATIONAL)
    COMPARISON_OPERATORS = Parser.COMPARISON_OPERATORS | {"===", "!=="}
    INFIX_LITERAL_OPERATORS = Parser.INFIX_LITERAL_OPERATORS | set(_OPERATORS.values())

    def parse_filter_selector(
        self, stream: TokenStream, *, keys: bool = False
    ) -> Filter | KeysFilter:
        found = super().parse_filter_selector(stream, keys=keys)
        expression = FilterExpression(_Decided(found.expression.expression))
        return type(found)(env=self.env, token=found.token, expression=expression)

    def parse_infix_expression(self, stream: TokenStream, left: BaseExpression) -> BaseExpression:
        found = super().parse_infix_expression(stream, left)
        if isinstance(found, InfixExpression) and found.logical:
            return _Logical(found.left, found.operator, found.right)
        return found

    def parse_slice(self, stream: TokenStream) -> SliceSelector:
        found = super().parse_slice(stream)
        start, stop, step = found.slice.start, found.slice.stop, found.slice.step
        return _Slice(env=self.env, token=found.token, start=start, stop=stop, step=step)

    def parse_integer_literal(self, stream: TokenStream) -> BaseExpression:
        """Read a whole number with all its digits."""
        number = Decimal(stream.next().value)
        if number.adjusted() > LARGEST_EXPONENT:
            raise MaskRefused("has a number that is too large")
        return IntegerLiteral(value=int(number))

    def parse_regex(self, stream: TokenStream) -> BaseExpression:
        """Read /pattern/flags as Java does: ASCII classes, flags also as (?i) in front.

        Patterns whose matching may take exponential time are refused.
        """
        pattern = stream.next().value
        flags = stream.next().value
        if inline := _FLAGS.match(pattern):
            pattern, flags = pattern[inline.end() :], flags + inline[1]
        repeats = len(_REPEATS.findall(pattern.replace("*?", "*").replace("+?", "+")))
        if len(pattern) > LONGEST_PATTERN or repeats > 2 or _UNSAFE.search(pattern):
            raise MaskRefused("has a regular expression that is too complicated")
        combined = re.ASCII
        for flag in flags:
            combined |= self.RE_FLAG_MAP[flag]
        try:
            return RegexLiteral(value=re.compile(pattern, combined))
        except re.error:
            raise MaskRefused("has an invalid regular expression") from None

    def _raise_for_leading_zero(self, token: Token) -> None:
        """Take [01] for [1]."""


class Jayway(JSONPathEnvironment):
    """The environment in which masks are compiled and evaluated."""

    lexer_class = _Lexer
    parser_class = _Parser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        for name in ("match", "search"):  # take patterns from the event itself
            del self.function_extensions[name]

    def compile_mask(self, mask: str) -> Any:
        """Compile a path; one without `$` begins at the root. Raises MaskRefused, JSONPathError."""
        if not mask or mask[0] in "@ \t\r\n":
            raise MaskRefused("must begin with a name, a bracket or $")
        return self.compile(mask if mask.startswith("$") else f"$.{mask}")

    def compare(self, left: object, operator: str, right: object) -> bool:
        compare = COMPARISONS.get(operator)
        if compare is not None:
            return compare(_plain(left), _plain(right))
        return super().compare(left, operator, right)


def _plain(value: object) -> object:
    """Return what a path in a filter found, where that was one thing; a list, where it was more."""
    if not isinstance(value, NodeList):
        return value
    values = [node.obj for node in value]
    return values if len(values) > 1 else values[0] if values else UNDEFINED


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _same(left: object, right: object) -> bool:
    """Compare as Jayway's nodes do: the type on the left decides how the right is read."""
    if _is_number(left) and isinstance(right, str):
        meter.charge(1 + len(right) // 100)
        return _NUMBER.fullmatch(right) is not None and Decimal(right) == left
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    if left is UNDEFINED or right is UNDEFINED:
        return False  # what is not there equals nothing, not even itself
    return JSONPathEnvironment.compare(ENVIRONMENT, left, "==", right)


def _same_type(left: object, right: object) -> bool:
    same = type(left) is type(right) or (_is_number(left) and _is_number(right))
    return same and _same(left, right)


def _list(value: object) -> list[Any] | None:
    """Return a list, or None for an object. Raises _Incomparable for anything else."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return None
    raise _Incomparable


def _below(left: Any, right: Any) -> bool:
    """Tell whether left is smaller: two numbers, or two texts; nothing else has an order."""
    texts = isinstance(left, str) and isinstance(right, str)
    return (texts or (_is_number(left) and _is_number(right))) and bool(left < right)


def _ordered(left: Any, right: Any) -> bool:
    """Tell whether left is smaller or equal."""
    texts = isinstance(left, str) and isinstance(right, str)
    return (texts or (_is_number(left) and _is_number(right))) and bool(left <= right)


def _in(left: object, right: object) -> bool:
    values = _list(right)
    return values is not None and any(_same(left, value) for value in values)


def _contains(left: object, right: object) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    if isinstance(left, list):
        return any(_same(right, value) for value in left)
    return isinstance(left, dict) and isinstance(right, str) and right in left


def _all(left: object, right: object) -> bool:
    wanted = _list(right)
    return (
        isinstance(left, list)
        and wanted is not None
        and all(any(_same(value, each) for each in left) for value in wanted)
    )


def _lists(left: object, right: object) -> tuple[list[Any], list[Any]] | None:
    """Return both as lists, None where one is an object; what is wrong on the right comes first."""
    others = _list(right)
    some = None if others is None else _list(left)
    return None if some is None or others is None else (some, others)


def _subset_of(left: object, right: object) -> bool:
    both = _lists(left, right)
    return both is not None and all(_in(value, both[1]) for value in both[0])


def _any_of(left: object, right: object) -> bool:
    both = _lists(left, right)
    return both is not None and any(_in(value, both[1]) for value in both[0])


def _none_of(left: object, right: object) -> bool:
    both = _lists(left, right)
    return both is not None and not any(_in(value, both[1]) for value in both[0])


def _size(left: object, right: object) -> bool:
    return isinstance(left, str | list) and _is_number(right) and len(left) == right


def _empty(left: object, right: object) -> bool:
    if not isinstance(left, str | list | dict):
        return False
    if not isinstance(right, bool):
        raise _Incomparable
    return (len(left) == 0) is right


def _matches(left: object, right: object) -> bool:
    """Match the text on one side with the pattern on the other; of a list, any member."""
    if isinstance(left, re.Pattern):
        left, right = right, left
    if not isinstance(right, re.Pattern) or isinstance(left, re.Pattern):
        return False
    if isinstance(left, list):
        return any(_matches("" if isinstance(each, list) else each, right) for each in left)
    if isinstance(left, bool):
        left = str(left).lower()
    elif _is_number(left):
        left = str(left)
    elif not isinstance(left, str):
        left = ""
    if len(left) > LONGEST_SUBJECT:
        raise MaskRefused("compares a text that is too long with a regular expression")
    meter.charge(1 + len(left) ** 2 // 500)
    return right.fullmatch(left) is not None


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "===": _same_type,
    "!==": lambda left, right: not _same_type(left, right),
    "<": _below,
    ">": lambda left, right: _below(right, left),
    "<=": _ordered,
    ">=": lambda left, right: _ordered(right, left),
    "in": _in,
    "nin": lambda left, right: not _in(left, right),
    "contains": _contains,
    "all": _all,
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "size": _size,
    "empty": _empty,
    "=~": _matches,
}
ENVIRONMENT = Jayway()
