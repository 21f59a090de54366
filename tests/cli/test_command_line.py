from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hepaflow import __version__, cli
from hepaflow.cli import printing
from hepaflow.domain.history import Rule
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Ratio, Region, ResponseCall
from hepaflow.errors import InputRefused, OutputFailed, UsageError
from hepaflow.workflow.plan import Plan
from hepaflow.workflow.threads import cap_threads

HEPAFLOW = [sys.executable, "-c", "from hepaflow.cli import main; main()"]
VERBS = [command.callback.__name__ for command in cli.app.registered_commands if command.callback is not None]
VISITS = "visit,lesion,bf_ratio,bf_ratio_sd\nv1,lesion-1,0.5,0.1\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.app([str(a) for a in arguments], prog_name="hepaflow")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["hepaflow", "--help"]
from hepaflow.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {"numpy", "scipy", "itk", "numba", "matplotlib", "pydicom", "nibabel", "highdicom", "pydantic", "reportlab", "jinja2", "rich"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str, run: Callable[..., Any]) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"Example: hepaflow {verb}" in " ".join(out.split())


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "hepaflow", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"hepaflow {__version__}\n")


def test_the_version(run: Callable[..., Any]) -> None:
    assert run("--version") == (0, f"hepaflow {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("fit",),
        ("fit", "x.csv", "--wrong"),
        ("demo", "--size", "huge"),
        ("demo", "--seed", "-1"),
        ("analyze", "x"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_nothing_on_stdout(arguments: tuple[str, ...], run: Callable[..., Any]) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert "Traceback" not in err
    assert out == "" or arguments == ()


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (UsageError("A-B", "what", "Do this"), 2),
        (InputRefused("A-B", "what", "Do this"), 3),
        (OutputFailed("A-B", "what", "Do this"), 5),
    ],
)
def test_a_refusal_is_one_line(problem: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise problem

    assert cli._run(fails) == code
    assert capsys.readouterr().err == "A-B: what. Do this.\n"


def test_an_unforeseen_error_shows_its_place_but_not_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        return int("CANARY^Jeanne")

    assert cli._run(fails) == 1
    err = capsys.readouterr().err
    assert err.startswith("INTERNAL-ERROR: ValueError in ")
    assert "CANARY" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("problem", "code", "says"), [(KeyboardInterrupt(), 130, "INTERRUPTED"), (MemoryError(), 5, "OUT-OF-MEMORY")]
)
def test_interruption_and_memory(problem: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise problem

    assert cli._run(fails) == code
    assert capsys.readouterr().err.startswith(says)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_130(number: signal.Signals) -> None:
    code = """
import time
from hepaflow import cli
@cli.app.command()
@cli._ending
def wait() -> int:
    print("waiting", flush=True)
    time.sleep(30)
    return 0
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background passes on that it is ignored
sys.argv = ["hepaflow", "wait"]
cli.main()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("visit,lesion,bf_ratio\n" + "".join(f"v1,lesion-{n},1\n" for n in range(3000)))
    process = subprocess.Popen([*HEPAFLOW, "respond", str(tmp_path / "v.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 5
    assert err == b""


def test_respond_prints_one_json_object(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text(VISITS)
    code, out, err = run("respond", tmp_path / "v.csv", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["visits"][0]["lesions"][0]["category"] == "major"
    assert out.count("\n") == 1
    code, out, _ = run("respond", tmp_path / "v.csv")
    assert (code, "major" in out) == (0, True)
    assert run("respond", tmp_path / "v.csv", "--criterion", "x")[0] == 2


@pytest.mark.parametrize("model", ["patlak", "descriptive"])
def test_respond_ends_with_4_for_a_case_whose_model_gives_no_flow(model: str, tmp_path: Path, run: Callable[..., Any]) -> None:
    lesion = {"id": "lesion-1", "longest_axial_diameter_mm": 30.0, "ratio": {}}
    tree = {"schema": 1, "model": model, "lesions": [lesion]}
    (tmp_path / "lesions.json").write_text(json.dumps(tree))
    (tmp_path / "v.csv").write_text("visit,lesion,case\nv1,lesion-1,lesions.json\n")
    code, out, err = run("respond", tmp_path / "v.csv")
    assert code == 4
    assert "not_evaluable" in out
    assert err == f"not estimated: v1, lesion-1: the model {model} gives no blood flow, which nancy2019-bf-ratio reads\n"
    code, out, _ = run("respond", tmp_path / "v.csv", "--json")
    assert code == 4
    assert len(json.loads(out)["not_estimated"]) == 1


@pytest.mark.parametrize(("state", "ratio", "code"), [("measured", "", 4), ("", "", 4), ("absent", "", 0), ("measured", "0.5", 0)])
def test_respond_asks_for_a_ratio_only_where_a_lesion_was_measured(
    state: str, ratio: str, code: int, tmp_path: Path, run: Callable[..., Any]
) -> None:
    (tmp_path / "v.csv").write_text(f"visit,lesion,state,bf_ratio\nv1,lesion-1,{state},{ratio}\n")
    assert run("respond", tmp_path / "v.csv")[0] == code


def test_respond_says_what_is_missing_with_a_model_it_does_not_know(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text("visit,lesion,bf_ratio,model\nv1,lesion-1,,other\n")
    assert run("respond", tmp_path / "v.csv")[::2] == (4, "not estimated: v1, lesion-1: no ratio of blood flow\n")


def test_respond_prints_a_caution_when_models_differ(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text("visit,lesion,bf_ratio,model\nv1,a,0.5,aath\nv2,a,0.9,one-compartment\n")
    _, out, _ = run("respond", tmp_path / "v.csv")
    assert "caution (models-differ)" in out
    assert "model: aath, one-compartment" in out
    assert json.loads(run("respond", tmp_path / "v.csv", "--json")[1])["flags"] == ["models-differ"]
    (tmp_path / "v.csv").write_text("visit,lesion,bf_ratio,model\nv1,a,0.5,aath\nv2,a,0.9,aath\n")
    assert "caution" not in run("respond", tmp_path / "v.csv")[1]


def test_fit_prints_one_json_object(tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    curve = {
        "curve": "liver",
        "model": "aath",
        "parameters": {"bf": {"value": 99.0, "sd": float("nan"), "unit": "mL/min/100 g"}},
        "delays_s": {"arterial": 1.0},
        "r2": 0.9,
        "flags": ["fit-poor"],
    }
    answer = {"schema": 1, "curves": [curve], "flags": []}
    done = SimpleNamespace(unestimated=[])
    monkeypatch.setattr("hepaflow.workflow.fit_file.fit_file", lambda _path, **_options: done)
    monkeypatch.setattr("hepaflow.workflow.fit_file.as_object", lambda _done: answer)
    code, out, err = run("fit", tmp_path / "c.csv", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["curves"][0]["parameters"]["bf"] == {"value": 99.0, "sd": None, "unit": "mL/min/100 g"}
    code, out, _ = run("fit", tmp_path / "c.csv")
    assert code == 0
    assert "99.00" in out
    assert "fit-poor" in out
    curve["parameters"] = {}
    done.unestimated = ["liver"]
    code, out, _ = run("fit", tmp_path / "c.csv")
    assert (code, "liver: aath not fitted" in out) == (4, True)


def write_curves(path: Path) -> Path:
    """A bolus, its portal echo and a tissue, enough for every model."""
    times = np.concatenate([np.arange(0, 30, 2.0), np.arange(48, 160, 20.0)])

    def bolus(at: float, width: float) -> np.ndarray:
        x = np.maximum(times - at, 0) / width
        return x**2 * np.exp(2 * (1 - x))

    columns = [times, 300 * bolus(5, 5) + 60 * bolus(10, 40), 160 * bolus(10, 14) + 60 * bolus(15, 45), 50 * bolus(9, 18)]
    rows = [",".join(f"{v:.6g}" for v in row) for row in zip(*columns, strict=True)]
    path.write_text("time_s,arterial,portal,a liver\n" + "\n".join(rows) + "\n")
    return path


def test_fit_compares_models_and_draws_them(tmp_path: Path, run: Callable[..., Any]) -> None:
    path, folder = write_curves(tmp_path / "c.csv"), tmp_path / "new" / "figures"
    code, out, err = run("fit", path, "--model", "all", "--json", "--plots", folder)
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert found["comparison"][0]["sentence"]
    names = {file.name for file in folder.iterdir()}
    assert names == {"fit-a_liver.svg", "fit-a_liver.png", "agreement.svg", "agreement.png"}
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "fit-a_liver.png").write_bytes(b"older")
    code, out, _ = run("fit", path, "--model", "all", "--plots", folder)
    assert code == 0
    assert found["comparison"][0]["sentence"] in out
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before  # replaced, and the same bytes again


def test_fit_refuses_a_folder_it_cannot_write_before_it_fits(tmp_path: Path, run: Callable[..., Any]) -> None:
    path = write_curves(tmp_path / "c.csv")
    (tmp_path / "file").write_text("")
    code, out, err = run("fit", path, "--plots", tmp_path / "file", "--json")
    assert (code, out) == (5, "")
    assert err.startswith("OUTPUT-FAILED: the folder for plots")
    assert err.count("\n") == 1


def test_fit_refuses_a_missing_file_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run([*HEPAFLOW, "fit", str(tmp_path / "x.csv"), "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "CURVES-MISSING: the given file does not exist. Check the path.\n"


def test_selfcheck_with_cases_prints_the_list(tmp_path: Path, run: Callable[..., Any]) -> None:
    cases = [
        {"id": "1", "criterion": "nancy2019-bf-ratio", "input": {"bf_ratio": 0.5}, "expected": "major"},
        {"id": "2", "criterion": "nancy2019-bf-ratio", "input": {"bf_ratio": 0.9}, "expected": "minor"},
    ]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"meta": {}, "cases": cases}))
    code, out, err = run("selfcheck", "--cases", path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {"id": "1", "expected": "major", "got": "major", "ok": True},
        {"id": "2", "expected": "minor", "got": "minor", "ok": True},
    ]
    cases.append({"id": "3", "criterion": "RECIST1.1", "input": {}, "expected": "PD"})
    path.write_text(json.dumps({"cases": cases}))
    code, out, _ = run("selfcheck", "--cases", path, "--json")
    assert code == 4
    assert json.loads(out)[2] == {"id": "3", "expected": "PD", "got": "unsupported", "ok": False}
    path.write_text("[]")
    assert run("selfcheck", "--cases", path)[0] == 3


def test_selfcheck_fails_when_a_number_is_off(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [{"id": "healthy-bf", "expected": 100.0, "got": 101.0, "tolerance": 5.0, "ok": True}]
    monkeypatch.setattr("hepaflow.workflow.selfcheck.selfcheck", lambda *, progress: checks)
    code, out, _ = run("selfcheck", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    checks[0]["ok"] = False
    code, out, _ = run("selfcheck")
    assert (code, "no" in out) == (4, True)


def finished(missing: list[str]) -> SimpleNamespace:
    """What ``one.analyze`` returns, as far as the command reads it."""
    value = measurement(100.0)
    whole = Region("lesion-1/whole", np.ones((2, 2, 2), bool), "given")
    call = ResponseCall("nancy2019-bf-ratio", 0.68, "minor", 0.001, "whole")
    lesion = LesionResult(
        Lesion("lesion-1", {"whole": whole}, 1.5, 17.0), {"whole": value}, {"bf": Ratio(1.25, 0.04, (1.17, 1.33))}, (call,)
    )
    rule = Rule("length", "warn", "8 s", "220 s", "why", "pourquoi")
    parts = {"lesions": (value, (lesion,)), "summary": ((rule,), ("portal-peak-in-gap",))}
    handles = {name: SimpleNamespace(get=lambda part=part: part) for name, part in parts.items()}
    return SimpleNamespace(plan=Plan(), missing=lambda: missing, compared=None, flags=lambda: parts["summary"][1], **handles)


def measurement(bf: float) -> Measurement:
    return Measurement("healthy", 12, {"bf": Estimate(bf, 2.0)}, {}, np.zeros(3), np.zeros(3), {"arterial": 1.0}, 0.9, 1.0, 1.0)


def test_analyze_shows_the_part_that_was_rated(tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    done = finished([])
    healthy, (lesion,) = done.lesions.get()
    vascular = ResponseCall("nancy2019-bf-ratio", 0.68, "major", 0.99, "vascular", ratio=Ratio(0.44, 0.05, (0.34, 0.55)))
    lesions = (healthy, (replace(lesion, response=(*lesion.response, vascular)),))
    done.lesions = SimpleNamespace(get=lambda: lesions)
    (tmp_path / "study").mkdir()
    monkeypatch.setattr("hepaflow.workflow.one.analyze", lambda *_args, **_options: done)
    _, out, _ = run("analyze", tmp_path / "study", "--out", tmp_path / "case")
    assert "lesion-1 vascular  17      0.44   0.34 to 0.55     major      0.99" in out


@pytest.mark.parametrize(("missing", "code"), [([], 0), (["lesion-1: ratio"], 4)])
def test_analyze_says_what_it_could_not_estimate(
    missing: list[str], code: int, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study").mkdir()
    monkeypatch.setattr("hepaflow.workflow.one.analyze", lambda *_args, **_options: finished(missing))
    found, out, err = run("analyze", tmp_path / "study", "--out", tmp_path / "case")
    assert found == code
    assert "lesion-1" in out
    assert "1.17 to 1.33" in out
    assert out.rstrip().endswith("report.html")
    assert err == "".join(f"not estimated: {line}\n" for line in missing)
    found, out, _ = run("analyze", tmp_path / "study", "--out", tmp_path / "case", "--json")
    assert found == code
    answer = json.loads(out)
    assert answer["not_estimated"] == missing
    assert answer["lesions"][0]["ratio"]["bf"]["value"] == 1.25


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--motion", "fast"), 2),
        (("--model", "best"), 2),
        (("--language", "de"), 2),
        (("--config", "absent.toml"), 2),
        (("--estimation", "quick"), 2),
    ],
)
def test_analyze_refuses_wrong_options_before_it_writes(
    options: tuple[str, str], code: int, tmp_path: Path, run: Callable[..., Any]
) -> None:
    assert run("analyze", tmp_path, "--out", tmp_path / "case", *options)[0] == code
    assert not (tmp_path / "case").exists()


def test_analyze_refuses_to_write_into_the_study(tmp_path: Path, run: Callable[..., Any]) -> None:
    code, _, err = run("analyze", tmp_path, "--out", tmp_path / "case")
    assert code == 2
    assert err.startswith("OUT-INSIDE-STUDY")
    assert str(tmp_path) not in err


def test_analyze_refuses_what_is_not_there(tmp_path: Path, run: Callable[..., Any]) -> None:
    code, out, err = run("analyze", tmp_path / "absent", "--out", tmp_path / "case")
    assert (code, out) == (3, "")
    assert err.startswith("SOURCE-MISSING")


def test_serve_refuses_a_reader_whose_name_no_report_could_show(tmp_path: Path, run: Callable[..., Any]) -> None:
    # a certificate without its key: a server that took the name would not start either
    options = ("--data", tmp_path / "data", "--no-browser", "--certificate", tmp_path / "absent.pem")
    code, out, err = run("serve", "--reader", "肝臓 太郎", *options)
    assert (code, out, err.partition(":")[0]) == (2, "", "READER-LETTERS")
    assert run("serve", "--reader", "Ελένη", *options)[2].partition(":")[0] == "SERVE-TLS"


def test_progress_waits_and_needs_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with printing.progress() as watch:
        assert watch is None
    watch = printing.Watch()
    watch("align", 1, 2)
    watch.close()
    assert capsys.readouterr() == ("", "")


def test_work_that_says_nothing_after_its_first_word_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(printing, "PATIENCE_S", 0.05)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    watch = printing.Watch()
    watch("regions", 0, 0)
    out, err, end = "", "", time.monotonic() + 60.0
    while "regions" not in err:
        assert time.monotonic() < end
        time.sleep(0.05)
        out, err = (before + more for before, more in zip((out, err), capsys.readouterr(), strict=True))
    watch("maps", 1, 4)
    watch.close()
    out, err = (before + more for before, more in zip((out, err), capsys.readouterr(), strict=True))
    assert out == ""
    assert "maps" in err
    assert "25%" in err


def test_threads_are_capped_but_a_users_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    for name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    cap_threads()
    assert os.environ["NUMBA_NUM_THREADS"] == "7"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert 1 <= int(os.environ["OMP_NUM_THREADS"]) <= (os.cpu_count() or 1)
