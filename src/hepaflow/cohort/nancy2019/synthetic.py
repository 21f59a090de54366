"""A made-up cohort of the thesis's shape, to exercise what its public data cannot: no lesion here was ever measured.

What it shares with the thesis: 32 patients, 61 lesions, 29 major and 32 minor responses, 11 / 4 / 17 patients with only major, mixed and only minor lesions, medians and
quartiles of the six ratios by response (Table 3), the 2 x 2 at 0.68 (Table 4), the changes of size (Table 6), counts of sex, T stage and regimen (Table 1). What it invents: how values
go together within a patient, the tails, all sizes in mm, a second reader, follow-up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.sample import Bools, Floats, Ints

#: Lesions and how many of them are major, a patient: Table 1's list with the five lesions that it counts above 61 taken from the largest patients.
PATIENTS: tuple[tuple[int, int], ...] = (
    *((1, 1) for _ in range(7)),
    *((1, 0) for _ in range(14)),
    *((n, n) for n in (2, 2, 3, 5)),
    *((n, 0) for n in (2, 3, 4)),
    *((6, 3), (5, 3), (4, 2), (4, 2)),
)
#: Share of the variance that lesions of a patient have in common, and that parameters of a lesion have in common.
ICC, SHARED = 0.5, 0.7
#: Ratio of BF of the one major lesion above the cut (49 % viable cells, flow "increased") and nearest values allowed on either side of 0.68.
_OUTLIER, _BELOW, _ABOVE = 1.30, 0.66, 0.70
_REGIMENS = (("FOLFOX", 16), ("FOLFIRINOX", 6), ("FOLFOX-bevacizumab", 2), ("FOLFOX-cetuximab", 2), ("other", 6))
#: Log SD between two readers' ratios, and between a ratio and its truth.
_READER_SD, _RATIO_SD = 0.10, 0.15


def cohort(seed: int = 2019) -> dict[str, list[object]]:
    """Columns of the lesion table, one entry a lesion; the same seed gives the same cohort."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(len(PATIENTS)), [n for n, _ in PATIENTS])
    major = np.concatenate([np.arange(n) < high for n, high in PATIENTS])
    columns: dict[str, list[object]] = {
        "patient": [f"S{k + 1:02d}" for k in patient],
        "lesion": [f"lesion-{k + 1}" for n, _ in PATIENTS for k in range(n)],
        "response": ["major" if high else "minor" for high in major],
    }
    ratios = _ratios(patient, major, rng)
    for name, values in ratios.items():
        columns[name] = [round(float(value), 3) for value in values]
    flow = ratios["bf_ratio"]
    columns["bf_ratio_reader_2"] = [round(float(v), 3) for v in flow * np.exp(_READER_SD * rng.standard_normal(len(flow)))]
    chance = stats.norm.cdf((np.log(printed.CUT) - np.log(flow)) / _RATIO_SD)
    columns["probability_major"] = [round(float(value), 4) for value in chance]
    columns |= _sizes(major, rng)
    of_patients = _patients(rng)
    columns |= {name: [values[k] for k in patient] for name, values in of_patients.items()}
    share = np.bincount(patient, major) / np.bincount(patient)
    days, event = _follow_up(share, rng)
    columns["dfs_days"], columns["dfs_event"] = [int(days[k]) for k in patient], [int(event[k]) for k in patient]
    kinds = np.where(share == 1, "only major", np.where(share == 0, "only minor", "both"))
    columns["response_of_patient"] = [str(kinds[k]) for k in patient]
    columns["share_major"] = [round(float(share[k]), 4) for k in patient]
    return columns


def _ratios(patient: Ints, major: Bools, rng: np.random.Generator) -> Mapping[str, Floats]:
    """Order statistics of the printed quartiles, dealt to lesions by ranks that share a patient's and a lesion's part."""
    lesion = np.sqrt(ICC) * rng.standard_normal(patient.max() + 1)[patient] + np.sqrt(1 - ICC) * rng.standard_normal(len(patient))
    made: dict[str, Floats] = {}
    for name, ratio in printed.RATIOS.items():
        sign = 1.0 if ratio.direction == "lower" else -1.0
        latent = sign * np.sqrt(SHARED) * lesion + np.sqrt(1 - SHARED) * rng.standard_normal(len(patient))
        values = np.empty(len(patient))
        for group, quartiles in ((major, ratio.major), (~major, ratio.minor)):
            ordered = _ordered(int(group.sum()), quartiles)
            if name == "bf_ratio":
                ordered = _held_to_table_4(ordered, of_major=group is major)
            values[group] = ordered[stats.rankdata(latent[group]).astype(int) - 1]
        made[name] = values
    return made


def _ordered(n: int, quartiles: tuple[float, float, float]) -> Floats:
    """``n`` increasing values with this median and these quartiles: a normal on the log scale, each half with a width of its own."""
    median, q1, q3 = quartiles
    z = stats.norm.ppf(np.clip(np.arange(n) / (n - 1), 0.4 / n, 1 - 0.4 / n))
    low, high = np.log(median / q1) / stats.norm.ppf(0.75), np.log(q3 / median) / stats.norm.ppf(0.75)
    values = np.asarray(median * np.exp(np.where(z < 0, low, high) * z))
    for share, wanted in ((0.25, q1), (0.5, median), (0.75, q3)):
        # a quartile between two values is their mean, which a curve does not hit
        around = slice(int(np.floor(share * (n - 1))), int(np.ceil(share * (n - 1))) + 1)
        values[around] += wanted - np.quantile(values, share)
    return values


def _held_to_table_4(ordered: Floats, *, of_major: bool) -> Floats:
    if of_major:
        return np.concatenate([np.minimum(ordered[:-1], np.linspace(_BELOW - 0.02, _BELOW, len(ordered) - 1)), [_OUTLIER]])
    return np.concatenate([ordered[:1], np.maximum(ordered[1:], np.linspace(_ABOVE, _ABOVE + 0.02, len(ordered) - 1))])


def _sizes(major: Bools, rng: np.random.Generator) -> dict[str, list[object]]:
    change: list[object] = [None] * len(major)
    for group, name in ((major, "major"), (~major, "minor")):
        listed = rng.permutation([value for response, value, _ in printed.table6() if response == name])
        places = rng.permutation(np.flatnonzero(group))
        for place, value in zip(places, listed, strict=False):
            change[int(place)] = int(value)
    after = np.clip(np.round(rng.lognormal(np.log(26.0), 0.5, len(major))), 15, 90)
    before = [None if c is None else round(float(a) / (1 + int(str(c)) / 100), 1) for c, a in zip(change, after, strict=True)]
    kind = [None if c is None else "smaller" if int(str(c)) <= -30 else "larger" if int(str(c)) >= 20 else "stable" for c in change]
    return {"size_before_mm": list(before), "size_after_mm": [int(a) for a in after], "size_category": list(kind)}


def _patients(rng: np.random.Generator) -> dict[str, list[object]]:
    count = len(PATIENTS)
    age = np.round(rng.permutation(np.clip(_ordered(count, (65.0, 61.5, 71.0)), 47, 89)))
    regimen = [name for name, n in _REGIMENS for _ in range(n)]
    stage = ["T1"] + ["T2"] + ["T3"] * 22 + ["T4"] * 8
    return {
        "age": [int(value) for value in age],
        "sex": [str(value) for value in rng.permutation(["male"] * 21 + ["female"] * 11)],
        "t_stage": [str(value) for value in rng.permutation(stage)],
        "regimen": [str(value) for value in rng.permutation(regimen)],
    }


def _follow_up(share_major: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Invented disease-free days, longer where more lesions responded, ended by study end at the latest."""
    time = rng.exponential(420.0 * np.exp(0.9 * share_major))
    end = rng.uniform(300.0, 1400.0, len(share_major))
    return np.ceil(np.minimum(time, end)).astype(np.intp), (time <= end).astype(np.intp)
