from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.synthetic import PATIENTS, _ordered, cohort


@pytest.fixture(scope="module")
def made() -> dict[str, list[object]]:
    return cohort()


def column(made: dict[str, list[object]], name: str) -> np.ndarray:
    return np.array(made[name], float)


def major(made: dict[str, list[object]]) -> np.ndarray:
    return np.array([one == "major" for one in made["response"]])


def test_patients_and_lesions_are_as_many_as_in_the_thesis(made: dict[str, list[object]]) -> None:
    assert {len(values) for values in made.values()} == {61}
    assert (len(set(made["patient"])), int(major(made).sum())) == (32, 29)
    of = {p: [r for q, r in zip(made["patient"], made["response"], strict=True) if q == p] for p in made["patient"]}
    kinds = Counter("both" if len(set(one)) == 2 else f"only {one[0]}" for one in of.values())
    assert kinds == {"only major": 11, "both": 4, "only minor": 17}
    assert len(set(zip(made["patient"], made["lesion"], strict=True))) == 61
    for patient, kind, share in zip(made["patient"], made["response_of_patient"], made["share_major"], strict=True):
        own = of[patient]
        assert kind == ("both" if len(set(own)) == 2 else f"only {own[0]}")
        assert share == pytest.approx(own.count("major") / len(own), abs=5e-5)
    sizes = sorted((n for n, _ in PATIENTS), reverse=True)
    table_1 = sorted((n for n, (k, _) in printed.LESIONS_BY_PATIENT.items() for _ in range(k)), reverse=True)
    assert sum(table_1) - sum(sizes) == 5
    assert all(0 <= theirs - ours <= 1 for ours, theirs in zip(sizes, table_1, strict=True))


@pytest.mark.parametrize("seed", [2019, 1])
@pytest.mark.parametrize("name", list(printed.RATIOS))
def test_medians_and_quartiles_are_those_of_table_3(name: str, seed: int) -> None:
    made = cohort(seed)
    values, high = column(made, name), major(made)
    assert (values > 0).all()
    for group, (median, q1, q3) in ((high, printed.RATIOS[name].major), (~high, printed.RATIOS[name].minor)):
        assert np.quantile(values[group], [0.5, 0.25, 0.75]) == pytest.approx([median, q1, q3], abs=1e-3)


@pytest.mark.parametrize("seed", [2019, 1, 2])
def test_the_2_by_2_at_0_68_is_that_of_table_4(seed: int) -> None:
    made = cohort(seed)
    below, high = column(made, "bf_ratio") < printed.CUT, major(made)
    assert (int((below & high).sum()), int((below & ~high).sum())) == (28, 1)
    near = column(made, "bf_ratio")
    assert not ((near > 0.66) & (near < 0.70)).any()
    assert sorted(near[high])[-1] == 1.3


def test_changes_of_size_are_those_of_table_6(made: dict[str, list[object]]) -> None:
    category = {"PD": "larger", "SD": "stable", "PR": "smaller"}
    high, seen = major(made), []
    before, after = made["size_before_mm"], made["size_after_mm"]
    for response, b, a, kind in zip(made["response"], before, after, made["size_category"], strict=True):
        assert 15 <= a <= 90  # type: ignore[operator]
        if b is None:
            assert (response, kind) == ("major", None)
            continue
        seen.append((response, round(100 * (a - b) / b), kind))  # type: ignore[operator]
        assert a == round(a)  # type: ignore[call-overload]
    assert len(seen) == 57
    assert sum(high) - sum(one == "major" for one, _, _ in seen) == printed.WITHOUT_BASELINE
    wanted = Counter((response, category[kind]) for response, _, kind in printed.table6())
    assert Counter((response, kind) for response, _, kind in seen) == wanted
    # sizes before are rounded to 0.1 mm, so the change moves by less than a per cent or two
    for one, other in zip(sorted(seen), sorted((r, c, category[k]) for r, c, k in printed.table6()), strict=True):
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], abs=2)


def test_patients_of_table_1(made: dict[str, list[object]]) -> None:
    of_patient = dict(
        zip(made["patient"], zip(made["sex"], made["t_stage"], made["regimen"], made["age"], strict=True), strict=True)
    )
    assert len(of_patient) == 32
    for key, values in zip(
        made["patient"], zip(made["sex"], made["t_stage"], made["regimen"], made["age"], strict=True), strict=True
    ):
        assert of_patient[key] == values  # one patient, one set of figures
    sex, stage, regimen, age = (Counter(column) for column in zip(*of_patient.values(), strict=True))
    assert sex == {"male": 21, "female": 11}
    assert stage == {"T1": 1, "T2": 1, "T3": 22, "T4": 8}
    assert regimen == {"FOLFOX": 16, "FOLFIRINOX": 6, "FOLFOX-bevacizumab": 2, "FOLFOX-cetuximab": 2, "other": 6}
    assert sorted(age.elements())[0] >= 47
    assert sorted(age.elements())[-1] <= 89


def test_what_is_invented_is_plausible(made: dict[str, list[object]]) -> None:
    days, event, chance = column(made, "dfs_days"), column(made, "dfs_event"), column(made, "probability_major")
    assert (days > 0).all()
    assert (days <= 1400).all()
    assert set(event.tolist()) == {0.0, 1.0}
    assert ((chance >= 0) & (chance <= 1)).all()
    flow = column(made, "bf_ratio")
    assert np.all(np.diff(chance[np.argsort(flow)]) <= 0)  # the less flow, the surer
    assert ((chance > 0.5) == (flow < printed.CUT)).all()
    off = np.log(column(made, "bf_ratio_reader_2") / flow)
    assert 0.07 < off.std() < 0.13
    assert abs(off.mean()) < 0.05


def test_parameters_of_a_lesion_go_together(made: dict[str, list[object]]) -> None:
    """Within each response, blood flow and volume rise together, flow and transit time do not."""
    for group in (major(made), ~major(made)):
        flow = column(made, "bf_ratio")[group]
        assert np.corrcoef(flow, column(made, "bv_ratio")[group])[0, 1] > 0.3
        assert np.corrcoef(flow, column(made, "total_mtt_ratio")[group])[0, 1] < -0.2


def test_lesions_of_a_patient_are_alike() -> None:
    """Over many cohorts: ranks of blood flow within a response vary less within patients than between."""
    inside, between = [], []
    for seed in range(20):
        made = cohort(seed)
        names = np.array(made["patient"])
        for group in (major(made), ~major(made)):
            ranks = np.argsort(np.argsort(column(made, "bv_ratio")[group])) / group.sum()
            of = names[group]
            apart = np.abs(ranks[:, None] - ranks[None, :])
            same = of[:, None] == of[None, :]
            inside.append(apart[same & ~np.eye(len(of), dtype=bool)].mean())
            between.append(apart[~same].mean())
    assert np.mean(inside) < 0.85 * np.mean(between)


def test_the_same_seed_gives_the_same_cohort_and_another_one_another() -> None:
    assert cohort(5) == cohort(5)
    assert cohort(5)["bf_ratio"] != cohort(6)["bf_ratio"]
    assert cohort() == cohort(2019)


@pytest.mark.parametrize("n", [20, 29, 32])
def test_ordered_values_meet_their_quartiles(n: int) -> None:
    values = _ordered(n, (1.2, 0.8, 2.0))
    assert np.quantile(values, [0.5, 0.25, 0.75]) == pytest.approx([1.2, 0.8, 2.0])
    assert (np.diff(values) > 0).all()
    assert len(values) == n
