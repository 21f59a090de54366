"""Names of therapies, their families, and what alters the portal supply."""

from __future__ import annotations

from datetime import date

import pytest

from hepaflow.domain.quality import FLAGS
from hepaflow.errors import InputRefused
from hepaflow.therapy.vocabulary import ENDPOINTS, FAMILIES, NAMES, PORTAL, Event, Family, Therapy, flags

DAY = date(2024, 4, 22)


def test_every_therapy_has_a_name_in_both_languages_a_family_and_an_endpoint() -> None:
    for therapy in Therapy:
        assert NAMES[therapy].en
        assert NAMES[therapy].fr
        assert ENDPOINTS[FAMILIES[therapy]].en
        assert ENDPOINTS[FAMILIES[therapy]].fr
    assert {therapy for therapy in Therapy if FAMILIES[therapy] is Family.ABLATION} == {
        "rfa",
        "microwave",
        "cryoablation",
        "electroporation",
    }
    assert {therapy for therapy in Therapy if FAMILIES[therapy] is Family.INTRA_ARTERIAL} == {"haic", "sirt", "tace"}
    assert {"two_stage_hepatectomy", "portal_vein_embolization", "alpps"} == PORTAL
    assert len({name.en for name in NAMES.values()}) == len(Therapy) == 11


@pytest.mark.parametrize(("therapy", "scan", "flagged"), [
    (Therapy.ALPPS, DAY, True),
    (Therapy.PORTAL_EMBOLIZATION, date(2024, 4, 21), False),
    (Therapy.TWO_STAGE, None, True),
    (Therapy.RESECTION, DAY, False),
])  # fmt: skip
def test_portal_interventions_before_the_scan_are_flagged(therapy: Therapy, scan: date | None, flagged: bool) -> None:
    assert flags([Event(Therapy.RESECTION, DAY), Event(therapy, DAY)], scan) == (("portal-intervention",) if flagged else ())
    assert "portal-intervention" in FLAGS


def test_an_ablation_names_its_lesion() -> None:
    for therapy in Therapy:
        if FAMILIES[therapy] is Family.ABLATION:
            with pytest.raises(InputRefused, match="THERAPY-LESION"):
                Event(therapy, DAY)
            assert Event(therapy, DAY, "lesion-1").lesion == "lesion-1"
        else:
            assert Event(therapy, DAY).lesion is None
