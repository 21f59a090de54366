"""Units in use, their UCUM codes, and the physical constants that turn one into another.

Flow inside the numerical rooms is in mL/min/100 mL of tissue; results are per 100 g. The one place where density enters is
:func:`per_100_g`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", float, npt.NDArray[np.float64])

#: Soft-tissue density in g/mL used unless configured; liver 1.05 (ICRU Report 46).
DEFAULT_DENSITY_G_ML = 1.05


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a map or a measurement holds: key, unit as printed, UCUM code, display range and CAPLEX-style name."""

    key: str
    unit: str
    ucum: str
    name_en: str
    name_fr: str
    display: tuple[float, float]
    per_mass: bool = False


QUANTITIES: dict[str, Quantity] = {
    q.key: q
    for q in (
        Quantity("bf", "mL/min/100 g", "ml/(100.g)/min", "Blood flow", "Flux sanguin", (0, 150), True),
        Quantity("bv", "mL/100 g", "ml/(100.g)", "Blood volume", "Volume sanguin", (0, 40), True),
        Quantity("mtt", "s", "s", "Mean transit time", "Temps de transit moyen", (0, 20)),
        Quantity(
            "total_mtt",
            "s",
            "s",
            "Total mean transit time (integral of the residue function)",
            "Temps de transit moyen total (intégrale du résidu)",
            (0, 60),
        ),
        Quantity("habf", "mL/min/100 g", "ml/(100.g)/min", "Hepatic arterial blood flow", "Flux artériel hépatique", (0, 60), True),
        Quantity("hpbf", "mL/min/100 g", "ml/(100.g)/min", "Hepatic portal blood flow", "Flux portal hépatique", (0, 120), True),
        Quantity("haf", "1", "1", "Hepatic arterial fraction", "Fraction artérielle hépatique", (0, 1)),
        Quantity(
            "ps",
            "mL/min/100 g",
            "ml/(100.g)/min",
            "Permeability-surface product",
            "Produit perméabilité-surface",
            (0, 100),
            True,
        ),
        Quantity("ktrans", "mL/min/100 g", "ml/(100.g)/min", "Ktrans", "Ktrans", (0, 80), True),
        Quantity("extraction", "1", "1", "Extraction fraction", "Fraction d'extraction", (0, 1)),
        Quantity("ve", "mL/100 g", "ml/(100.g)", "Interstitial volume", "Volume interstitiel", (0, 60), True),
        Quantity(
            "data_share",
            "1",
            "1",
            "Data share of blood flow (prior variance that the data removed)",
            "Part des données dans le flux (variance a priori levée)",
            (0, 1),
        ),
        Quantity("ttp", "s", "s", "Time to peak from arterial arrival", "Temps au pic depuis l'arrivée artérielle", (0, 120)),
        Quantity("msi", "HU/s", "[hnsf'U]/s", "Mean slope of increase", "Pente moyenne d'accroissement", (0, 4)),
        Quantity("peak", "HU", "[hnsf'U]", "Peak enhancement", "Rehaussement maximal", (0, 120)),
        Quantity(
            "auc", "HU s", "[hnsf'U].s", "Area under the enhancement curve", "Aire sous la courbe de rehaussement", (0, 10000)
        ),
    )
}


def per_100_g(value_per_100_ml: Number, density_g_ml: float) -> Number:
    """A quantity per 100 mL of tissue as one per 100 g.

    >>> round(per_100_g(105.0, 1.05), 6)
    100.0
    """
    return value_per_100_ml / density_g_ml
