"""Finds every error that the source can raise, with its code, by reading the source (nothing is run).

A code may be a literal, a module constant in an f-string (``f"{CODE}-ROW"``) or an argument of the function that raises
(``f"{code}-MISSING"``); the last is followed to every caller. An inner exception that carries a code (``Damaged("FILE-BOMB", ...)``, later
raised again as ``InputRefused(damage.code, ...)``) counts as a refusal.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXITS = {"InputRefused": 3, "UsageError": 2, "OutputFailed": 5, "NotThere": 3, "Conflict": 3, "Forbidden": 3, "Refused": 3}
#: Methods that make a refusal of ``code, what, advice``: their calls are read in place of the one inside them.
MAKERS = {"refuse": 3}


@dataclass(frozen=True, slots=True, order=True)
class Raised:
    """One kind of error: code, exit code, what it says and advises; ``...`` for what is filled in at run time."""

    code: str
    exit_code: int
    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Module:
    """A file, read once: its texts by name, its functions, and its calls with the innermost function around each."""

    tree: ast.Module
    constants: dict[str, str]
    functions: tuple[ast.FunctionDef, ...]
    calls: tuple[tuple[ast.FunctionDef | None, ast.Call], ...]


def raised(root: Path) -> list[Raised]:
    """Every error under ``root``, sorted by code; ValueError for a code that cannot be resolved."""
    modules = [_module(path) for path in sorted(root.rglob("*.py"))]
    found: set[Raised] = set()
    carriers = {name for module in modules for name in _carriers(module.tree)}
    for module in modules:
        for function, call in module.calls:
            name = _called(call)
            if name in carriers and call.args:
                found |= {
                    Raised(code, 3, _template(call.args[1], module), "as the printed line says")
                    for code in _texts(call.args[0], function, module, modules)
                }
            if name in MAKERS and len(call.args) >= 2:
                advice = _template(call.args[2], module) if len(call.args) > 2 else _default(name, "advice", modules)
                codes = _texts(call.args[0], function, module, modules)
                found |= {Raised(code, MAKERS[name], _template(call.args[1], module), advice) for code in codes}
            if name not in EXITS or len(call.args) < 3 or ast.unparse(call.args[0]).endswith(".code"):
                continue
            if function is not None and function.name in MAKERS:
                continue
            codes = _texts(call.args[0], function, module, modules)
            if not codes:
                raise ValueError(
                    f"cannot tell the code of an error in {function.name if function else 'a module'}, line {call.lineno}: {ast.unparse(call.args[0])}"
                )
            what, advice = (_template(argument, module) for argument in call.args[1:3])
            found |= {Raised(code, EXITS[name], what, advice) for code in codes}
    return sorted(found)


def _module(path: Path) -> _Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    functions = tuple(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return _Module(tree, constants, functions, tuple(_calls(tree)))


def _carriers(tree: ast.Module) -> set[str]:
    """Names of exception classes that hold a code until it is raised as a refusal."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(parent, ast.Name) and parent.id in {"Exception", "ValueError"} for parent in node.bases)
        and any("self.code" in ast.unparse(statement) for statement in node.body)
        and node.name != "HepaflowError"
    }


def _default(function: str, parameter: str, modules: list[_Module]) -> str:
    """The text that a parameter takes when it is not given; ValueError when it has none."""
    for module in modules:
        for node in module.functions:
            if node.name == function and node.args.defaults:
                places = [a.arg for a in node.args.args][-len(node.args.defaults) :]
                if parameter in places:
                    return _template(node.args.defaults[places.index(parameter)], module)
    raise ValueError(f"{function} has no default for {parameter}")


def _calls(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call with the innermost function around it."""

    def walk(node: ast.AST, function: ast.FunctionDef | None) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
        if isinstance(node, ast.FunctionDef):
            function = node
        if isinstance(node, ast.Call):
            yield function, node
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    return walk(tree, None)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _texts(node: ast.expr, function: ast.FunctionDef | None, module: _Module, modules: list[_Module]) -> set[str]:
    """Every text the expression can be."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.IfExp):
        return _texts(node.body, function, module, modules) | _texts(node.orelse, function, module, modules)
    if isinstance(node, ast.JoinedStr):
        parts = [
            _texts(part.value if isinstance(part, ast.FormattedValue) else part, function, module, modules) for part in node.values
        ]
        return {"".join(pieces) for pieces in itertools.product(*parts)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "upper":
        return {text.upper() for text in _texts(node.func.value, function, module, modules)}
    if isinstance(node, ast.Name):
        if node.id in module.constants:
            return {module.constants[node.id]}
        if function is not None:
            local = [
                s.value
                for s in ast.walk(function)
                if isinstance(s, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in s.targets)
            ]
            assigned = {text for value in local for text in _texts(value, function, module, modules)}
            return assigned or _arguments(function, node.id, modules)
    return set()


def _arguments(function: ast.FunctionDef, parameter: str, modules: list[_Module]) -> set[str]:
    """Every text that callers of ``function`` give for ``parameter``."""
    places = [a.arg for a in function.args.args]
    found: set[str] = set()
    for module in modules:
        for around, call in module.calls:
            if _called(call) != function.name or around is function:
                continue
            given = next((k.value for k in call.keywords if k.arg == parameter), None)
            at = places.index(parameter) if parameter in places else len(call.args)
            if given is None and at < len(call.args):
                given = call.args[at]
            if given is not None:
                found |= _texts(given, around, module, modules)
    return found


def _template(node: ast.expr, module: _Module) -> str:
    """The text with ``...`` for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return module.constants.get(node.id, "...")
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left, module) + _template(node.right, module)
    if isinstance(node, ast.IfExp):
        return _template(node.body, module)
    return "..."
