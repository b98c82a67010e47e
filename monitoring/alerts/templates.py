"""Labels and annotations of rules are templates: checked when they are saved, rendered when an alert fires."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from monitoring.alerts.template_functions import FUNCTIONS, Sample, text
from monitoring.alerts.template_syntax import Block, Command, Literal, Path, Pipeline, TemplateError, parse
from monitoring.query.errors import QueryError
from monitoring.query.parse.plan import plan

LONGEST = 8000  # characters of a rendered text
MOST_STEPS = 20_000  # of one rendering
Labels = Mapping[str, str]
Query = Callable[[str], Sequence[Sample]]
__all__ = ["Sample", "TemplateError", "check", "render"]


@lru_cache(maxsize=20_000)
def _parsed(template: str) -> tuple[Any, ...]:
    return tuple(parse(template))


def check(template: str) -> None:
    """Raises TemplateError with the place of what is wrong: syntax, functions, numbers of arguments, queries."""
    _check(_parsed(template))


def render(template: str, labels: Labels, value: float, query: Query | None = None, external: Labels | None = None) -> str:
    """Raises TemplateError for what goes wrong only with these values."""
    if "{{" not in template:
        return template
    data = {"Labels": labels, "Value": value, "ExternalLabels": external or {}, "ExternalURL": ""}
    run = _Run(query, {"$labels": labels, "$value": value, "$externalLabels": external or {}, "$externalURL": "", "$": data})
    run.nodes(_parsed(template), data)
    return "".join(run.out)[:LONGEST]


# -- checking --------------------------------------------------------------------------------------------------------------
def _check(nodes: Sequence[Any]) -> None:
    for node in nodes:
        if isinstance(node, Block):
            _check_pipeline(node.pipeline)
            _check(node.body)
            _check(node.otherwise)
        elif isinstance(node, Pipeline):
            _check_pipeline(node)


def _check_pipeline(pipeline: Pipeline) -> None:
    for place, command in enumerate(pipeline.commands):
        for arg in command.args:
            if isinstance(arg, Path) and isinstance(arg.base, Pipeline):
                _check_pipeline(arg.base)
        if command.function is None:
            if place:
                raise TemplateError("after | comes a function", command.position)
        else:
            _check_call(command, piped=place > 0)


def _check_call(command: Command, piped: bool) -> None:
    known = FUNCTIONS.get(str(command.function))
    if known is None:
        raise TemplateError(f"there is no function {command.function}", command.position)
    _, fewest, most = known
    given = len(command.args) + piped
    if given < fewest or (most is not None and given > most):
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}"
        raise TemplateError(f"{command.function} takes {wanted} arguments, not {given}", command.position)
    if command.function == "query" and command.args and isinstance(command.args[0], Literal):
        try:
            plan(str(command.args[0].value))
        except QueryError as fault:
            raise TemplateError(f"the query cannot be read: {fault.message}", command.position) from None


# -- rendering -------------------------------------------------------------------------------------------------------------
@dataclass
class _Run:
    query: Query | None
    variables: dict[str, Any]
    out: list[str] = field(default_factory=list)
    steps: int = 0
    size: int = 0

    def nodes(self, nodes: Sequence[Any], dot: Any) -> None:
        for node in nodes:
            self.steps += 1
            if self.steps > MOST_STEPS or self.size > LONGEST:
                return  # cut off: the text is long enough
            if isinstance(node, str):
                self._put(node)
            elif isinstance(node, Block):
                self._block(node, dot)
            else:
                found = self._pipeline(node, dot)
                if not node.declares:
                    self._put(text(found))

    def _put(self, part: str) -> None:
        self.out.append(part)
        self.size += len(part)

    def _block(self, block: Block, dot: Any) -> None:
        kept = dict(self.variables)
        value = self._pipeline(block.pipeline, dot)
        if block.word == "range":
            self._range(block, value, dot)
        elif value or (isinstance(value, float) and value != value):
            self.nodes(block.body, value if block.word == "with" else dot)
        else:
            self.nodes(block.otherwise, dot)
        self.variables = kept

    def _range(self, block: Block, value: Any, dot: Any) -> None:
        pairs: list[tuple[Any, Any]] = sorted(value.items()) if isinstance(value, Mapping) else list(enumerate(value or []))
        if not pairs:
            self.nodes(block.otherwise, dot)
        for place, one in pairs:
            names = block.pipeline.declares
            self.variables.update(zip(names, (place, one) if len(names) == 2 else (one,), strict=False))
            self.nodes(block.body, one)

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = None
        for place, command in enumerate(pipeline.commands):
            args = [self._operand(arg, dot) for arg in command.args] + ([value] if place else [])
            value = args[0] if command.function is None else self._call(command, args)
        if len(pipeline.declares) == 1:
            self.variables[pipeline.declares[0]] = value
        return value

    def _call(self, command: Command, args: list[Any]) -> Any:
        name = str(command.function)
        try:
            if name == "query":
                return list(self.query(str(args[0]))) if self.query else []
            return FUNCTIONS[name][0](*args)
        except QueryError as fault:
            raise TemplateError(f"{name}: {fault.message}", command.position) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as fault:
            raise TemplateError(f"{name}: {fault}", command.position) from None

    def _operand(self, operand: Any, dot: Any) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        base = operand.base
        value = self._pipeline(base, dot) if isinstance(base, Pipeline) else dot if base == "." else self.variables.get(base)
        for name in operand.fields:
            value = value.field(name) if isinstance(value, Sample) else value.get(name, "") if isinstance(value, Mapping) else None
        return value
