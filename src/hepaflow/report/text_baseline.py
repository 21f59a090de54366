"""Sentences that read otherwise at a patient's first visit, English and French: the ratio is a baseline there, and no response can be told from it."""

from __future__ import annotations

BASELINE: dict[str, tuple[str, str]] = {
    "summary_caption": (
        "One line a lesion. Diameter: the longest of the outline in an axial slice. BF ratio: blood flow of the lesion over that of the healthy "
        "liver. P(below): probability that the true ratio lies under the cut-off of the criterion. First visit of this patient: the ratio is a "
        "baseline. A response can be told only after treatment.",
        "Une ligne par lésion. Diamètre : le plus grand du contour dans une coupe axiale. Rapport BF : flux sanguin de la lésion sur celui du "
        "foie sain. P(sous le seuil) : probabilité que le vrai rapport soit sous le seuil du critère. Première visite de ce patient : le rapport "
        "est une valeur de référence. Une réponse ne se juge qu'après traitement.",
    ),
    "col_p_major": ("P(below)", "P(sous le seuil)"),
    "col_category": ("Cut-off", "Seuil"),
    "category_major": ("below the cut-off", "sous le seuil"),
    "category_minor": ("above the cut-off", "au-dessus du seuil"),
    "category_unsettled": (
        "{category}, not settled: less than 95 % sure",
        "{category}, non tranché : sûr à moins de 95 %",
    ),
    "criterion_line": (
        "{criterion}: cut-off {threshold} of the BF ratio; single-centre, not validated.",
        "{criterion} : seuil {threshold} du rapport BF ; critère monocentrique, non validé.",
    ),
    "forest_caption": (
        "BF ratio of each lesion with its 95 % interval, logarithmic axis. Dashed: cut-off of the criterion. Filled circle: below it; "
        "open square: above it; grey diamond: not rated. Grey circle or square: not settled, less than 95 % sure.",
        "Rapport BF de chaque lésion avec son intervalle à 95 %, axe logarithmique. Tirets : seuil du critère. Cercle plein : en dessous ; "
        "carré vide : au-dessus ; losange gris : non classée. Cercle ou carré gris : non tranché, sûr à moins de 95 %.",
    ),
    "forest_major": ("below the cut-off", "sous le seuil"),
    "forest_minor": ("above the cut-off", "au-dessus du seuil"),
    "curves_region_rated": (
        "The region of a lesion is the one whose ratio is set beside the cut-off.",
        "La région d'une lésion est celle dont le rapport est comparé au seuil.",
    ),
    "response_caption": (
        "On which side of the cut-off each lesion lies, and the criterion that sets it.",
        "De quel côté du seuil se trouve chaque lésion, et critère qui le fixe.",
    ),
    "models_intro": (
        "Each residue model was fitted to the same mean curves with the same inputs. AIC weighs how well a model follows the samples "
        "against its number of unknowns; a weight is the share of support among the models shown. A preferred model describes the curve "
        "better, which does not make it right: none knows the tissue. Maps and ratios above are those of {model}.",
        "Chaque modèle à résidu a été ajusté aux mêmes courbes moyennes avec les mêmes entrées. L'AIC met en balance l'accord avec les "
        "mesures et le nombre d'inconnues ; un poids est la part de soutien parmi les modèles montrés. Un modèle préféré décrit mieux la "
        "courbe, ce qui ne le rend pas vrai : aucun ne connaît le tissu. Cartes et rapports ci-dessus sont ceux de {model}.",
    ),
    "models_caption": (
        "Models on each curve, best AIC first. Weights by AIC and by its small-sample form AICc; where the two put different models "
        "first, the data do not decide. BF ratio: to the healthy liver by the same model; beside it its side of the cut-off with P(below).",
        "Modèles sur chaque courbe, meilleur AIC d'abord. Poids selon l'AIC et sa forme pour petits échantillons, l'AICc ; quand les "
        "deux placent en tête des modèles différents, les données ne tranchent pas. Rapport BF : au foie sain selon le même modèle ; à côté, "
        "de quel côté du seuil il se trouve et P(sous le seuil).",
    ),
    "col_category_short": ("Cut-off", "Seuil"),
    "short_major": ("below", "sous"),
    "short_minor": ("above", "au-dessus"),
    "limit_interval": (
        "Intervals, ± and P(below) describe noise, sampled inputs and the fit, for the region as it was outlined. They do not describe where "
        "the outline runs (one that takes in liver draws the values of a lesion towards the liver's), residual motion or a wrong model.",
        "Intervalles, ± et P(sous le seuil) décrivent le bruit, les entrées échantillonnées et l'ajustement, pour la région telle que contourée. "
        "Ils ne décrivent ni le tracé du contour (s'il prend du foie, les valeurs de la lésion se rapprochent de celles du foie), ni un mouvement "
        "résiduel, ni un modèle inadapté.",
    ),
    "p_major_name": ("P(below)", "P(sous le seuil)"),
    "step_response": ("Side of the cut-off", "Côté du seuil"),
}
