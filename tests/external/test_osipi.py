"""The two-compartment reference curves of the OSIPI collection: one input, 5 s late, flows far below those of the liver."""

from __future__ import annotations

import numpy as np
import pytest
from fitted_columns import fit_columns
from reference_files import cases

pytestmark = [pytest.mark.external, pytest.mark.slow]
#: What the collection tolerates: flow in mL/100 mL/min, PS per min, volumes as fractions, delay in s; absolute and relative part.
TOLERATED = {"fp": (5.0, 0.1), "ps": (0.005, 0.1), "ve": (0.05, 0.0), "vp": (0.025, 0.0), "delay": (1.0, 0.0)}
#: mM to numbers of the size of HU.
UNIT = 25.0


def test_two_compartment_curves(reference):
    found = cases(reference / "osipi" / "2cxm_sd_0.001_delay_5.csv")
    assert len(found) == 24
    shares = {name: [] for name in TOLERATED}
    for case in found:
        times, artery, tissue = (case[name] for name in ("t", "cp_aif", "C_t"))
        _, (measured,) = fit_columns(times, UNIT * artery, None, {"t": UNIT * tissue}, model="two-compartment", density_g_ml=1.0)
        value = {key: estimate.value for key, estimate in measured.parameters.items()}
        got = {"fp": value["bf"], "ps": value["ps"] / 100, "ve": value["ve"] / 100, "vp": value["bv"] / 100}
        got["delay"] = measured.delays_s["arterial"]
        for name, (absolute, relative) in TOLERATED.items():
            truth = case["arterial_delay" if name == "delay" else name]
            shares[name].append(abs(got[name] - truth) / (absolute + relative * truth))
    for name, share in shares.items():
        assert max(share) < 1.0, f"{name}: a case outside the collection's tolerance"
    # measured; what is missing are slow flows, where the noise leaves PS and the volumes that loose
    fifth = {name: float((np.array(share) < 0.2).mean()) for name, share in shares.items()}
    least = {"fp": 23, "ps": 21, "ve": 21, "vp": 20, "delay": 24}
    assert {name: fifth[name] >= least[name] / 24 for name in least} == dict.fromkeys(least, True), fifth
