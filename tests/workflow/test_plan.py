from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from hepaflow.curves.inputs import plasma
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.errors import UsageError
from hepaflow.workflow.plan import Plan, load

FULL = """
model = "one-compartment"
density_g_ml = 1.06
haematocrit = 0.42
baseline_passes = 3
language = "fr"
save_displacements = true
[motion]
method = "rigid"
reference = 4
[denoise]
method = "tips"
radius_mm = 7.5
[response]
threshold = 0.7
"""


def test_everything_in_the_file_arrives(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(FULL)
    plan = load(tmp_path / "plan.toml")
    assert (plan.model, plan.density_g_ml, plan.haematocrit, plan.baseline_passes) == ("one-compartment", 1.06, 0.42, 3)
    assert (plan.language, plan.save_displacements) == ("fr", True)
    assert (plan.motion.method, plan.motion.reference, plan.response.threshold) == ("rigid", 4, 0.7)
    assert (plan.denoise.method, plan.denoise.radius_mm, plan.denoise.strength) == ("tips", 7.5, 3.0)


def test_the_command_line_goes_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(FULL)
    plan = load(tmp_path / "plan.toml", model="aath", motion__method="none", language=None)
    assert (plan.model, plan.motion.method, plan.motion.reference, plan.language) == ("aath", "none", 4, "fr")


def test_the_estimation_of_maps_is_chosen_where_there_is_a_choice(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('estimation = "exact"')
    assert load(tmp_path / "plan.toml").estimation == "exact"
    assert load(tmp_path / "plan.toml", estimation="posterior").estimation == "posterior"
    with pytest.raises(UsageError, match="patlak is read directly"):
        load(tmp_path / "plan.toml", model="patlak")


def test_without_anything_the_defaults_hold() -> None:
    assert load(None) == Plan()
    assert Plan().density_g_ml == 1.05
    assert Plan().haematocrit is None
    assert Plan().denoise.method == "none"


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("modle = 'aath'", "CONFIG-UNKNOWN-KEY", "modle"),
        ("[motion]\nspeed = 1", "CONFIG-UNKNOWN-KEY", "motion.speed"),
        ("model = 'best'", "CONFIG-INVALID", "aath"),
        ("density_g_ml = 0", "CONFIG-INVALID", "density_g_ml"),
        ("density_g_ml = nan", "CONFIG-INVALID", "density_g_ml"),
        ("haematocrit = 45", "CONFIG-INVALID", "haematocrit"),
        ("[motion]\nreference = -1", "CONFIG-INVALID", "motion.reference"),
        ("[response]\ncriterion = 'x'", "CONFIG-INVALID", "nancy2019-bf-ratio"),
        ("[denoise]\nmethod = 'best'", "CONFIG-INVALID", "denoise.method"),
        ("[denoise]\nradius_mm = 0", "CONFIG-INVALID", "denoise.radius_mm"),
        ("[denoise]\nradius_mm = 16", "CONFIG-INVALID", "denoise.radius_mm"),
        ("[denoise]\nstrength = 11", "CONFIG-INVALID", "denoise.strength"),
        ("motion = 'rigid'", "CONFIG-INVALID", "motion"),
        ("model = ", "CONFIG-UNREADABLE", "TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, code: str, names: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(UsageError, match=rf"^{code}: .*{names}"):
        load(tmp_path / "plan.toml")


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("motion = 'rigid'")
    with pytest.raises(UsageError, match=r"^CONFIG-INVALID"):
        load(tmp_path / "plan.toml", motion__method="none")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^CONFIG-UNREADABLE"):
        load(tmp_path / "absent.toml")


def test_a_plan_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Plan().model = "x"  # type: ignore[misc]


def test_haematocrit_makes_plasma_of_blood() -> None:
    times = np.arange(5.0)
    curve = TimeCurve("arterial", times, times)
    blood = Inputs(curve, None, times, times, None, np.ones((1, 2, 5)), 1, "linear")
    found = plasma(blood, 0.4)
    np.testing.assert_allclose(found.dense_arterial * 0.6, times, rtol=1e-15)  # one rounding
    np.testing.assert_allclose(found.modes * 0.6, 1.0, rtol=1e-15)
    assert found.dense_portal is None
    assert found.arterial is curve


def test_choices_that_do_not_go_together_are_refused_without_an_empty_key() -> None:
    with pytest.raises(UsageError) as refused:
        load(None, model="deconvolution", estimation="exact")
    assert refused.value.what == "deconvolution is read directly and has no exact fit: leave estimation out"
