"""Templates of runbooks: Jinja's syntax, walked as a tree by our own few lines. Nothing is compiled or called: names are looked up in
mappings, values go through filters, and what a value says is never read as a template.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, nodes
from jinja2 import TemplateSyntaxError as _SyntaxError

from remediation.sandbox_filters import FILTERS, LONGEST, Missing, number, text

LONGEST_TEMPLATE = 10_000  # characters
MOST_STEPS = 5_000  # of one rendering
ROOTS = ("alert", "parameters", "target", "resource", "steps")
_MARKS = re.compile(r"\{\{|\{%|\{#")
_parser = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - it only parses
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: _same(a) == _same(b),
    "ne": lambda a, b: _same(a) != _same(b),
    "gt": lambda a, b: number(a) > number(b),
    "gteq": lambda a, b: number(a) >= number(b),
    "lt": lambda a, b: number(a) < number(b),
    "lteq": lambda a, b: number(a) <= number(b),
    "in": lambda a, b: _within(a, b),
    "notin": lambda a, b: not _within(a, b),
}
_SIZES = ("gt", "gteq", "lt", "lteq")
_MATH: dict[type[nodes.BinExpr], Callable[[float, float], float]] = {
    nodes.Add: lambda a, b: a + b,
    nodes.Sub: lambda a, b: a - b,
    nodes.Mul: lambda a, b: a * b,
    nodes.Div: lambda a, b: a / b,
    nodes.FloorDiv: lambda a, b: a // b,
    nodes.Mod: lambda a, b: a % b,
}
_TESTS = ("defined", "undefined", "none")
_KNOWN: tuple[type[nodes.Node], ...] = (
    nodes.Output, nodes.TemplateData, nodes.If, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test,
    nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Compare, nodes.Operand, nodes.Concat, nodes.List,
    nodes.Tuple, *_MATH,
)  # fmt: skip
_WORDS = {nodes.Call: "calls of functions", nodes.For: "loops", nodes.Assign: "set", nodes.Macro: "macros", nodes.Pow: "**"}
__all__ = ["TemplateError", "check", "has_marks", "number", "render", "text", "value"]
Finish = Callable[[Any, str], Any]  # (value of an expression, the quotation mark it stands within or "") -> what is written


class TemplateError(ValueError):
    """One sentence."""


def has_marks(given: Any) -> bool:
    """Whether this text is a template, and not just a text."""
    return isinstance(given, str) and _MARKS.search(given) is not None


def check(template: str, roots: tuple[str, ...] = ROOTS) -> set[str]:
    """The names it speaks of, as far as they are written out: {"alert.labels.instance", "parameters.directory"}. Raises TemplateError."""
    if not has_marks(template):
        return set()
    tree = _parsed(template)
    for name in tree.find_all(nodes.Name):
        if name.name not in roots:
            raise TemplateError(f"{name.name} is not known here; there are {', '.join(roots)}")
    return {".".join(found) for found in map(_path, tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem))) if found}


def value(template: str, context: Mapping[str, Any]) -> Any:
    """Of a template that is one expression, its value as it is (a number, a list); else the text. Raises TemplateError."""
    if not has_marks(template):
        return template
    alone = _alone(_parsed(template))
    if alone is None:
        return render(template, context)
    found = _Run(context).expression(alone)
    if isinstance(found, Missing):
        raise TemplateError(f"{found.name} is not there")
    return found


def render(template: str, context: Mapping[str, Any], lenient: bool = False, finish: Finish | None = None) -> str:
    """`lenient`: what is missing is written as nothing. `finish` sees each value before it is written. Raises TemplateError."""
    if not has_marks(template):
        return template
    run = _Run(context, lenient, finish)
    run.block(_parsed(template).body)
    return "".join(run.out)


@lru_cache(maxsize=4_000)
def _parsed(template: str) -> nodes.Template:
    if len(template) > LONGEST_TEMPLATE:
        raise TemplateError(f"a template has at most {LONGEST_TEMPLATE} characters")
    try:
        tree = _parser.parse(template)
        _refuse(tree)
    except _SyntaxError as fault:
        raise TemplateError(f"the template cannot be read: {str(fault.message)[:200]}") from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None
    return tree


def _refuse(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _KNOWN):
            raise TemplateError(f"{_WORDS.get(type(node), type(node).__name__.lower())} cannot be used in a template")
        if isinstance(node, nodes.Filter):
            _refuse_filter(node)
        elif isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise TemplateError(f"there is no test {node.name}; there are {', '.join(_TESTS)}")


def _refuse_filter(node: nodes.Filter) -> None:
    known = FILTERS.get(node.name)
    if known is None:
        raise TemplateError(f"there is no filter {node.name}; there are {', '.join(sorted(FILTERS))}")
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > known[1] or node.node is None:
        raise TemplateError(f"the filter {node.name} takes at most {known[1]} values, in order")


def _alone(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return None
    only = tree.body[0].nodes[0]
    return None if isinstance(only, nodes.TemplateData) else only


def _path(node: Any) -> list[str]:
    """["alert", "labels", "instance"]; empty where a part is not written out."""
    if isinstance(node, nodes.Name):
        return [node.name]
    name = node.attr if isinstance(node, nodes.Getattr) else node.arg.value if isinstance(node.arg, nodes.Const) else None
    before = _path(node.node) if isinstance(node.node, nodes.Name | nodes.Getattr | nodes.Getitem) else []
    return [*before, str(name)] if before and name is not None else []


def _same(one: Any) -> Any:
    return float(one) if isinstance(one, int | float) and not isinstance(one, bool) else one


def _within(one: Any, many: Any) -> bool:
    if isinstance(many, str):
        return not isinstance(one, Missing) and text(one) in many
    return one in many if isinstance(many, list | tuple | Mapping) else False


class _Run:
    def __init__(self, context: Mapping[str, Any], lenient: bool = False, finish: Finish | None = None) -> None:
        self.context, self.lenient, self.finish = context, lenient, finish
        self.out: list[str] = []
        self.size = self.steps = 0
        self.quote = ""  # the quotation mark we are within, of what was written

    def block(self, body: list[nodes.Node]) -> None:
        for node in body:
            if isinstance(node, nodes.If):
                self._if(node)
                continue
            for part in node.nodes:  # type: ignore[attr-defined]
                if isinstance(part, nodes.TemplateData):
                    self._follow(part.data)
                    self._put(part.data)
                else:
                    self._put(self._finished(self.expression(part)))

    def _if(self, node: nodes.If) -> None:
        for branch in (node, *node.elif_):
            if self.expression(branch.test):
                self.block(branch.body)
                return
        self.block(node.else_)

    def _finished(self, found: Any) -> str:
        if isinstance(found, Missing):
            if not self.lenient:
                raise TemplateError(f"{found.name} is not there")
            found = ""
        return text(self.finish(found, self.quote) if self.finish else found)

    def _put(self, part: str) -> None:
        self.out.append(part)
        self.size += len(part)
        if self.size > LONGEST:
            raise TemplateError(f"the text becomes longer than {LONGEST} characters")

    def _follow(self, data: str) -> None:
        """Keeps which quotation mark is open in the fixed text; values do not count, `finish` makes them harmless."""
        escaped = False
        for letter in data:
            if escaped:
                escaped = False
            elif self.quote:
                escaped = letter == "\\" and self.quote != "`"
                self.quote = "" if letter == self.quote else self.quote
            elif letter in "\"'`":
                self.quote = letter

    def expression(self, node: Any) -> Any:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TemplateError("the template takes too many steps")
        try:
            found = self._evaluated(node)
        except TemplateError:
            raise
        except (ValueError, TypeError, ArithmeticError, IndexError) as fault:
            raise TemplateError(str(fault)[:200]) from None
        if isinstance(found, str | list) and len(found) > LONGEST:
            raise TemplateError(f"a value becomes longer than {LONGEST} characters")
        return found

    def _evaluated(self, node: Any) -> Any:
        of = self.expression
        match node:
            case nodes.Const():
                return node.value
            case nodes.Name():
                return self.context.get(node.name, Missing(node.name))
            case nodes.Getattr():
                return self._field(node.node, node.attr)
            case nodes.Getitem():
                return self._field(node.node, of(node.arg))
            case nodes.Filter():
                return self._filtered(node)
            case nodes.Test():
                found = of(node.node)
                missing = isinstance(found, Missing)
                return found is None if node.name == "none" else missing == (node.name == "undefined")
            case nodes.CondExpr():
                return of(node.expr1) if of(node.test) else of(node.expr2) if node.expr2 else ""
            case nodes.List() | nodes.Tuple():
                return [of(one) for one in node.items]
            case nodes.Concat():
                return "".join(text(self._there(of(one))) for one in node.nodes)
            case nodes.TemplateData():
                return node.data
        return self._operated(node)

    def _operated(self, node: Any) -> Any:
        of = self.expression
        match node:
            case nodes.And():
                left = of(node.left)
                return of(node.right) if left else left
            case nodes.Or():
                return of(node.left) or of(node.right)
            case nodes.Not():
                return not of(node.node)
            case nodes.Neg():
                return -number(self._there(of(node.node)))
            case nodes.Pos():
                return number(self._there(of(node.node)))
            case nodes.Compare():
                return self._compared(node)
        return self._calculated(node)

    def _compared(self, node: nodes.Compare) -> bool:
        left = self.expression(node.expr)  # what is missing equals nothing; only its size cannot be compared
        for operand in node.ops:
            right = self.expression(operand.expr)
            if operand.op in _SIZES:
                left, right = self._there(left), self._there(right)
            if not _COMPARE[operand.op](left, right):
                return False
            left = right
        return True

    def _calculated(self, node: nodes.BinExpr) -> Any:
        left, right = self._there(self.expression(node.left)), self._there(self.expression(node.right))
        if isinstance(node, nodes.Add) and isinstance(left, str):
            return left + text(right)
        found = _MATH[type(node)](number(left), number(right))
        return int(found) if isinstance(found, float) and found.is_integer() and abs(found) < 2**53 else found

    def _field(self, of: nodes.Expr, name: Any) -> Any:
        """Of mappings their entry, of lists an element: never an attribute."""
        base = self.expression(of)
        called = f"{base.name if isinstance(base, Missing) else _name(of)}.{text(name)[:60]}"
        if isinstance(base, Mapping):
            return base.get(name, base.get(text(name), Missing(called)))
        if isinstance(base, list | tuple) and isinstance(name, int) and -len(base) <= name < len(base):
            return base[name]
        return Missing(called)

    def _filtered(self, node: nodes.Filter) -> Any:
        found = self.expression(node.node)
        if node.name not in ("default", "d"):
            found = self._there(found)
        return FILTERS[node.name][0](found, *(self.expression(one) for one in node.args))

    def _there(self, found: Any) -> Any:
        if isinstance(found, Missing):
            if not self.lenient:
                raise TemplateError(f"{found.name} is not there")
            return ""
        return found


def _name(node: Any) -> str:
    return ".".join(_path(node)) if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) else "it"
