from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import doc_pages as pages
import pytest
import typer

from hepaflow.cli import app
from hepaflow.workflow import plan

GROUP = typer.main.get_command(app)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", pages.prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(pages.prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} does not exist"
        assert there.is_relative_to(pages.ROOT), f"{target} leads out of the project"
        if anchor:
            assert anchor in anchors(there), f"{target} has no such heading"


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_commands_exist_with_their_options(page):
    for line in pages.commands(page):
        words = line
        if words[0] in {"--help", "--version"}:
            continue
        assert words[0] in GROUP.commands, f"hepaflow {words[0]} does not exist"
        command = GROUP.commands[words[0]]
        while hasattr(command, "commands") and len(words) > 1:
            words = words[1:]
            assert words[0] in command.commands, f"hepaflow {' '.join(words)} does not exist"
            command = command.commands[words[0]]
        options = {opt: p for p in command.params for opt in p.opts if opt.startswith("--")}
        given = [word for word in words[1:] if word.startswith("--") and word != "--help"]
        assert set(given) <= set(options), f"hepaflow {' '.join(words)}: {sorted(set(given) - set(options))}"
        if len(words) == 1 or "--help" in words:  # named, not shown
            continue
        free, rest = 0, iter(words[1:])
        for word in rest:
            if not word.startswith("--"):
                free += 1
            elif word in options and not options[word].is_flag:
                assert next(rest, None) is not None, f"{word} lacks its value"
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        needed = sum(p.required for p in arguments)
        assert needed <= free <= len(arguments), (
            f"hepaflow {' '.join(words)}: {free} arguments instead of {needed} to {len(arguments)}"
        )


def test_the_commands_test_sees_commands():
    assert ["analyze", "study/dicom", "--out", "case", "--rois", "study/rois.nii.gz"] in pages.commands(pages.ROOT / "README.md")


def test_every_command_of_the_program_is_in_the_readme():
    named = {words[0] for words in pages.commands(pages.ROOT / "README.md")}
    assert set(GROUP.commands) <= named


@pytest.mark.parametrize("page", ["cli.md", "flags.md", "errors.md"])
def test_generated_pages_are_in_step_with_the_code(page):
    made = subprocess.run(
        [sys.executable, "-c", f"import generate; print(generate.PAGES[{page!r}](), end='')"],
        cwd=pages.ROOT / "docs",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = (pages.ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert kept == made, f"run: python docs/generate.py (docs/reference/{page} is not what the code says)"


def test_every_error_code_reads_as_one():
    rows = (pages.ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8").splitlines()
    codes = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert {"HEADER-MISSING", "STUDY-EMPTY"} <= codes
    assert [code for code in codes if not re.fullmatch(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+", code)] == []


def test_every_page_is_reachable_from_the_index():
    index = pages.ROOT / "docs" / "index.md"
    seen, todo = set(), [index]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        links = (t.partition("#")[0] for t in LINK.findall(pages.prose(page)) if not re.match(r"[a-z]+:", t))
        todo += [(page.parent / t).resolve() for t in links if t.endswith(".md")]
    missing = [pages.name(page) for page in pages.PAGES if page not in seen]
    assert not missing, f"not linked from docs/index.md or the pages it links: {missing}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [p for p in pages.PAGES if "tutorial" not in p.parts and any(b.kind == "python" for b in pages.blocks(p))],
    ids=pages.name,
)
def test_python_examples_run(page, tmp_path):
    code = "\n".join(block.text for block in pages.blocks(page) if block.kind == "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_configuration_page_shows_every_key_and_is_accepted(tmp_path):
    page = pages.ROOT / "docs" / "how-to" / "configure.md"
    text = next(block.text for block in pages.blocks(page) if block.kind == "toml")
    (tmp_path / "shown.toml").write_text(text, encoding="utf-8")
    assert plan.load(tmp_path / "shown.toml") == plan.Plan()  # what is shown as a default is the default
    whole = re.sub(r"^# ", "", text, flags=re.MULTILINE).replace(
        'method = "deformable"', 'method = "manual"'
    )  # shifts go with it alone
    (tmp_path / "all.toml").write_text(whole, encoding="utf-8")
    every = plan.load(tmp_path / "all.toml")
    assert every.model_fields_set == set(plan.Plan.model_fields)
    assert every.motion.model_fields_set == set(plan.MotionPlan.model_fields)
    assert every.denoise.model_fields_set == set(plan.DenoisePlan.model_fields)
    assert every.response.model_fields_set == set(plan.ResponsePlan.model_fields)


def test_decisions_are_all_listed_once():
    folder = pages.ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(p.name for p in folder.glob("0*.md"))
    for name in listed:
        text = (folder / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {int(name[:4])}. ")
