"""Sentences of model comparison, English and French."""

from __future__ import annotations

COMPARE: dict[str, tuple[str, str]] = {
    "section_models": ("Models compared", "Modèles comparés"),
    "models_intro": (
        "Each residue model was fitted to the same mean curves with the same inputs. AIC weighs how well a model follows the samples "
        "against its number of unknowns; a weight is the share of support among the models shown. A preferred model describes the curve "
        "better, which does not make it right: none knows the tissue. Maps and response above are those of {model}.",
        "Chaque modèle à résidu a été ajusté aux mêmes courbes moyennes avec les mêmes entrées. L'AIC met en balance l'accord avec les "
        "mesures et le nombre d'inconnues ; un poids est la part de soutien parmi les modèles montrés. Un modèle préféré décrit mieux la "
        "courbe, ce qui ne le rend pas vrai : aucun ne connaît le tissu. Cartes et réponse ci-dessus sont celles de {model}.",
    ),
    "models_caption": (
        "Models on each curve, best AIC first. Weights by AIC and by its small-sample form AICc; where the two put different models "
        "first, the data do not decide. BF ratio: to the healthy liver by the same model; beside it the category of that ratio with P(major).",
        "Modèles sur chaque courbe, meilleur AIC d'abord. Poids selon l'AIC et sa forme pour petits échantillons, l'AICc ; quand les "
        "deux placent en tête des modèles différents, les données ne tranchent pas. Rapport BF : au foie sain selon le même modèle ; à côté, la "
        "catégorie de ce rapport et P(majeure).",
    ),
    "agreement_caption": (
        "Quantities that mean the same in the models shown, with 95 % intervals. What a model does not give is left out.",
        "Grandeurs de même sens dans les modèles montrés, avec intervalles à 95 %. Ce qu'un modèle ne donne pas est omis.",
    ),
    "agreement_caption_more": ("The same, continued.", "Suite."),
    "models_own_lead": ("Defined differently by the models:", "Définies différemment selon le modèle :"),
    "agreement_alternative": ("Agreement of models", "Accord des modèles"),
    "col_model": ("Model", "Modèle"),
    "col_category_short": ("Criterion says", "Selon le critère"),
    "short_major": ("major", "majeure"),
    "short_minor": ("minor", "mineure"),
    "col_delta_aic": ("AIC above best", "AIC au-dessus du meilleur"),
    "col_aic_weight": ("Weight (AIC)", "Poids (AIC)"),
    "col_aicc_weight": ("Weight (AICc)", "Poids (AICc)"),
    # the sentence, part by part
    "compare_flow": ("Blood flow in mL/min/100 g is {values}", "Le flux sanguin en mL/min/100 g est {values}"),
    "compare_value": ("{value} ({model})", "{value} ({model})"),
    "compare_agree": (
        "the models agree within their intervals (up to {share} apart)",
        "les modèles concordent dans leurs intervalles (écart jusqu'à {share})",
    ),
    "compare_agree_plain": ("the models agree within their intervals", "les modèles concordent dans leurs intervalles"),
    "compare_differ": (
        "models differ by {share}, more than noise explains",
        "des modèles diffèrent de {share}, plus que le bruit ne l'explique",
    ),
    "compare_rejected": (
        ", counting {models}, more than {limit} above the best AIC",
        ", en comptant {models}, à plus de {limit} au-dessus du meilleur AIC",
    ),
    "compare_differ_plain": ("models differ by more than noise explains", "des modèles diffèrent plus que le bruit ne l'explique"),
    "compare_no_sd": ("{models}: without an interval, not judged", "{models} : sans intervalle, non jugé"),
    "compare_none": ("no model could be ranked", "aucun modèle n'a pu être classé"),
    "compare_only": ("only {model} could be ranked", "seul {model} a pu être classé"),
    "compare_undecided": (
        "the data do not tell {models} apart (Akaike weights {weights})",
        "les données ne départagent pas {models} (poids d'Akaike {weights})",
    ),
    "compare_conflict": (
        "AIC puts {first} first (weight {weight}), its small-sample form {second} (weight {corrected}): the data do not decide",
        "l'AIC place {first} en tête (poids {weight}), sa forme pour petits échantillons {second} (poids {corrected}) : les données ne "
        "tranchent pas",
    ),
    "compare_preferred": (
        "the data prefer {model} (Akaike weight {weight})",
        "les données préfèrent {model} (poids d'Akaike {weight})",
    ),
    "compare_clear": (
        "the data clearly prefer {model} (Akaike weight {weight})",
        "les données préfèrent nettement {model} (poids d'Akaike {weight})",
    ),
    "compare_poor": ("yet even that describes the curve poorly", "mais même celui-ci décrit mal la courbe"),
    "compare_poor_several": ("yet they describe the curve poorly", "mais ils décrivent mal la courbe"),
    "compare_own": (
        "These models define {keys} differently, so their values are not compared.",
        "Ces modèles définissent {keys} différemment : leurs valeurs ne sont donc pas comparées.",
    ),
    "compare_unranked": ("not ranked: {models} ({reason}).", "non classé : {models} ({reason})."),
    "unranked_no-curve": ("no fitted curve that AIC could judge", "pas de courbe ajustée que l'AIC puisse juger"),
    "unranked_free-curve": (
        "a free curve, as smooth as the samples ask for; AIC does not count that choice",
        "courbe libre, aussi lisse que les mesures le demandent ; l'AIC ne compte pas ce choix",
    ),
    "unranked_other-samples": (
        "fitted to other samples, {samples} of them; AIC compares only fits to the same",
        "ajusté à d'autres mesures, au nombre de {samples} ; l'AIC ne compare que des ajustements aux mêmes",
    ),
    "unranked_not-fitted": ("not fitted", "non ajusté"),
    "unranked_not-fitted_because": ("not fitted: {detail}", "non ajusté : {detail}"),
    "and": ("{first} and {last}", "{first} et {last}"),
    # what a quantity is in a model
    "meaning_code_same": ("the same", "le même"),
    "meaning_code_vessels": ("of the vessels", "des vaisseaux"),
    "meaning_code_vessels-and-interstitium": (
        "of vessels and interstitium together",
        "des vaisseaux et de l'interstitium ensemble",
    ),
    "meaning_code_whole-residue": ("until all has left", "jusqu'à ce que tout soit ressorti"),
    "meaning_code_seen-by-the-end": ("as far as the samples reach", "jusqu'à la dernière mesure"),
    "meaning_code_filled-at-once": ("of what fills at once, before any uptake", "de ce qui se remplit avant toute captation"),
    "meaning_code_exchange": ("two-way exchange with the interstitium", "échange à double sens avec l'interstitium"),
    "meaning_code_uptake-without-return": ("uptake without return", "captation sans retour"),
    # figures of single curves
    "fit_samples": ("samples", "mesures"),
    "axis_curve": ("Tissue (unit of the file)", "Tissu (unité du fichier)"),
    "axis_input": ("Enhancement (unit of the file)", "Rehaussement (unité du fichier)"),
    "axis_inputs": ("Inputs", "Entrées"),
    "col_weight_short": ("Weight", "Poids"),
    "fraction": ("fraction", "fraction"),
}
