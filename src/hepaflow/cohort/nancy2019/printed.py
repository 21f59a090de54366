"""What the thesis prints, as it prints it (tables 1 to 7 and the text of its results)."""

from __future__ import annotations

from dataclasses import dataclass

from hepaflow.cohort.sample import Direction

ELIGIBLE, INCLUDED, LESIONS = 41, 32, 61
EXCLUDED = (
    ("lesions too small after chemotherapy for a region of interest on the maps", 3),
    ("acquisition error", 1),
    ("no CT perfusion", 1),
    ("not operated, extrahepatic spread", 2),
    ("no neoadjuvant chemotherapy", 2),
)
MAJOR, MINOR = 29, 32
#: Lesions without a size before chemotherapy (all of major response).
WITHOUT_BASELINE = 4
#: Lesions a patient -> patients, per cent printed (Table 1).
LESIONS_BY_PATIENT = {1: (21, "65.6"), 2: (3, "9.3"), 3: (1, "3.1"), 4: (3, "9.4"), 5: (1, "3.1"), 6: (2, "6.3"), 7: (1, "3.1")}
#: Patients by response of their lesions (Table 1).
PATIENTS_MAJOR, PATIENTS_MIXED, PATIENTS_MINOR = (11, "34.3"), (4, "12.5"), (17, "53.1")
#: Women, and patients with two lesions or more, both 11 of 32, and how each is printed.
WOMEN_PERCENT, SEVERAL_PERCENT = "34.4", "34.3"
FOLFIRINOX = (6, "18.7")
#: Differentiation of the primary: good, average; the text's sum of the two.
DIFFERENTIATION, GOOD_OR_AVERAGE = ((14, "43.8"), (15, "46.9"), (3, "9.4")), "90.7"
#: Tumor regression grade -> lesions, per cent (Table 2).
TRG = {2: (26, "44.3"), 3: (3, "3.3"), 4: (32, "52.5")}
BLAZER = {"major": (29, "47.5"), "minor": (32, "52.5")}
#: Table 4: BF ratio < 0.68 among major and among minor responses; printed sensitivity, specificity, PPV, NPV.
CUT, BF_MAJOR_BELOW, BF_MINOR_BELOW = 0.68, 28, 1
BF_PRINTED = ("96.5", "96.9", "96.5", "96.9")
AUC = "0.9688"
#: The text's sensitivity, specificity, PPV, NPV of "the RECIST criteria".
RECIST_PRINTED = ("59", "80", "79", "60")
SIZE_P = "0.0047"
MEAN_SIZE_CM_61 = "3.1"
#: Sizes in mm before and after, all 57 lesions (text).
SIZES_57 = (("32.5", "20.2"), ("29.5", "17.0"))
#: HPBF of the 29 major lesions in the discussion: decreased, increased.
HPBF_MAJOR = (26, 1)
EXTRACTION_LARGEST = "6.3"


@dataclass(frozen=True, slots=True)
class Summary:
    """Printed n, mean and SD."""

    n: int
    mean: float
    sd: float


#: Table 5, mm.
SIZES = {
    ("major", "before"): Summary(25, 39.0, 19.3),
    ("major", "after"): Summary(25, 30.4, 20.4),
    ("minor", "before"): Summary(32, 27.4, 19.7),
    ("minor", "after"): Summary(32, 28.8, 14.1),
}
#: Table 7, size after minus size before, mm; and its smallest and largest.
DIFFERENCES = {"major": Summary(25, -8.6, 13.52), "minor": Summary(32, 1.375, 12.00)}
DIFFERENCE_RANGE = {"major": (-43, 24), "minor": (-21, 32)}
#: Table 2 over 61 lesions, healthy liver and lesion.
HEALTHY = {
    "bf": Summary(61, 81.8, 29.0),
    "bv": Summary(61, 21.7, 4.9),
    "mtt": Summary(61, 28.5, 13.7),
    "habf": Summary(61, 15.6, 12.6),
    "hpbf": Summary(61, 63.0, 29.3),
    "haf": Summary(61, 0.3, 0.2),
}
LESION = {
    "bf": Summary(61, 60.4, 39.3),
    "bv": Summary(61, 14.3, 6.8),
    "mtt": Summary(61, 36.3, 19.6),
    "habf": Summary(61, 17.5, 14.0),
    "hpbf": Summary(61, 43.4, 34.3),
    "haf": Summary(61, 0.4, 0.2),
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A lesion / healthy-liver ratio of Table 3: median, first and third quartile of the major and of the minor responses, the p printed as an upper bound or a value."""

    label: str
    direction: Direction
    major: tuple[float, float, float]
    minor: tuple[float, float, float]
    p: str


RATIOS = {
    "bf_ratio": Ratio("BF", "lower", (0.35, 0.25, 0.46), (1.21, 0.96, 1.49), "<1e-12"),
    "bv_ratio": Ratio("BV", "lower", (0.41, 0.25, 0.60), (0.934, 0.71, 1.10), "<1e-9"),
    "ttp_ratio": Ratio("TTP", "higher", (1.44, 1.13, 1.83), (0.95, 0.73, 1.00), "<1e-4"),
    "hpbf_ratio": Ratio("HPBF", "lower", (0.29, 0.18, 0.35), (1.39, 0.86, 1.72), "<1e-11"),
    "total_mtt_ratio": Ratio("Total MTT", "higher", (1.92, 1.51, 2.58), (0.85, 0.71, 1.03), "<1e-7"),
    "habf_ratio": Ratio("HABF", "lower", (0.86, 0.53, 1.60), (1.26, 0.62, 2.28), "0.045"),
}
#: Table 6: change of size in per cent of each lesion with a baseline, by histology and by the class that the table prints.
TABLE6 = {
    ("major", "PD"): (34, 100),
    ("major", "SD"): (-29, -28, -25, -10, -10, -10, -8, -6, -4, 0, 8, 9),
    ("major", "PR"): (-66, -60, -54, -50, -49, -48, -44, -41, -35, -33, -32),
    ("minor", "PD"): (31, 33, 37, 38, 39, 42, 50, 59, 81, 108, 110, 141, 218, 246),
    ("minor", "SD"): (-28, -25, -22, -21, -21, -14, -5, -5, -4, 0, 0, 0, 6, 7, 15),
    ("minor", "PR"): (-50, -40, -38),
}
#: How many lesions the table's head and the text give each cell.
TABLE6_COUNTS = {
    ("major", "PD"): 2,
    ("major", "SD"): 12,
    ("major", "PR"): 11,
    ("minor", "PD"): 14,
    ("minor", "SD"): 15,
    ("minor", "PR"): 3,
}


def table6() -> list[tuple[str, int, str]]:
    """Every lesion of Table 6: response, change in per cent, printed class."""
    return [(response, change, kind) for (response, kind), changes in TABLE6.items() for change in changes]
