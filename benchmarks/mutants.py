"""Mutants of a module: its source with one small change.

Kinds: arithmetic and bit operators swapped (also in ``+=``), comparisons shifted by their edge or negated, ``and`` and ``or`` swapped,
``not`` and minus dropped, conditions of ``if``, ``while`` and ``a if b else c`` negated, numbers plus one, True and False swapped, and
statements left out: calls, changes in place, ``raise``, ``continue``, ``break``. Left alone is what no test should hold: annotations,
decorators, texts, what is raised, assertions, imports, ``zip``'s ``strict``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SWAPS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}


@dataclass(frozen=True)
class Source:
    """A module's text and tree."""

    module: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: Path) -> Source:
        """Read from a file."""
        text = path.read_text()
        return cls(path.stem, text, ast.parse(text))

    @cached_property
    def starts(self) -> list[int]:
        """Byte at which every line begins."""
        found = [0]
        for line in self.text.encode().split(b"\n"):
            found.append(found[-1] + len(line) + 1)
        return found

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First byte and the one after the last."""
        first = self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def owner(self, line: int) -> tuple[tuple[str, ...], str]:
        """What a line belongs to, by its names at module level, and how that runs: ``function``, ``compiled`` or ``value``; else empty."""
        for node in self.tree.body:
            if not node.lineno <= line <= (node.end_lineno or node.lineno):
                continue
            if isinstance(node, ast.FunctionDef):
                jit = any("njit" in ast.unparse(one) for one in node.decorator_list)
                return (node.name,), "compiled" if jit else "function"
            if isinstance(node, ast.ClassDef):
                inner = any(isinstance(one, ast.FunctionDef) and one.lineno <= line <= (one.end_lineno or 0) for one in node.body)
                return (node.name,), "function" if inner else "value"
            if isinstance(node, ast.Assign):
                names = [one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
                return tuple(names), "value"
            if isinstance(node, ast.AnnAssign):
                return (ast.unparse(node.target),), "value"
        return (), ""


@dataclass(frozen=True)
class Mutant:
    """One change: ``start`` is its first byte, ``lines`` the statement's, ``changed`` the whole source with it."""

    module: str
    name: str
    start: int
    lines: range
    owner: tuple[str, ...]
    kind: str
    changed: bytes


def _header(node: ast.stmt) -> range:
    if isinstance(node, ast.FunctionDef):  # its defaults: whatever calls it
        return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    body = getattr(node, "body", None)
    last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
    return range(node.lineno, max(last, node.lineno) + 1)


def _has_opposite(test: ast.expr) -> bool:
    """A condition that swapping its one operator negates already."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not)
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.NotEq | ast.In | ast.NotIn)


def _edits(source: Source, node: ast.AST) -> Iterator[tuple[int, int, str]]:
    """Byte ranges and what to put there instead."""
    data = source.text.encode()

    def swap(after: ast.AST, before: ast.AST, operator: ast.AST, sign: str = "") -> Iterator[tuple[int, int, str]]:
        old, new = SWAPS.get(type(operator), ("", ""))
        left, right = source.span(after)[1], source.span(before)[0]
        at = data.find((old + sign).encode(), left, right) if old else -1
        if at >= 0:
            yield at, at + len(old), new

    if isinstance(node, ast.BinOp):
        yield from swap(node.left, node.right, node.op)
    elif isinstance(node, ast.AugAssign):
        yield from swap(node.target, node.value, node.op, "=")
    elif isinstance(node, ast.BoolOp):
        for one, other in zip(node.values, node.values[1:], strict=False):
            yield from swap(one, other, node.op)
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for i, operator in enumerate(node.ops):
            yield from swap(sides[i], sides[i + 1], operator)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        first, last = source.span(node)
        yield first, source.span(node.operand)[0], ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield (*source.span(node), str(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield (*source.span(node), repr(node.value + 1))
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not _has_opposite(node.test):
        first, last = source.span(node.test)
        yield first, last, f"(not ({data[first:last].decode()}))"
    leave_out = (
        isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or (isinstance(node, ast.Assign) and all(isinstance(one, ast.Subscript) for one in node.targets))
    )
    if leave_out:
        yield (*source.span(node), "pass")


def _walk(node: ast.AST, statement: ast.stmt | None) -> Iterator[tuple[ast.AST, ast.stmt]]:
    """Nodes that may be changed, with the innermost statement each is in."""
    if isinstance(node, ast.stmt):
        statement = node
    if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom) or (isinstance(node, ast.keyword) and node.arg == "strict"):
        return
    if statement is not None:
        yield node, statement
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "exc", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, statement)


def _type_only(statement: ast.stmt) -> bool:
    """An alias of types at module level."""
    return isinstance(statement, ast.Assign) and all(
        isinstance(
            one,
            ast.Name
            | ast.Attribute
            | ast.Subscript
            | ast.BinOp
            | ast.BitOr
            | ast.expr_context
            | ast.Tuple
            | ast.List
            | ast.Constant,
        )
        and not (isinstance(one, ast.Constant) and isinstance(one.value, int | float))
        for one in ast.walk(statement.value)
    )


def mutants_of(source: Source) -> list[Mutant]:
    """Every mutant that still compiles, in the order of the text."""
    data, found = source.text.encode(), {}
    for node, statement in _walk(source.tree, None):
        owner, kind = source.owner(statement.lineno)
        if kind == "value" and _type_only(statement):
            continue
        for first, last, new in _edits(source, node):
            changed = data[:first] + new.encode() + data[last:]
            try:
                compile(changed, source.module, "exec")
            except SyntaxError:
                continue
            line = data[:first].count(b"\n") + 1
            text = " ".join(data[source.starts[line - 1] : source.starts[line] - 1].decode().split())
            old = " ".join(data[first:last].decode().split())
            name = f"{text[:90]}  [{first - source.starts[line - 1]}: {old[:40] or '·'} -> {new[:40] or '·'}]"
            if name in found:  # the same text twice: tell them apart by order
                name += f" #{sum(one.startswith(name) for one in found) + 1}"
            found[name] = Mutant(source.module, name, first, _header(statement), owner, kind, changed)
    return list(found.values())
