"""Why a part of a study was not estimated, in French: what is wrong and what to do, by the code of the refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from hepaflow.errors import InputRefused

_ROW = re.compile(r"row (\d+)")
FRENCH: Mapping[str, str] = MappingProxyType(
    {
        "AGREEMENT-FACTOR": "le facteur des limites d’agrément n’est pas positif. Prenez 1,96",
        "AGREEMENT-LOG": "une lecture n’est pas positive. Prenez les différences plutôt que les logarithmes",
        "AGREEMENT-ONE-PATIENT": "toutes les lésions sont d’un seul patient. Donnez des lésions de plusieurs patients",
        "CLUSTER-UNEQUAL": "toutes les unités n’ont pas leur patient. Donnez un patient par unité",
        "COMBINE-CONSTANT": "une colonne de la règle combinée n’a qu’une valeur. Retirez-la",
        "COMBINE-FEW": "trop peu de patients ou de lésions d’une classe pour juger une règle de plusieurs paramètres. Ajoutez des patients",
        "COMBINE-GAPS": "il manque des valeurs dans une colonne de la règle combinée. Retirez d’abord ces lésions",
        "COMBINE-NOT-FOUND": "la règle combinée n’a pas pu être ajustée. Prenez moins de colonnes",
        "COX-COLLINEAR": "une covariable est constante ou se déduit des autres. Retirez-la",
        "COX-COLUMNS": "les covariables ne sont pas une ligne par unité et une colonne par nom. Donnez un nom par colonne",
        "COX-MISSING": "une covariable manque à certaines unités. Retirez-les et dites-le",
        "COX-NO-EVENT": "aucun événement n’est survenu. Donnez un suivi avec des événements",
        "COX-NOT-FINITE": "un rapport de risques tend vers zéro ou l’infini. Une covariable sépare tous les événements : décrivez-la, ou retirez-la",
        "COX-ONE-CLUSTER": "toutes les unités sont d’un seul patient. Donnez des unités de plusieurs patients",
        "COX-UNIT": "le rapport de risques pour une unité d’une covariable est trop grand pour être écrit. Donnez-la dans une unité qui agrandit ses nombres",
        "ENDPOINT-INVALID": "une durée est négative, ou un événement est aussi l’événement concurrent. Partez d’un suivi",
        "ENDPOINT-MIXED": "ce ne sont pas les mêmes critères de jugement. Donnez-en un seul pour tous",
        "FOLLOW-UP-DAY": "une date de suivi n’est pas un jour. Donnez une date sans heure",
        "FOLLOW-UP-ORDER": "l’ordre des dates d’un suivi est impossible. Vérifiez les dates",
        "ICC-CONSTANT": "toutes les lectures sont identiques. L’agrément ne se distingue pas d’une absence de différence",
        "ICC-MISSING": "des lectures manquent. Retirez les sujets que tous les lecteurs n’ont pas lus",
        "ICC-TOO-FEW": "moins de deux sujets ou de deux lecteurs. Donnez une ligne par sujet et une colonne par lecteur",
        "INCIDENCE-CAUSE": "la cause est une censure, ou n’existe pas. Donnez le numéro de la cause, 1 ou plus",
        "LOG-RANK-GROUPS": "les groupes n’étaient pas à risque ensemble au moment d’un événement. Donnez des groupes qui se recouvrent et ont des événements",
        "PAIRS-INFINITE": "une lecture est infinie. Donnez des valeurs finies",
        "PAIRS-TOO-FEW": "trop peu de paires ont les deux lectures. Donnez plus de paires",
        "PAIRS-UNEQUAL": "les deux lectures ne sont pas des mêmes lésions. Donnez deux colonnes de même longueur",
        "READERS-CATEGORY": "une lecture n’est aucune des catégories. Vérifiez les lectures",
        "READERS-ONE-PATIENT": "toutes les lésions sont d’un seul patient. Donnez des lésions de plusieurs patients",
        "READERS-UNEQUAL": "les deux lecteurs n’ont pas lu les mêmes lésions. Donnez une lecture de chacun par lésion",
        "READERS-WEIGHTS": "la pondération est inconnue. Prenez none, linear ou quadratic",
        "RETEST-NO-WCV": "le coefficient de variation intra-sujet n’est pas compris entre 0 et 1. Donnez des lectures positives et différentes",
        "RETEST-ONE-PATIENT": "toutes les lésions sont d’un seul patient. Donnez des lésions de plusieurs patients",
        "STUDY-CATEGORY": "une lecture n’est aucune des catégories. Donnez toutes les catégories dans leur ordre",
        "STUDY-DAY": "une cellule d’une colonne de jours n’est pas un jour. Écrivez les jours comme 2024-03-01",
        "STUDY-EVENT": "un événement n’est ni 0, ni 1, ni 2. Codez 0 sans événement, 1 l’événement, 2 un décès concurrent",
        "SURVIVAL-CAUSES": "les événements sont de plusieurs causes. Nommez la cause, ou donnez 0 et 1",
        "SURVIVAL-EVENT": "un événement n’est pas un code. Donnez 0 pour censuré et 1 (ou le numéro de la cause) pour un événement",
        "SURVIVAL-GROUP": "toutes les durées n’ont pas leur groupe. Donnez un groupe par durée",
        "SURVIVAL-TIME": "une durée manque, est infinie ou négative. Donnez à tous les jours écoulés depuis le début",
        "SURVIVAL-UNEQUAL": "toutes les durées n’ont pas leur événement. Donnez deux colonnes de même longueur",
    }
)


def refused_fr(refused: InputRefused) -> str:
    """The refusal in French, with the row that it names; as it was said where there are no French words."""
    said = FRENCH.get(refused.code, f"{refused.what}. {refused.advice}")
    row = _ROW.match(refused.what)
    return said if row is None else f"ligne {row[1]} : {said}"
