"""Sentences of the report's results, English and French: headings, summary, curves, maps, lesions, truth."""

from __future__ import annotations

TEXT: dict[str, tuple[str, str]] = {
    # head
    "title": ("Liver CT perfusion report", "Compte rendu de scanner de perfusion hépatique"),
    "subtitle": (
        "hepaflow {version} · model: {model} · {passes} passes over {seconds} s",
        "hepaflow {version} · modèle : {model} · {passes} passages sur {seconds} s",
    ),
    "label": ("Study {label}", "Examen {label}"),
    "disclaimer": ("Research use only. Not a medical device.", "Recherche uniquement. N'est pas un dispositif médical."),
    "contents": ("Contents", "Sommaire"),
    "page_of": ("Page {page} of {pages}", "Page {page} sur {pages}"),
    "na": ("not available", "non disponible"),
    "interval": ("{low} to {high}", "{low} à {high}"),
    "none_found": ("none", "aucun"),
    "no_flags": ("none", "aucune"),
    "flags_above": ("as in the box above", "voir l'encadré ci-dessus"),
    "yes": ("yes", "oui"),
    "no": ("no", "non"),
    "because": ("not available: {reason}", "non disponible : {reason}"),
    "no_reason": ("no reason was recorded", "aucune raison n'a été consignée"),
    # sections
    "section_summary": ("Summary", "Synthèse"),
    "section_protocol": ("Study and protocol", "Examen et protocole"),
    "section_regions": ("Regions", "Régions"),
    "section_inputs": ("Inputs, curves and fits", "Entrées, courbes et ajustements"),
    "section_maps": ("Perfusion maps", "Cartes de perfusion"),
    "section_lesions": ("Lesions in numbers", "Lésions en chiffres"),
    "section_truth": ("Truth beside measurement", "Vérité et mesure"),
    "section_methods": ("Methods, limits and glossary", "Méthodes, limites et glossaire"),
    # summary
    "flags_serious_title": ("Read first: serious warnings", "À lire d'abord : alertes graves"),
    "flags_caution_title": ("Cautions for the whole study", "Réserves pour tout l'examen"),
    "flags_serious_none_title": ("No serious warning", "Aucune alerte grave"),
    "flags_serious_none": (
        "Cautions are listed with the lesions they concern.",
        "Les réserves sont indiquées avec les lésions concernées.",
    ),
    "flag_at": ("{place}: {sentence}", "{place} : {sentence}"),
    "place_study": ("Study", "Examen"),
    "place_rated": ("Every rated lesion", "Toutes les lésions classées"),
    "place_motion": ("Motion", "Mouvement"),
    "place_pass": ("Pass {number}", "Passage {number}"),
    "place_inputs": ("Inputs", "Entrées"),
    "place_regions": ("Regions", "Régions"),
    "place_shell": ("{lesion}, {shell}", "{lesion}, {shell}"),
    "summary_caption": (
        "One line a lesion. Diameter: the longest of the outline in an axial slice. BF ratio: blood flow of the lesion over that of the healthy "
        "liver. P(major): probability that the true ratio lies under the cut-off of the criterion. A response can be told only after "
        "treatment: before it the ratio is a baseline, and major or minor say no more than below or above the cut-off.",
        "Une ligne par lésion. Diamètre : le plus grand du contour dans une coupe axiale. Rapport BF : flux sanguin de la lésion sur celui du "
        "foie sain. P(majeure) : probabilité que le vrai rapport soit sous le seuil du critère. Une réponse ne se juge qu'après traitement : "
        "avant, le rapport est une valeur de référence, et majeure ou mineure ne disent que sous ou au-dessus du seuil.",
    ),
    "unrated_caption": (
        "One line a lesion: ratios lesion / healthy liver (95 % interval). No response category follows from them.",
        "Une ligne par lésion : rapports lésion / foie sain (intervalle à 95 %). Aucune catégorie de réponse n'en découle.",
    ),
    "no_flow": (
        "The model of this report ({model}) gives no blood flow, which the response criterion reads: the response is not evaluable. For a "
        "response, analyse the study with a model that gives blood flow.",
        "Le modèle de ce compte rendu ({model}) ne donne pas de flux sanguin, que lit le critère de réponse : la réponse n'est pas "
        "évaluable. Pour une réponse, analyser l'examen avec un modèle qui donne le flux sanguin.",
    ),
    "col_ratio_of": ("{name} ratio", "Rapport {name}"),
    "no_lesion": (
        "No lesion was delineated; only the liver is reported.",
        "Aucune lésion délimitée ; seul le foie est rapporté.",
    ),
    "col_lesion": ("Lesion", "Lésion"),
    "col_size": ("Longest axial diameter (mm)", "Plus grand diamètre axial (mm)"),
    "weak_note": ("{mark} {names}: {why} This study: {measured}.", "{mark} {names} : {why} Cet examen : {measured}."),
    "col_volume": ("Volume (mL)", "Volume (mL)"),
    "col_bf_ratio": ("BF ratio", "Rapport BF"),
    "col_ratio_ci": ("BF ratio (95 % interval)", "Rapport BF (intervalle à 95 %)"),
    "col_criterion": ("Criterion", "Critère"),
    "col_ci": ("95 % interval", "Intervalle à 95 %"),
    "col_p_major": ("P(major)", "P(majeure)"),
    "col_category": ("Criterion says", "Selon le critère"),
    "col_flags": ("Flags", "Alertes"),
    "category_major": ("major response", "réponse majeure"),
    "category_minor": ("minor response", "réponse mineure"),
    "category_because": ("not rated: {reason}", "non classée : {reason}"),
    "category_none": ("no category", "pas de catégorie"),
    "category_unsettled": (
        "{category}, not settled: less than 95 % sure",
        "{category}, non tranchée : sûre à moins de 95 %",
    ),
    "criterion_line": (
        "{criterion}: BF ratio < {threshold} = major response; single-centre, not validated.",
        "{criterion} : rapport BF < {threshold} = réponse majeure ; critère monocentrique, non validé.",
    ),
    "criterion_other": (
        "{criterion}: cut-off {threshold}; not validated outside its source.",
        "{criterion} : seuil {threshold} ; non validé hors de sa source.",
    ),
    "forest_caption": (
        "BF ratio of each lesion with its 95 % interval, logarithmic axis. Dashed: cut-off of the criterion. Filled circle: major "
        "response; open square: minor response; grey diamond: not rated. Grey circle or square: not settled, less than 95 % sure.",
        "Rapport BF de chaque lésion avec son intervalle à 95 %, axe logarithmique. Tirets : seuil du critère. Cercle plein : "
        "réponse majeure ; carré vide : réponse mineure ; losange gris : non classée. Cercle ou carré gris : non tranché, sûr à moins de 95 %.",
    ),
    "forest_truth": (" Vertical bar: truth of the phantom.", " Trait vertical : vérité du fantôme."),
    "forest_major": ("major response", "réponse majeure"),
    "forest_minor": ("minor response", "réponse mineure"),
    "forest_axis": ("BF ratio, lesion / healthy liver", "Rapport BF, lésion / foie sain"),
    # inputs and curves
    "inputs_caption": (
        "Arterial and portal input: samples (dots) and the continuous curve that the model uses, with its 95 % band. Grey band: "
        "{baseline} baseline passes.",
        "Entrées artérielle et portale : mesures (points) et courbe continue utilisée par le modèle, avec sa bande à 95 %. Bande "
        "grise : {baseline} passages de base.",
    ),
    "inputs_origin": ("Inputs: ", "Entrées : "),
    "inputs_origin_given": (
        "measured in given regions; interpolation {interpolation}; {baseline} baseline passes.",
        "mesurées dans des régions données ; interpolation {interpolation} ; {baseline} passages de base.",
    ),
    "inputs_origin_proposed": (
        "measured in PROPOSED regions, check them; interpolation {interpolation}; {baseline} baseline passes.",
        "mesurées dans des régions PROPOSÉES, à vérifier ; interpolation {interpolation} ; {baseline} passages de base.",
    ),
    "interpolation:circulation model plus interpolated remainder (PCHIP)": (
        "circulation model plus interpolated remainder (PCHIP)",
        "modèle de circulation plus reste interpolé (PCHIP)",
    ),
    "single_input": ("There is no portal input: the model has a single input.", "Pas d'entrée portale : modèle à entrée unique."),
    "input_arterial": ("arterial", "artérielle"),
    "input_portal": ("portal", "portale"),
    "axis_enhancement": ("Enhancement (HU)", "Rehaussement (UH)"),
    "axis_residual_short": ("Residual", "Résidu"),
    "curves_caption": (
        "Mean curve of each region (dots), fitted model (line), and residual below with ± 2 standard deviations.",
        "Courbe moyenne de chaque région (points), modèle ajusté (trait) et, dessous, résidu avec ± 2 écarts-types.",
    ),
    "curves_caption_read": (
        "Mean curve of each region. The model reads these samples and implies no curve of its own.",
        "Courbe moyenne de chaque région. Le modèle lit ces mesures et n'implique pas de courbe propre.",
    ),
    "curves_region_rated": (
        "The region of a lesion is the one its response is read from.",
        "La région d'une lésion est celle où sa réponse est lue.",
    ),
    "curves_region_shown": (
        "The region of a lesion is the one its numbers in the summary are read from.",
        "La région d'une lésion est celle de ses chiffres dans la synthèse.",
    ),
    "fits_caption": ("Fit of each region's mean curve.", "Ajustement de la courbe moyenne de chaque région."),
    "col_r2": ("R²", "R²"),
    "col_aic": ("AIC", "AIC"),
    "col_residual_sd": ("Residual SD (HU)", "ET du résidu (UH)"),
    "col_delay_arterial": ("Arterial delay (s)", "Délai artériel (s)"),
    "col_delay_portal": ("Portal delay (s)", "Délai portal (s)"),
    # maps
    "maps_intro": (
        "Color scales are fixed, the same in every study of this model. Values beyond a scale take the color of its end. Where nothing could be "
        "computed the grey CT shows through. SD: standard deviation of the estimate in each voxel. Lesion outlined in white.",
        "Les échelles de couleur sont fixes, identiques pour tous les examens de ce modèle. Les valeurs hors échelle prennent la couleur de "
        "l'extrémité. Là où rien n'a pu être calculé, le scanner en gris reste visible. ET : écart-type de l'estimation dans chaque "
        "voxel. La lésion est cernée de blanc.",
    ),
    "maps_lesion_caption": (
        "{lesion}, slice {number} of {slices} (its largest area). Ratio map: blood flow over that of the healthy liver's mean curve, "
        "logarithmic, centred on 1.",
        "{lesion}, coupe {number} sur {slices} (aire maximale). Carte du rapport : flux sanguin sur celui de la courbe moyenne du foie sain, "
        "logarithmique, centrée sur 1.",
    ),
    "maps_lesion_caption_read": (
        "{lesion}, slice {number} of {slices} (its largest area). Ratio map: {name} over the median of its map in the healthy liver, "
        "logarithmic, centred on 1.",
        "{lesion}, coupe {number} sur {slices} (aire maximale). Carte du rapport : {name} sur la médiane de sa carte dans le foie sain, "
        "logarithmique, centrée sur 1.",
    ),
    "map_apart_title": ("Maps and numbers differ", "Cartes et chiffres diffèrent"),
    "map_apart": (
        "{place}: {name} is {value} from the mean curve and {median} as the median of the map.",
        "{place} : {name} vaut {value} sur la courbe moyenne et {median} en médiane de la carte.",
    ),
    "map_apart_read": (
        "At the noise of single voxels these maps lie apart from the mean curves. Read them for where, not for how much; the numbers of "
        "the tables come from mean curves.",
        "Au bruit des voxels isolés ces cartes s'écartent des courbes moyennes. Y lire où, non combien ; les chiffres des tableaux viennent "
        "des courbes moyennes.",
    ),
    "maps_liver_caption": (
        "Liver, slice {number} of {slices} (largest area of the healthy region).",
        "Foie, coupe {number} sur {slices} (aire maximale de la région saine).",
    ),
    "maps_heading": (
        "{region}, slice {number} of {slices}, z = {level} mm",
        "{region}, coupe {number} sur {slices}, z = {level} mm",
    ),
    "maps_flags_caption": ("Voxels of the liver with a flag.", "Voxels du foie portant une alerte."),
    "col_meaning": ("Meaning", "Signification"),
    "col_share": ("Share of the liver", "Part du foie"),
    "noise_line": (
        "Image noise estimate: {noise} HU per voxel and pass.",
        "Bruit d'image estimé : {noise} UH par voxel et passage.",
    ),
    "panel_ct": ("CT, portal phase (HU)", "Scanner, phase portale (UH)"),
    "panel_sd": ("SD of blood flow", "ET du flux sanguin"),
    "panel_sd_of": ("SD, {name}", "ET, {name}"),
    "panel_ratio_of": ("{name}, ratio to healthy", "{name}, rapport au foie sain"),
    "panel_ratio": ("BF ratio to healthy", "Rapport BF au foie sain"),
    "short_bf": ("Blood flow BF", "Flux sanguin BF"),
    "short_bv": ("Blood volume BV", "Volume sanguin BV"),
    "short_mtt": ("Transit time MTT", "Temps de transit MTT"),
    "short_total_mtt": ("Total transit time", "Temps de transit total"),
    "short_habf": ("Arterial flow HABF", "Flux artériel HABF"),
    "short_hpbf": ("Portal flow HPBF", "Flux portal HPBF"),
    "short_haf": ("Arterial fraction HAF", "Fraction artérielle HAF"),
    "short_ps": ("Permeability PS", "Perméabilité PS"),
    "short_ktrans": ("Ktrans", "Ktrans"),
    "short_extraction": ("Extraction fraction E", "Fraction d'extraction E"),
    "short_ve": ("Interstitial volume", "Volume interstitiel"),
    "short_ttp": ("Time to peak TTP", "Temps au pic TTP"),
    "short_msi": ("Slope MSI", "Pente MSI"),
    "short_data_share": ("Data share", "Part des données"),
    "short_peak": ("Peak enhancement", "Rehaussement maximal"),
    "short_auc": ("Area under curve AUC", "Aire sous la courbe AUC"),
    "data_share_of_flow": (
        "The data share is that of blood flow. In single voxels {names} are mostly the prior even where it is near 1: differences "
        "between neighbours in these maps say little. HAF leans on it too.",
        "La part des données est celle du flux sanguin. Dans un voxel isolé {names} viennent surtout de l'a priori, même là où elle est "
        "proche de 1 : les différences entre voisins y disent peu. HAF s'appuie aussi sur lui.",
    ),
    "data_share_note": (
        "Data share: share of the prior variance of blood flow that the data removed (1: the voxel speaks for itself; 0: it shows what is "
        "expected of the organ).",
        "Part des données : part de la variance a priori du flux sanguin que les données ont levée (1 : le voxel parle de lui-même ; 0 : il "
        "montre ce qui est attendu de l'organe).",
    ),
    "unit_hu": ("HU", "UH"),
    "unit_hu_seconds": ("HU s", "UH s"),
    "unit_hu_s": ("HU/s", "UH/s"),
    "hu": ("HU", "UH"),
    # lesions
    "response_caption": (
        "Response of each lesion and the criterion that says so.",
        "Réponse de chaque lésion et critère qui la donne.",
    ),
    "ratios_caption": (
        "Ratios lesion / healthy liver with 95 % intervals (read in the region named).",
        "Rapports lésion / foie sain avec intervalles à 95 % (lus dans la région indiquée).",
    ),
    "parameters_caption_read": (
        "Parameters read from the mean curve of each region, ± standard deviation. Units: {units}.",
        "Paramètres lus sur la courbe moyenne de chaque région, ± écart-type. Unités : {units}.",
    ),
    "parameters_caption": (
        "Parameters fitted to the mean curve of each region, ± standard deviation. Units: {units}.",
        "Paramètres ajustés à la courbe moyenne de chaque région, ± écart-type. Unités : {units}.",
    ),
    "col_map": ("{name} map, mean / median", "Carte {name}, moyenne / médiane"),
    "size_line": (
        "{lesion}: {size} mm (longest axial diameter), {volume} mL",
        "{lesion} : {size} mm (plus grand diamètre axial), {volume} mL",
    ),
    "flags_caption": ("Every flag, in plain words.", "Toutes les alertes, en clair."),
    "flags_none": ("No flag was raised.", "Aucune alerte."),
    "col_where": ("Where", "Où"),
    "col_severity": ("Severity", "Gravité"),
    "severity_serious": ("▲ serious", "▲ grave"),
    "severity_caution": ("● caution", "● réserve"),
    "severity_info": ("○ note", "○ note"),
    # truth
    "truth_caption": (
        "What the phantom was built with, beside what was measured. Inside: the 95 % interval contains the truth.",
        "Ce que contient le fantôme, à côté de ce qui a été mesuré. Dedans : l'intervalle à 95 % contient la vérité.",
    ),
    "col_true_bf": ("True BF", "BF vrai"),
    "col_measured_bf": ("Measured BF", "BF mesuré"),
    "col_true_ratio": ("True ratio", "Rapport vrai"),
    "col_measured_ratio": ("Measured ratio", "Rapport mesuré"),
    "col_inside": ("Truth in interval", "Vérité dans l'intervalle"),
    "inside": ("✓ inside", "✓ dedans"),
    "outside": ("✕ outside", "✕ dehors"),
    # summary picture
    "picture_note": ("Line: 95 % interval. Dashed: cut-off.", "Trait : intervalle à 95 %. Tirets : seuil."),
    "picture_truth": (" Vertical bar: truth.", " Barre verticale : vérité."),
    "picture_title": ("hepaflow: blood flow of the liver, lesion by lesion", "hepaflow : flux sanguin du foie, lésion par lésion"),
}
