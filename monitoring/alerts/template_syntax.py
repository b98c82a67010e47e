"""The syntax of rules' templates, Go's text/template as far as rules use it: from text to a tree, with the place of every mistake."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class TemplateError(ValueError):
    """One sentence, and the offset in characters of what is wrong."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message, self.position = message, position


@dataclass(frozen=True)
class Literal:
    value: Any


@dataclass(frozen=True)
class Path:
    """`$name.a.b`, `.a.b` (name is a dot) or (pipeline).a.b."""

    base: Any  # str or Pipeline
    fields: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Command:
    """A function with its arguments, or one operand alone (function is None)."""

    function: str | None
    args: tuple[Any, ...]
    position: int


@dataclass(frozen=True)
class Pipeline:
    commands: tuple[Command, ...]
    declares: tuple[str, ...] = ()


@dataclass
class Block:
    """if, with or range; `otherwise` holds what stands after else."""

    word: str
    pipeline: Pipeline
    position: int
    chained: bool = False  # begun by else if: it ends together with the one before
    body: list[Any] = field(default_factory=list)
    otherwise: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    position: int


_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<char>'(?:\\.|[^'\\])')|(?P<number>[+-]?(?:0x[0-9a-fA-F]+|\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+))"""
    r"""|(?P<variable>\$\w*(?:\.\w+)*)|(?P<field>(?:\.\w+)+|\.)|(?P<word>[A-Za-z_]\w*)|(?P<assign>:=|=)|(?P<mark>[|(),])"""
)
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3}))")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_OPENS = ("if", "with", "range")
_UNSUPPORTED = ("define", "template", "block", "break", "continue")


def parse(text: str) -> list[Any]:
    """Nodes: str, Pipeline or Block. Raises TemplateError."""
    return _Parser(text).nodes


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.nodes: list[Any] = []
        self.open: list[tuple[Block, list[Any]]] = []  # blocks not ended yet, and where their next part goes
        self.known: list[set[str]] = [{"$", "$labels", "$value", "$externalLabels", "$externalURL"}]
        place, trimmed = 0, False
        while (at := text.find("{{", place)) >= 0:
            end = _closing(text, at)
            inner = text[at + 2 : end]
            left, right = inner[:1] == "-" and inner[1:2].isspace(), inner[-1:] == "-" and inner[-2:-1].isspace()
            self._text(text[place:at], trimmed, left)
            self._action(" " + inner[1:] if left else inner, at + 2, right)
            place, trimmed = end + 2, right
        self._text(text[place:], trimmed)
        if self.open:
            block = self.open[-1][0]
            raise TemplateError(f"{{{{ {block.word} }}}} is not ended; write {{{{ end }}}}", block.position)

    def _into(self) -> list[Any]:
        return self.open[-1][1] if self.open else self.nodes

    def _text(self, text: str, after: bool = False, before: bool = False) -> None:
        """`after` and `before` an action that trims."""
        text = text.lstrip() if after else text
        text = text.rstrip() if before else text
        if text:
            self._into().append(text)

    def _action(self, text: str, start: int, trims: bool) -> None:
        text = text[:-1] if trims else text
        stripped = text.strip()
        if stripped.startswith("/*"):
            if not stripped.endswith("*/"):
                raise TemplateError("a comment is not closed; write */", start)
            return
        tokens = list(_tokens(text, start))
        if not tokens:
            raise TemplateError("{{ }} is empty", start)
        first = tokens[0]
        if first.kind == "word" and first.text in _UNSUPPORTED:
            raise TemplateError(f"{first.text} is not supported in a rule's template", first.position)
        if first.text in _OPENS and first.kind == "word":
            self._begin(first, tokens[1:])
        elif first.text in ("else", "end") and first.kind == "word":
            self._turn(first, tokens[1:])
        else:
            self._into().append(self._pipeline(tokens, first.position))

    def _begin(self, word: Token, tokens: list[Token], chained: bool = False) -> None:
        self.known.append(set())
        block = Block(word.text, self._pipeline(tokens, word.position), word.position, chained)
        self._into().append(block)
        self.open.append((block, block.body))

    def _turn(self, word: Token, rest: list[Token]) -> None:
        if not self.open:
            raise TemplateError(f"{{{{ {word.text} }}}} without an if, with or range before it", word.position)
        block, into = self.open.pop()
        self.known.pop()
        if word.text == "end":
            self._end(block, rest)
            return
        if into is block.otherwise:
            raise TemplateError("a second {{ else }}", word.position)
        self.known.append(set())
        self.open.append((block, block.otherwise))
        if rest:
            if rest[0].text not in ("if", "with"):
                raise TemplateError("after else comes if, with or nothing", rest[0].position)
            self._begin(rest[0], rest[1:], chained=True)

    def _end(self, block: Block, rest: list[Token]) -> None:
        if rest:
            raise TemplateError("nothing may stand after end", rest[0].position)
        while block.chained:
            block, _ = self.open.pop()
            self.known.pop()

    def _pipeline(self, tokens: list[Token], position: int) -> Pipeline:
        if not tokens:
            raise TemplateError("a value is missing", position)
        names, at = _declared(tokens)
        found, at = self._commands(tokens, at)
        if at < len(tokens):
            raise TemplateError(f"{tokens[at].text} is not expected here", tokens[at].position)
        self.known[-1].update(names)
        return Pipeline(tuple(found), names)

    def _commands(self, tokens: list[Token], at: int) -> tuple[list[Command], int]:
        commands = []
        while True:
            command, at = self._command(tokens, at)
            commands.append(command)
            if at >= len(tokens) or tokens[at].text != "|":
                return commands, at
            at += 1

    def _command(self, tokens: list[Token], at: int) -> tuple[Command, int]:
        operands: list[Any] = []
        begun = tokens[min(at, len(tokens) - 1)].position
        function = None
        if at < len(tokens) and tokens[at].kind == "word" and tokens[at].text not in ("true", "false", "nil"):
            function, at = tokens[at].text, at + 1
        while at < len(tokens) and tokens[at].text not in ("|", ")"):
            operand, at = self._operand(tokens, at)
            operands.append(operand)
        if function is None and len(operands) != 1:
            raise TemplateError("a value is missing" if not operands else "a function is missing before these values", begun)
        return Command(function, tuple(operands), begun), at

    def _operand(self, tokens: list[Token], at: int) -> tuple[Any, int]:
        token = tokens[at]
        if token.text == "(" and token.kind == "mark":
            commands, at = self._commands(tokens, at + 1)
            if at >= len(tokens):
                raise TemplateError("a bracket is not closed", token.position)
            inner, at = Pipeline(tuple(commands)), at + 1
            if at < len(tokens) and _joined(tokens[at - 1], tokens[at]):
                return Path(inner, _fields(tokens[at].text), token.position), at + 1
            return Path(inner, (), token.position), at
        if token.kind == "variable":
            name, *fields = token.text.split(".")
            if not any(name in scope for scope in self.known):
                raise TemplateError(f"{name} is not known; there are $labels and $value", token.position)
            return Path(name, tuple(fields), token.position), at + 1
        if token.kind == "field":
            return Path(".", _fields(token.text), token.position), at + 1
        return _literal(token), at + 1


def _closing(text: str, start: int) -> int:
    """Where the }} of the action that begins at `start` stands."""
    if text[start + 2 :].lstrip("- \n\t").startswith("/*"):
        end = text.find("*/", start)
        found = text.find("}}", end) if end >= 0 else -1
    else:
        quote, found, at = "", -1, start + 2
        while at < len(text) and found < 0:
            if quote:
                at += 1 if text[at] == "\\" and quote != "`" else 0
                quote = "" if text[at : at + 1] == quote else quote
            elif text[at] in '"`':
                quote = text[at]
            elif text.startswith("}}", at):
                found = at
            at += 1
    if found < 0:
        raise TemplateError("{{ is not closed; write }}", start)
    return found


def _joined(bracket: Token, after: Token) -> bool:
    """`(…).field`, without a space."""
    return after.kind == "field" and after.text != "." and after.position == bracket.position + 1


def _fields(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(".") if part)


def _declared(tokens: list[Token]) -> tuple[tuple[str, ...], int]:
    """`$x :=` or `$i, $x :=` before a pipeline."""
    if len(tokens) > 1 and tokens[0].kind == "variable" and tokens[1].kind == "assign":
        return (tokens[0].text,), 2
    if len(tokens) > 3 and tokens[1].text == "," and tokens[3].kind == "assign":
        return (tokens[0].text, tokens[2].text), 4
    return (), 0


def _literal(token: Token) -> Literal:
    if token.kind in ("string", "char"):
        return Literal(token.text[1:-1] if token.text[0] == "`" else _ESCAPE.sub(_unescape, token.text[1:-1]))
    if token.kind == "number":
        text = token.text.replace("_", "")
        return Literal(int(text, 16) if "0x" in text else float(text) if re.search(r"[.eE]", text) else int(text))
    if token.kind == "word" and token.text in ("true", "false", "nil"):
        return Literal({"true": True, "false": False, "nil": None}[token.text])
    if token.kind == "word":
        raise TemplateError(f"{token.text} with arguments stands in brackets here", token.position)
    raise TemplateError(f"{token.text} is not expected here", token.position)


def _unescape(found: re.Match[str]) -> str:
    if found[1]:
        return _ESCAPED[found[1]]
    return chr(int(found[4], 8)) if found[4] else chr(int(found[2] or found[3], 16))


def _tokens(text: str, start: int) -> Iterator[Token]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            what = "a string is not closed" if text[place] in "\"`'" else f"{text[place]} is not expected here"
            raise TemplateError(what, start + place)
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], start + place)
        place = found.end()
