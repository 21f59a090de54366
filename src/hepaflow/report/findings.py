"""Every flag of a case with its place, most serious first; and why a number is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import LesionResult
from hepaflow.lesions.by_model import OF_THE_STUDY
from hepaflow.report.words import Words

_ORDER = {"serious": 0, "caution": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One flag at one place (already in the report's language)."""

    place: str
    code: str
    severity: str


def findings(case: CaseResult, words: Words) -> tuple[Finding, ...]:
    """All flags of the case, each once a place, serious first, otherwise in the order of the report."""
    found: list[Finding] = []

    def add(place: str, codes: Iterable[str]) -> None:
        for code in codes:
            finding = Finding(place, code, words.severity(code))
            if finding not in found:
                found.append(finding)

    of_passes = {code for entry in case.motion.passes for code in entry.flags}  # motion and aligned series gather them
    of_motion = {*case.motion.flags, *of_passes}
    add(words("place_study"), [*case.series.flags, *(code for code in case.aligned.flags if code not in of_motion)])
    add(words("place_motion"), [code for code in case.motion.flags if code not in of_passes])
    for entry in case.motion.passes:
        add(words("place_pass", number=str(entry.index + 1)), entry.flags)
    regions = case.regions
    for key, region in (
        ("aorta", regions.aorta),
        ("portal_vein", regions.portal_vein),
        ("liver", regions.liver),
        ("healthy", regions.healthy),
        ("spleen", regions.spleen),
    ):
        if region is not None:
            add(words.region(key), region.flags)
    named = {finding.code for finding in found}
    add(words("place_regions"), [code for code in regions.flags if code not in named])
    add(words("place_inputs"), case.inputs.flags)
    add(words.region("healthy"), case.healthy.flags)
    for result in case.lesions:
        lesion = words.region(result.lesion.id)
        add(lesion, lesion_codes(result))
        for shell, measured in result.regions.items():
            place = words("place_shell", lesion=lesion, shell=words(f"shell_{shell}"))
            own = [code for code in measured.flags if shell != "whole" and code not in lesion_codes(result)]
            add(place, own)
    if case.denoising is not None:
        for change in case.denoising.regions:
            add(region_or_part(change.region, words), ("denoising-blurs",) if change.blurred else ())
    placed = {finding.code for finding in found}  # a case gathers the flags of its parts: named there, they need no second line
    add(words("place_study"), [code for code in case.flags if code not in placed])
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))


def region_or_part(name: str, words: Words) -> str:
    """A region by its name in ``curves.csv``: ``healthy``, ``lesion-1``, ``lesion-1_rim``."""
    lesion, _, part = name.rpartition("_")
    return words("place_shell", lesion=words.region(lesion), shell=words(f"shell_{part}")) if lesion else words.region(name)


def lesion_codes(result: LesionResult) -> tuple[str, ...]:
    """Flags that concern a lesion as a whole: its own, its whole region's and its calls', each once, serious first."""
    codes = [*result.flags, *result.lesion.flags]
    if "whole" in result.regions:
        codes += result.regions["whole"].flags
    for call in result.response:
        codes += call.flags
    return tuple(dict.fromkeys(codes))


def shared_codes(case: CaseResult) -> tuple[str, ...]:
    """Flags on the model in use that every rated lesion carries: they are said once, for the study."""
    rated = [lesion_codes(result) for result in case.lesions if result.ruling is not None and result.ruling.category is not None]
    return tuple(code for code in OF_THE_STUDY if rated and all(code in codes for codes in rated))


def sentences(codes: Iterable[str], words: Words) -> str:
    """Flags as plain sentences in one line, serious first; empty when there are none."""
    ordered = sorted(dict.fromkeys(codes), key=lambda code: _ORDER[words.severity(code)])
    return " ".join(words.flag_sentence(code) for code in ordered)


def causes(codes: Iterable[str], words: Words) -> str:
    """Flags as clauses after a colon; or that no reason was recorded."""
    return "; ".join(words.flag(code, capital=False) for code in dict.fromkeys(codes)) or words("no_reason")


def reason(codes: Iterable[str], words: Words) -> str:
    """Why something is not available."""
    return words("because", reason=causes(codes, words))
