"""The lesion table as a structured report (TID 1500): one measurement group a region, each bound to its segment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepaflow import __version__
from hepaflow.dicom import codes, origin
from hepaflow.dicom.sr_items import container, modifier, number, text
from hepaflow.dicom.write_ct import stable_uid
from hepaflow.dicom.write_map import coded
from hepaflow.dicom.write_seg import SEGMENTATION_STORAGE, Identity, Segment, identity, segments, tracking
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import SHELLS, Estimate, LesionResult, Measurement, Ratio, ResponseCall
from hepaflow.units import QUANTITIES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CONTENT = 0x0040A730


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One measurement group: the template's container, and the numbers that go into it."""

    container: Any
    numbers: list[Dataset]


def write_sr(case: CaseResult, folder: Path) -> Path:
    """Write ``report.dcm``: healthy reference and every part of every lesion with its measurements, and return its path.

    The series description ends with the digits of :func:`origin.version_of`. Beside the measurements stand the flags of the whole case and the verdict of every rule of the protocol check. Values are those of ``lesions.json`` to the last bit (Floating Point Value); a value that is not available is left out. Ratios,
    volume, diameter and response belong to the whole lesion.
    """
    from highdicom.sr import Comprehensive3DSR
    from pydicom.dataelem import DataElement

    study, chosen = origin.origin_of(case), segments(case.regions)
    segmentation = identity(study, chosen)
    parts = {one.label: one for one in chosen}
    groups = [_group(case, study, segmentation, parts["healthy"], case.healthy)] if "healthy" in parts else []
    for result in case.lesions:
        groups += _lesion(case, study, segmentation, parts, result)
    if not groups:
        groups = [_unmeasured(study, segmentation, chosen[0])]
    said = _digest(case, segmentation)
    dataset = Comprehensive3DSR(
        evidence=[_evidence(study, segmentation)],
        content=_document([group.container for group in groups])[0],
        series_instance_uid=study.uid("report", said),
        series_number=origin.SERIES_NUMBERS["report"],
        sop_instance_uid=study.uid("report instance", said),
        instance_number=1,
        is_complete=True,
        series_description=f"Liver perfusion report, research {origin.version_of(case)}",
        **origin.equipment(),
    )
    for group in groups:
        item = group.container[0]
        item[_CONTENT] = DataElement(_CONTENT, "SQ", [*item.ContentSequence, *group.numbers])
    if remarks := _study_wide(case):
        said_of_study = container(codes.QUALITATIVE_EVALUATIONS, remarks)
        dataset[_CONTENT] = DataElement(_CONTENT, "SQ", [*dataset.ContentSequence, said_of_study])
    origin.settle(dataset, study, "report", said)
    return origin.save(dataset, folder / "report.dcm")


def _digest(case: CaseResult, segmentation: Identity) -> str:
    """What the report says, as a digest: other numbers are another document."""
    measured = [case.healthy, *(part for lesion in case.lesions for part in lesion.regions.values())]
    said: list[Any] = [__version__, case.maps.model, case.maps.density_g_ml, segmentation.instance_uid]
    said += [origin.version_of(case), case.flags, [(rule.key, rule.verdict) for rule in case.protocol]]
    said += [
        [one.region, one.voxels, one.r2, one.flags, {key: asdict(value) for key, value in one.parameters.items()}]
        for one in measured
    ]
    for lesion in case.lesions:
        size = (lesion.lesion.volume_ml, lesion.lesion.longest_axial_diameter_mm)
        ratios = {key: asdict(value) for key, value in lesion.ratio.items()}
        said.append([lesion.lesion.id, size, list(lesion.regions), lesion.flags, lesion.lesion.flags, ratios])
        said += [asdict(call) for call in lesion.response]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _study_wide(case: CaseResult) -> list[tuple[codes.Code, codes.Code]]:
    """What is said of the whole study (TID 1500, Qualitative Evaluations): its flags, and what the protocol check found."""
    flags = [(codes.QUALITY_FLAG, codes.flag(flag)) for flag in case.flags]
    return flags + [(codes.protocol_rule(rule.key), codes.verdict(rule.verdict)) for rule in case.protocol]


def _document(groups: list[Any]) -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, MeasurementReport, ObservationContext, ObserverContext
    from pydicom.sr.codedict import codes as dictionary

    made_by = origin.equipment()
    device = DeviceObserverIdentifyingAttributes(
        uid=stable_uid("hepaflow", "observer", __version__),
        name="hepaflow",
        manufacturer_name=made_by["manufacturer"],
        model_name=f"{made_by['manufacturer_model_name']} {__version__}",
    )
    observer = ObserverContext(observer_type=dictionary.DCM.Device, observer_identifying_attributes=device)
    context = ObservationContext(observer_device_context=observer)
    return MeasurementReport(observation_context=context, procedure_reported=coded(codes.PROCEDURE), imaging_measurements=groups)


def _evidence(study: origin.Origin, segmentation: Identity) -> Any:
    """The segmentation, as far as the report's constructor looks at it."""
    (stub,) = origin.source_datasets(study, [0], shape=(1, 1))
    stub.SOPClassUID, stub.SOPInstanceUID = SEGMENTATION_STORAGE, segmentation.instance_uid
    stub.SeriesInstanceUID = segmentation.series_uid
    return stub


def _lesion(
    case: CaseResult, study: origin.Origin, segmentation: Identity, parts: dict[str, Segment], result: LesionResult
) -> list[Group]:
    groups = []
    for shell in SHELLS:
        segment = parts.get(result.lesion.id if shell == "whole" else f"{result.lesion.id} {shell}")
        measured = result.regions.get(shell)
        if segment is None or (measured is None and shell != "whole"):
            continue
        calls = [
            call for call in result.response if call.region == shell or (shell == "whole" and call.region not in result.regions)
        ]
        extra = [item for call in calls for item in _response_numbers(call)]
        said = [(codes.REGION_PART, codes.shell(shell))]
        said += [(codes.criterion(call.criterion), codes.category(call.category)) for call in calls]
        flags = [*(flag for call in calls for flag in call.flags), *(measured.flags if measured else ())]
        if shell == "whole":
            extra = [*_size(result), *(item for key in result.ratio for item in _ratio(key, result.ratio[key])), *extra]
            flags += [*result.flags, *result.lesion.flags]
        said += [(codes.QUALITY_FLAG, codes.flag(flag)) for flag in dict.fromkeys(flags)]
        groups.append(_group(case, study, segmentation, segment, measured, extra=extra, said=said))
    return groups


def _group(
    case: CaseResult,
    study: origin.Origin,
    segmentation: Identity,
    segment: Segment,
    measured: Measurement | None,
    *,
    extra: list[Dataset] | None = None,
    said: list[tuple[codes.Code, codes.Code]] | None = None,
) -> Group:
    """One region: what it is, where, which segment, its numbers and what is said of it."""
    from highdicom.sr import (
        FindingSite,
        QualitativeEvaluation,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )

    numbers = _numbers(measured, case.maps.model) if measured else []
    if said is None:
        said = [(codes.QUALITY_FLAG, codes.flag(flag)) for flag in measured.flags] if measured else []
    group = VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(study, segment),
        referenced_segment=_segment(study, segmentation, segment),
        finding_type=coded(codes.region(segment.name)[1]),
        method=coded(codes.CT_PERFUSION),
        algorithm_id=_algorithm("hepaflow", [f"model {case.maps.model}", f"density {case.maps.density_g_ml:g} g/mL"]),
        finding_sites=[FindingSite(coded(codes.LIVER))],
        qualitative_evaluations=[QualitativeEvaluation(coded(name), coded(value)) for name, value in said],
    )
    return Group(group, [*(extra or []), *numbers])


def _unmeasured(study: origin.Origin, segmentation: Identity, segment: Segment) -> Group:
    """A report needs a group: with neither lesion nor healthy reference it names the first region and no number."""
    from highdicom.sr import VolumetricROIMeasurementsAndQualitativeEvaluations

    group = VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(study, segment),
        referenced_segment=_segment(study, segmentation, segment),
        finding_type=coded(codes.region(segment.name)[1]),
    )
    return Group(group, [])


def _tracking(study: origin.Origin, segment: Segment) -> Any:
    from highdicom.sr import TrackingIdentifier

    found = tracking(study, segment.label)
    return TrackingIdentifier(uid=found.uid, identifier=found.identifier)


def _segment(study: origin.Origin, segmentation: Identity, segment: Segment) -> Any:
    from highdicom.sr import ReferencedSegment, SourceSeriesForSegmentation

    return ReferencedSegment(
        sop_class_uid=SEGMENTATION_STORAGE,
        sop_instance_uid=segmentation.instance_uid,
        segment_number=segment.number,
        source_series=SourceSeriesForSegmentation(study.image_series_uid),
    )


def _algorithm(name: str, parameters: list[str]) -> Any:
    from highdicom.sr import AlgorithmIdentification

    return AlgorithmIdentification(name=name, version=__version__, parameters=parameters)


def _numbers(measured: Measurement, model: str) -> list[Dataset]:
    """Voxel count, fit quality, and four numbers a parameter: fitted value, its SD, mean and median of the map."""
    found = number(codes.VOXELS, float(measured.voxels), codes.NO_UNITS)
    found += number(codes.GOODNESS, measured.r2, codes.NO_UNITS)
    for key in QUANTITIES:
        if key in measured.parameters:
            found += _parameter(key, measured.parameters[key], model)
    return found


def _parameter(key: str, estimate: Estimate, model: str) -> list[Dataset]:
    vessel = codes.vessel(key)
    found = []
    for derivation, value in (
        (codes.CURVE_FIT, estimate.value),
        (codes.STANDARD_DEVIATION, estimate.sd),
        (codes.MEAN, estimate.map_mean),
        (codes.MEDIAN, estimate.map_median),
    ):
        says = [(codes.MEASUREMENT_METHOD, codes.method(model)), (codes.DERIVATION, derivation)]
        says += [(codes.FINDING_SITE, vessel)] if vessel is not None else []
        found += number(codes.quantity(key), value, codes.unit(key), *(modifier(name, code) for name, code in says))
    return found


def _size(result: LesionResult) -> list[Dataset]:
    lesion = result.lesion
    return [
        *number(codes.VOLUME, lesion.volume_ml, codes.ML),
        *number(codes.LONG_AXIS, lesion.longest_axial_diameter_mm, codes.MM),
    ]


def _ratio(key: str, ratio: Ratio) -> list[Dataset]:
    """Ratio to healthy liver with its SD; the 95 % interval as distances below and above the value."""
    if ratio.value is None:
        return []
    ends: list[Dataset] = []
    if ratio.ci95 is not None:
        low, high = ratio.ci95
        ends = [
            *number(codes.UPPER_UNCERTAINTY, high - ratio.value, codes.NO_UNITS),
            *number(codes.LOWER_UNCERTAINTY, ratio.value - low, codes.NO_UNITS),
        ]
        for end in ends:
            end.RelationshipType = "HAS PROPERTIES"
    name = codes.ratio(key)
    return [
        *number(name, ratio.value, codes.NO_UNITS, *ends),
        *number(name, ratio.sd, codes.NO_UNITS, modifier(codes.DERIVATION, codes.STANDARD_DEVIATION)),
    ]


def _response_numbers(call: ResponseCall) -> list[Dataset]:
    rule = [
        text(codes.ALGORITHM_NAME, call.criterion),
        text(codes.ALGORITHM_VERSION, __version__),
        text(codes.ALGORITHM_PARAMETERS, f"region {call.region}"),
    ]
    return [
        *number(codes.THRESHOLD, call.threshold, codes.NO_UNITS, *rule),
        *number(codes.PROBABILITY_MAJOR, call.probability_major, codes.NO_UNITS, *rule),
    ]
