"""How many small faults in a room its tests notice: mutation testing on a fixed sample of each module.

    python benchmarks/mutation.py [--room kinetics] [--modules aath patlak] [--sample 20] [--seed 0] [--budget 10] [--work DIR] [--retry]

A mutant is the module with one change (``mutants.py`` lists the kinds). It lives in a copy of the tree under ``--work`` and meets the tests
that ran the changed statement, the quickest first, up to ``--budget`` seconds of their usual time: a test left out can only kill more. A
test that fails, or runs far longer than usual, kills it. Which test runs which lines is traced once for each test file. Results are kept in
``--work``: a second run goes on where the first stopped, and ``--retry`` tries survivors again, with tests that were added.

Survivors are printed; ``mutants_equivalent.json`` holds those judged by hand to compute the same, with the reason. They stay in the table,
in a column of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from mutants import Mutant, Source, mutants_of
from traced_tests import Tracer, forked, run_tests

ROOT = Path(__file__).parents[1]
PACKAGES = Path("src/hepaflow")
#: The tests of every room that is measured.
TESTS = {
    "kinetics": (
        "tests/kinetics",
        "tests/workflow/test_fit_file.py",
        "tests/docs/test_model_pages.py",
        "tests/docs/test_quoted_numbers.py",
    ),
    "response": ("tests/response", "tests/workflow/test_visits.py"),
    "pathology": ("tests/pathology",),
    "therapy": ("tests/therapy",),
    "cohort": ("tests/cohort",),
    "cohort/nancy2019": ("tests/cohort/nancy2019",),
}
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.json")
#: Longest time of a mutant: this many times what its tests usually take, a start, and compiling where it needs that.
SLOWER, START_S, COMPILE_S = 5.0, 15.0, 60.0


def digest(*paths: Path) -> str:
    """Of the files' bytes."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def traced(tree: Path, work: Path, room: str) -> dict[str, dict[str, Any]]:
    """Tests with their time and lines; only test files that changed are run again."""
    kept_at = work / "traced.json"
    kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}
    files = [
        path
        for name in TESTS[room]
        for path in ([tree / name] if name.endswith(".py") else sorted((tree / name).glob("test_*.py")))
    ]
    found: dict[str, dict[str, Any]] = {}
    for path in files:
        shared = [*sorted((tree / PACKAGES / room).glob("*.py")), *sorted(path.parent.glob("*_for_tests.py"))]
        key, name = digest(path, *shared), str(path.relative_to(tree))
        if kept.get(name, {}).get("key") != key:
            print(f"tracing {name}", flush=True)

            def trace(name: str = name, key: str = key) -> int:
                plugin = Tracer(tree / PACKAGES / room)
                status = run_tests([name], [plugin])
                tests = {test: one | {"passed": test in plugin.passed} for test, one in plugin.tests.items()}
                (work / "part.json").write_text(json.dumps({"key": key, "tests": tests}))
                return status

            status = forked(tree, work / "numba", 3600, trace)
            if status != 0:
                sys.exit(f"{name} fails without any mutant (exit {status}), see {work / 'last.log'}")
            kept[name] = json.loads((work / "part.json").read_text())
            kept_at.write_text(json.dumps(kept))
        found |= {test: one for test, one in kept[name]["tests"].items() if one["passed"]}
    return found


def statements_using(sources: dict[str, Source], names: set[str]) -> tuple[set[str], set[str], set[str]]:
    """Lines (module:line) of interpreted functions that mention one of the names, by way of compiled functions and other constants too, the
    modules whose compiled functions do, and all names on the way.
    """
    lines: set[str] = set()
    compiled: set[str] = set()
    todo, done = names, set()
    while todo:
        done |= todo
        pattern, todo = re.compile(rf"\b({'|'.join(map(re.escape, todo))})\b"), set()
        for module, source in sources.items():
            for number, text in enumerate(source.text.splitlines(), 1):
                if not pattern.search(text):
                    continue
                owner, kind = source.owner(number)
                if kind == "function":
                    lines.add(f"{module}:{number}")
                elif owner:
                    compiled |= {module} if kind == "compiled" else set()
                    todo |= set(owner) - done
    return lines, compiled, done


def tests_for(
    mutant: Mutant, sources: dict[str, Source], tests: dict[str, dict[str, Any]], *, tree: Path, budget_s: float
) -> tuple[list[str], float, set[str]]:
    """Tests to try, quickest first, with their usual time, and the modules to compile anew."""
    compiled: set[str] = set()
    named = re.compile("(?!)")
    if mutant.kind == "function":
        wanted = {f"{mutant.module}:{line}" for line in mutant.lines}
    else:
        wanted, compiled, names = statements_using(sources, set(mutant.owner))
        own = sources[mutant.module]
        wanted |= {f"{mutant.module}:{n}" for n in range(1, len(own.starts)) if own.owner(n)[1] == "function"}
        named = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")  # a test may read a constant and run nothing
        if mutant.kind == "compiled":
            compiled.add(mutant.module)
    files = {test.split("::")[0] for test in tests}
    telling = {name for name in files if named.search((tree / name).read_text())}
    near = sorted(
        (one["s"], test) for test, one in tests.items() if test.split("::")[0] in telling or not wanted.isdisjoint(one["lines"])
    )
    chosen, total = [], 0.0
    for seconds, test in near:
        if chosen and total + seconds > budget_s:
            break
        chosen.append(test)
        total += seconds
    return chosen, total, compiled


def outcome(package: Path, work: Path, mutant: Mutant, chosen: list[str], total_s: float, compiled: set[str]) -> str:
    """``killed``, ``timeout``, ``survived`` or ``untested``."""
    if not chosen:
        return "untested"
    tree, path = work / "tree", package / f"{mutant.module}.py"
    touched = {path, *(package / f"{module}.py" for module in compiled)}
    before = {one: (one.read_bytes(), one.stat().st_mtime_ns) for one in touched}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        cache = work / "numba"
        if compiled:  # compiled code is kept by its file's time: new times, in a cache of its own
            cache = Path(shutil.copytree(cache, Path(folder) / "numba"))
        try:
            for one in touched:
                one.write_bytes(before[one][0])
            path.write_bytes(mutant.changed)
            status = forked(tree, cache, START_S + bool(compiled) * COMPILE_S + SLOWER * total_s, lambda: run_tests(chosen))
        finally:
            for one, (data, changed_ns) in before.items():
                one.write_bytes(data)
                os.utime(one, ns=(changed_ns, changed_ns))
    return {None: "timeout", 0: "survived", int(pytest.ExitCode.NO_TESTS_COLLECTED): "untested"}.get(status, "killed")


def measure(options: argparse.Namespace, work: Path) -> dict[str, dict[str, str]]:
    """Outcome of every sampled mutant by module."""
    tree = work / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("src", "tests", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    shutil.copy2(ROOT / "pyproject.toml", tree)
    package = tree / PACKAGES / options.room
    tests = traced(tree, work, options.room)
    sources = {path.stem: Source.of(path) for path in sorted(package.glob("*.py")) if path.stem != "__init__"}
    kept_at = work / "results.json"
    kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}
    found: dict[str, dict[str, str]] = {}
    for module in options.modules or list(sources):
        every = mutants_of(sources[module])
        sample = random.Random(f"{options.seed} {module}").sample(every, min(options.sample, len(every)))
        results = kept.setdefault(f"{module} {digest(package / f'{module}.py')}", {})
        found[module] = {}
        for mutant in sorted(sample, key=lambda one: one.start):
            again = options.retry and results.get(mutant.name) in ("survived", "untested")
            if mutant.name not in results or again:
                chosen, total, compiled = tests_for(mutant, sources, tests, tree=tree, budget_s=options.budget)
                results[mutant.name] = outcome(package, work, mutant, chosen, total, compiled)
                kept_at.write_text(json.dumps(kept, indent=1))
            found[module][mutant.name] = results[mutant.name]
        lost = [name for name, result in found[module].items() if result in ("survived", "untested")]
        print(
            f"{module}: {len(sample) - len(lost)} of {len(sample)}",
            *(f"  {found[module][name]} {name}" for name in lost),
            sep="\n",
            flush=True,
        )
    return found


def table(found: dict[str, dict[str, str]]) -> str:
    """By module: mutants sampled, killed, survived, judged equivalent, in Markdown."""
    equivalent = json.loads(EQUIVALENT.read_text())
    rows, whole = [], [0, 0, 0, 0]
    for module, results in found.items():
        alive = {name for name, result in results.items() if result in ("survived", "untested")}
        same = {name for name in alive if name in equivalent.get(module, {})}
        row = [len(results), len(results) - len(alive), len(alive) - len(same), len(same)]
        rows.append([module, *row])
        whole = [a + b for a, b in zip(whole, row, strict=True)]
    rows.append(["all", *whole])
    lines = [
        "| module | sampled | killed | survived | of these equivalent | killed, share |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, sampled, killed, alive, same in rows:
        lines.append(f"| {name} | {sampled} | {killed} | {alive + same} | {same} | {100 * killed / max(sampled, 1):.0f} % |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", choices=sorted(TESTS), default="kinetics")
    parser.add_argument("--modules", nargs="*")
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, default=10.0)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "hepaflow-mutation")
    parser.add_argument("--retry", action="store_true")
    options = parser.parse_args()
    work = options.work.resolve() / options.room
    if work.is_relative_to(ROOT):
        parser.error("--work must lie outside the repository")
    (work / "numba").mkdir(parents=True, exist_ok=True)
    print(table(measure(options, work)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
