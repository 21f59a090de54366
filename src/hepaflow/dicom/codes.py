"""What hepaflow's quantities, models, regions and categories are called in DICOM.

Standard codes where the standard has them (DCM: PS3.16, SCT: SNOMED CT, UCUM); everything else in the private scheme ``99HEPAFLOW``,
listed in ``docs/reference/dicom-output.md``. Codes are plain values here: no DICOM library is needed to read this table.
"""

from __future__ import annotations

from typing import NamedTuple

from hepaflow.domain.quality import FLAGS
from hepaflow.units import QUANTITIES

PRIVATE = "99HEPAFLOW"


class Code(NamedTuple):
    """A coded concept: value, scheme, meaning (at most 64 characters)."""

    value: str
    scheme: str
    meaning: str


def private(value: str, meaning: str) -> Code:
    """A code of hepaflow's own scheme."""
    return Code(value, PRIVATE, meaning[:64])


# --- anatomy and findings
LIVER = Code("10200004", "SCT", "Liver")
AORTA = Code("15825003", "SCT", "Aorta")
PORTAL_VEIN = Code("32764006", "SCT", "Portal vein")
SPLEEN = Code("78961009", "SCT", "Spleen")
HEPATIC_ARTERY = Code("76015000", "SCT", "Hepatic artery")
LESION = Code("52988006", "SCT", "Lesion")
REFERENCE_REGION = Code("C94970", "NCIt", "Reference Region")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")
ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")

# --- words of an observation
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
MEASUREMENT_METHOD = Code("370129005", "SCT", "Measurement Method")
QUANTITY = Code("246205007", "SCT", "Quantity")
CT_PERFUSION = Code("126301", "DCM", "Perfusion analysis by IV Iodinated Contrast CT technique")
PERFUSION_DERIVATION = Code("129104", "DCM", "Perfusion image analysis")
IMAGE_PROCESSING_ALGORITHM = Code("123104", "DCM", "Morphological Operations")
DERIVATION = Code("121401", "DCM", "Derivation")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
UPPER_UNCERTAINTY = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY = Code("371885007", "SCT", "-, range of lower measurement uncertainty")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
SPATIAL_RESAMPLING = Code("113085", "DCM", "Spatial resampling")
MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
OF_INTEREST = Code("113000", "DCM", "Of Interest")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
CONCLUSIONS = Code("121076", "DCM", "Conclusions")
CONCLUSION = Code("121077", "DCM", "Conclusion")
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
PERSON = Code("121006", "DCM", "Person")
PERSON_NAME = Code("121008", "DCM", "Person Observer Name")
MEAN = Code("373098007", "SCT", "Mean")
MEDIAN = Code("373099004", "SCT", "Median")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long axis")

PROCEDURE = private("LIVER-CTP", "Dynamic contrast CT of the liver")
CURVE_FIT = private("CURVE-FIT", "Fitted to the mean curve of the region")
REGION_PART = private("REGION-PART", "Part of the lesion")
VOXELS = private("VOXELS", "Number of voxels")
GOODNESS = private("R2", "Coefficient of determination of the curve fit")
QUALITY_FLAG = private("QUALITY-FLAG", "Quality flag")
THRESHOLD = private("THRESHOLD", "Threshold of the response criterion")
PROBABILITY_MAJOR = private("P-MAJOR", "Probability that the response is major")
NOT_RATED = private("NOT-RATED", "Not rated")

# --- units
MM = Code("mm", "UCUM", "mm")
ML = Code("ml", "UCUM", "mL")
NO_UNITS = Code("1", "UCUM", "no units")

_QUANTITIES: dict[str, Code] = {
    "bf": Code("126390", "DCM", "Absolute Regional Blood Flow"),
    "habf": Code("126390", "DCM", "Absolute Regional Blood Flow"),
    "hpbf": Code("126390", "DCM", "Absolute Regional Blood Flow"),
    "bv": Code("126391", "DCM", "Absolute Regional Blood Volume"),
    "mtt": Code("113052", "DCM", "Mean Transit Time"),
    "ttp": Code("113069", "DCM", "Time To Peak"),
    "ktrans": Code("126312", "DCM", "Ktrans"),
    "total_mtt": private("TOTAL-MTT", "Total mean transit time"),
    "haf": private("HAF", "Hepatic arterial fraction"),
    "ps": private("PS", "Permeability-surface product"),
    "extraction": private("EXTRACTION", "Extraction fraction"),
    "ve": private("VE", "Interstitial volume"),
    "msi": private("MSI", "Mean slope of increase"),
    "peak": private("PEAK", "Peak enhancement"),
    "data_share": private("DATA-SHARE", "Share of prior variance removed by data"),
    "auc": private("AUC", "Area under the enhancement curve"),
}
#: Where the standard quantity needs a vessel to be told apart.
_SITES: dict[str, Code] = {"habf": HEPATIC_ARTERY, "hpbf": PORTAL_VEIN}

_MODELS: dict[str, Code] = {
    "aath": Code("126346", "DCM", "Adiabatic Tissue Homogeneity (ATH) Model"),
    "one-compartment": private("ONE-COMPARTMENT", "Dual-input one-compartment model"),
    "two-compartment": Code("126347", "DCM", "Two Compartment Exchange (2CX) Model"),
    "patlak": private("PATLAK", "Dual-input Patlak model"),
    "max-slope": private("MAX-SLOPE", "Dual-input maximum slope"),
    "deconvolution": private("DECONVOLUTION", "Dual-input model-free deconvolution"),
    "descriptive": private("DESCRIPTIVE", "Descriptive curve parameters"),
}

_REGIONS: dict[str, tuple[Code, Code]] = {
    "aorta": (ANATOMICAL_STRUCTURE, AORTA),
    "portal_vein": (ANATOMICAL_STRUCTURE, PORTAL_VEIN),
    "spleen": (ANATOMICAL_STRUCTURE, SPLEEN),
    "liver": (ANATOMICAL_STRUCTURE, LIVER),
    "healthy": (SPATIAL_CONCEPT, REFERENCE_REGION),
}


def quantity(key: str) -> Code:
    """What a map or a measurement holds."""
    return _QUANTITIES[key]


def vessel(key: str) -> Code | None:
    """The vessel that a flow comes from, where the quantity alone does not say it."""
    return _SITES.get(key)


def key_of(quantity: Code, vessel: Code | None) -> str | None:
    """The quantity that a code and vessel name, whatever its meaning text; None for what hepaflow does not write.

    >>> key_of(Code("126390", "DCM", ""), Code("32764006", "SCT", ""))
    'hpbf'
    """
    site = None if vessel is None else vessel[:2]
    for key, known in _QUANTITIES.items():
        own = _SITES.get(key)
        if known[:2] == quantity[:2] and (None if own is None else own[:2]) == site:
            return key
    return None


def unit(key: str) -> Code:
    """The UCUM unit of a quantity."""
    known = QUANTITIES[key]
    return NO_UNITS if known.ucum == "1" else Code(known.ucum, "UCUM", known.unit)


def same_unit(one: Code, other: Code) -> bool:
    """Two UCUM codes name one unit, whichever of its two signs the litre has.

    >>> same_unit(Code("mL", "UCUM", ""), ML), same_unit(Code("mm3", "UCUM", ""), ML)
    (True, False)
    """
    return one.scheme == other.scheme and one.value.replace("L", "l") == other.value.replace("L", "l")


def method(model: str) -> Code:
    """The kinetic model as a measurement method."""
    return _MODELS.get(model) or private(model.upper()[:16], f"Model {model}")


def region(name: str) -> tuple[Code, Code]:
    """Category and type of a segmented region: the known ones by name, anything else is a lesion."""
    return _REGIONS.get(name, (ABNORMAL_STRUCTURE, LESION))


def ratio(key: str) -> Code:
    """Lesion over healthy liver of a quantity."""
    return private(f"R-{key.upper().replace('_', '-')}", f"{QUANTITIES[key].name_en.partition(' (')[0]}, lesion over healthy liver")


def shell(name: str) -> Code:
    """A part of a lesion: whole, vascular, rim, core or surround."""
    return private(name.upper(), f"{name.capitalize()} of the lesion" if name != "whole" else "Whole lesion")


def flag(code: str) -> Code:
    """A quality flag; its code value is the flag's own code."""
    sentence = FLAGS[code].en if code in FLAGS else code
    return private(code, sentence if len(sentence) <= 64 else code.replace("-", " ").capitalize())


def protocol_rule(key: str) -> Code:
    """A rule of the protocol check."""
    return private(f"PROTOCOL-{key.upper()}", f"Protocol check, {key.replace('-', ' ')}")


def verdict(name: str) -> Code:
    """What the protocol check says by a rule: pass, warn, fail or unknown."""
    return private(name.upper(), f"Protocol {name}")


def category(name: str | None) -> Code:
    """A response category."""
    return NOT_RATED if name is None else private(name.upper()[:16], f"{name.capitalize()} response")


def criterion(key: str) -> Code:
    """The rule behind a response category."""
    return private(key, f"Criterion {key}")
