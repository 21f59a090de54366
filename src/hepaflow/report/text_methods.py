"""Methods, physics, limits, references and glossary of the report, English and French."""

from __future__ import annotations

METHODS: dict[str, tuple[str, str]] = {
    "methods_model_lead": ("Model. ", "Modèle. "),
    "methods_density_lead": ("Density. ", "Densité. "),
    "methods_density": (
        "Flows and volumes are fitted per 100 mL of tissue and divided by a tissue density of {density} g/mL to give values per 100 g.",
        "Flux et volumes sont ajustés pour 100 mL de tissu puis divisés par une densité tissulaire de {density} g/mL : valeurs pour 100 g.",
    ),
    "methods_hct_lead": ("Haematocrit. ", "Hématocrite. "),
    "methods_hct": (
        "No haematocrit correction is applied: inputs are whole-blood enhancement in HU, taken as linear in iodine concentration. "
        "Flows are therefore those of blood if large vessels and sinusoids have the same haematocrit.",
        "Aucune correction d'hématocrite : les entrées sont le rehaussement du sang total en UH, supposé linéaire en iode. Les flux "
        "sont donc ceux du sang si gros vaisseaux et sinusoïdes ont le même hématocrite.",
    ),
    "methods_plasma": (
        "Inputs were divided by 1 − {haematocrit} (haematocrit) to give plasma concentration: flows and volumes are those of plasma and "
        "do not compare with values obtained without this.",
        "Les entrées ont été divisées par 1 − {haematocrit} (hématocrite) pour donner la concentration plasmatique : flux et volumes sont "
        "plasmatiques et ne se comparent pas à ceux obtenus sans cela.",
    ),
    "methods_baseline_lead": ("Baseline. ", "Ligne de base. "),
    "methods_baseline": (
        "The first {baseline} passes are before contrast in the aorta. They zero the inputs; the baseline of the tissue is estimated "
        "with the other parameters.",
        "Les {baseline} premiers passages précèdent l'arrivée du contraste dans l'aorte. Ils donnent le zéro des entrées ; la ligne de "
        "base du tissu est estimée avec les autres paramètres.",
    ),
    "methods_baseline_read": (
        "The first {baseline} passes are before contrast in the aorta. They zero the inputs; the baseline of the tissue is the mean of its "
        "samples before arterial arrival.",
        "Les {baseline} premiers passages précèdent l'arrivée du contraste dans l'aorte. Ils donnent le zéro des entrées ; la ligne de base "
        "du tissu est la moyenne de ses mesures avant l'arrivée artérielle.",
    ),
    "methods_delay_lead": ("Delays. ", "Délais. "),
    "methods_delay": (
        "One arterial and one portal delay are estimated in every region and voxel. In the healthy liver: {delays}.",
        "Un délai artériel et un délai portal sont estimés dans chaque région et chaque voxel. Dans le foie sain : {delays}.",
    ),
    "methods_delay_direct": (
        "One arterial and one portal delay are chosen for the curve of each region, and once for all voxels. In the healthy liver: {delays}.",
        "Un délai artériel et un délai portal sont choisis pour la courbe de chaque région, et une fois pour tous les voxels. Dans le foie "
        "sain : {delays}.",
    ),
    "methods_delay_none": ("This model estimates no delay.", "Ce modèle n'estime pas de délai."),
    "methods_interpolation_lead": ("Inputs between passes. ", "Entrées entre les passages. "),
    "methods_interpolation": (
        "Interpolation: {interpolation}. Its uncertainty, largest where a peak falls between two passes, is carried into every interval.",
        "Interpolation : {interpolation}. Son incertitude, maximale quand un pic tombe entre deux passages, est reportée dans tous les "
        "intervalles.",
    ),
    "methods_numbers_lead": ("Region numbers and maps. ", "Chiffres des régions et cartes. "),
    "methods_numbers": (
        "Numbers of a region are fitted to its mean curve, not averaged from the map. Ratios are taken draw by draw from the joint posterior "
        "of lesion and healthy liver, so that the shared uncertainty of the inputs is counted once.",
        "Les chiffres d'une région sont ajustés à sa courbe moyenne, et non moyennés sur la carte. Les rapports sont pris tirage par tirage "
        "dans la loi jointe de la lésion et du foie sain : l'incertitude commune des entrées n'est comptée qu'une fois.",
    ),
    "methods_numbers_direct": (
        "Numbers of a region are read from its mean curve, not averaged from the map. SD and ratios come from a parametric bootstrap: the "
        "smooth curve with new noise, read again 2000 times. An error of the inputs is shared by lesion and healthy liver and counted once.",
        "Les chiffres d'une région sont lus sur sa courbe moyenne, et non moyennés sur la carte. Écarts-types et rapports viennent d'un "
        "bootstrap paramétrique : la courbe lisse avec un nouveau bruit, relue 2000 fois. Une erreur des entrées est commune à la lésion et "
        "au foie sain et comptée une fois.",
    ),
    "methods_denoising_lead": ("Denoising of the maps. ", "Débruitage des cartes. "),
    "methods_denoising": (
        "The maps were made from denoised data. In each voxel every pass is a weighted mean over neighbours within {radius} mm; the weight "
        "falls with distance and with the difference of the whole time profiles, beyond what noise explains, and ends at {strength} standard "
        "deviations of it (after Mendrik et al. 2011). Noise of one voxel and pass: {before} HU before, {after} HU after. Region curves, "
        "inputs and regions come from the data as measured.",
        "Les cartes proviennent de données débruitées. Dans chaque voxel, chaque passage est une moyenne pondérée des voisins à moins de "
        "{radius} mm ; le poids décroît avec la distance et avec la différence des profils temporels entiers, au-delà de ce que le bruit "
        "explique, et s'annule à {strength} écarts-types de celui-ci (d'après Mendrik et al. 2011). Bruit d'un voxel et d'un passage : "
        "{before} UH avant, {after} UH après. Courbes des régions, entrées et régions viennent des données telles que mesurées.",
    ),
    "denoising_caution": (
        "These maps are denoised: a detail smaller than {radius} mm may be missing. The table shows what denoising changed.",
        "Ces cartes sont débruitées : un détail de moins de {radius} mm peut manquer. Le tableau montre ce que le débruitage a changé.",
    ),
    "denoising_caption": (
        "Change of each region's mean curve by denoising (RMS and largest over the passes), beside its standard error as measured, and mean "
        "of the blood-flow map without and with denoising (mL/min/100 g).",
        "Changement de la courbe moyenne de chaque région par le débruitage (RMS et maximum sur les passages), à côté de son erreur type "
        "mesurée, et moyenne de la carte de flux sanguin sans et avec débruitage (mL/min/100 g).",
    ),
    "col_change_rms": ("RMS (HU)", "RMS (UH)"),
    "col_change_max": ("Largest (HU)", "Maximum (UH)"),
    "col_change_share": ("Share of enhancement", "Part du rehaussement"),
    "col_standard_error": ("Standard error (HU)", "Erreur type (UH)"),
    "col_map_before": ("BF map without", "Carte BF sans"),
    "col_map_after": ("BF map with", "Carte BF avec"),
    "col_change_verdict": ("Within noise", "Dans le bruit"),
    "change_within": ("yes", "oui"),
    "change_beyond": ("no: blurred", "non : flou"),
    "limits_title": ("Limits", "Limites"),
    "limit_criterion": (
        "The cut-off 0.68 was found in one centre, on colorectal metastases after chemotherapy, with one scanner, protocol and software. "
        "It was chosen on the same data on which its accuracy was measured, and lesions of one patient were counted as independent. "
        "It is not validated elsewhere.",
        "Le seuil 0,68 vient d'un seul centre, sur des métastases colorectales après chimiothérapie, avec un scanner, un protocole et un "
        "logiciel. Il a été choisi sur les données mêmes qui mesurent sa performance, et les lésions d'un patient ont été comptées comme "
        "indépendantes. Il n'est pas validé ailleurs.",
    ),
    "limit_interval": (
        "Intervals, ± and P(major) describe noise, sampled inputs and the fit, for the region as it was outlined. They do not describe where "
        "the outline runs (one that takes in liver draws the values of a lesion towards the liver's), residual motion or a wrong model.",
        "Intervalles, ± et P(majeure) décrivent le bruit, les entrées échantillonnées et l'ajustement, pour la région telle que contourée. Ils ne "
        "décrivent ni le tracé du contour (s'il prend du foie, les valeurs de la lésion se rapprochent de celles du foie), ni un mouvement "
        "résiduel, ni un modèle inadapté.",
    ),
    "limit_prior": (
        "Per voxel {names} are mostly the prior, whatever the data share of blood flow; read them from the mean curves of regions.",
        "Par voxel {names} viennent surtout de l'a priori, quelle que soit la part des données dans le flux ; les lire sur les courbes "
        "moyennes des régions.",
    ),
    "limit_small": (
        "Lesions under 15 mm suffer from partial volume and residual motion; their values are flagged.",
        "Les lésions de moins de 15 mm subissent l'effet de volume partiel et le mouvement résiduel ; leurs valeurs portent une alerte.",
    ),
    "limit_models": (
        "Values of different models or software are not interchangeable: follow one patient with one protocol and one model.",
        "Les valeurs de modèles ou de logiciels différents ne sont pas interchangeables : suivre un patient avec un même protocole et un "
        "même modèle.",
    ),
    "limit_portal": (
        "Portal vein embolisation, ligation or thrombosis alters the supply of the healthy liver and so every ratio.",
        "Embolisation, ligature ou thrombose portale modifient l'apport du foie sain et donc tous les rapports.",
    ),
    "glossary_caption": ("Parameters, units, meaning.", "Paramètres, unités, signification."),
    "col_parameter": ("Parameter", "Paramètre"),
    "col_unit": ("Unit", "Unité"),
    "no_unit": ("none", "sans"),
    "meaning_bf": (
        "Blood that flows through the tissue: arterial plus portal.",
        "Sang qui traverse le tissu : artériel plus portal.",
    ),
    "meaning_bv": ("Blood volume that the model sees in the tissue.", "Volume sanguin que le modèle voit dans le tissu."),
    "meaning_bv_one-compartment": (
        "Volume that the contrast medium reaches in the tissue: vessels and interstitium together.",
        "Volume que le produit de contraste atteint dans le tissu : vaisseaux et interstitium ensemble.",
    ),
    "meaning_bv_deconvolution": (
        "Volume that the contrast medium reaches in the tissue while it is scanned: vessels and interstitium together.",
        "Volume que le produit de contraste atteint dans le tissu pendant l'examen : vaisseaux et interstitium ensemble.",
    ),
    "meaning_mtt": ("Mean time that blood takes through the tissue.", "Temps moyen de traversée du tissu par le sang."),
    "meaning_total_mtt": (
        "Integral of the residue function: passage through vessels and interstitium.",
        "Intégrale de la fonction résidu : passage dans les vaisseaux et l'interstitium.",
    ),
    "meaning_habf": ("Flow from the hepatic artery.", "Flux venant de l'artère hépatique."),
    "meaning_hpbf": ("Flow from the portal vein.", "Flux venant de la veine porte."),
    "meaning_haf": ("Share of the flow that is arterial: HABF / BF.", "Part artérielle du flux : HABF / BF."),
    "meaning_ps": (
        "Permeability times surface of the capillaries: how fast contrast medium leaves the blood.",
        "Perméabilité multipliée par la surface des capillaires : vitesse de sortie du produit de contraste.",
    ),
    "meaning_ktrans": ("Transfer from blood to interstitium: BF × E.", "Transfert du sang vers l'interstitium : BF × E."),
    "meaning_ktrans_patlak": (
        "Transfer from blood to interstitium while nothing flows back; BF and E by themselves are not known.",
        "Transfert du sang vers l'interstitium tant que rien ne reflue ; BF et E séparément ne sont pas connus.",
    ),
    "meaning_extraction": (
        "Fraction E of the contrast medium extracted in one passage.",
        "Fraction E du produit de contraste extraite en un passage.",
    ),
    "meaning_ve": (
        "Interstitial volume reached by the contrast medium.",
        "Volume interstitiel atteint par le produit de contraste.",
    ),
    "meaning_ttp": (
        "Time from arrival in the artery to the peak of the tissue.",
        "Temps entre l'arrivée artérielle et le pic du tissu.",
    ),
    "meaning_peak": (
        "Rise of the tissue curve from its baseline to its peak.",
        "Montée de la courbe du tissu de sa base à son pic.",
    ),
    "meaning_auc": ("Area between the tissue curve and its baseline.", "Aire entre la courbe du tissu et sa base."),
    "meaning_data_share": (
        "Share of the prior variance of BF that the data of the voxel removed.",
        "Part de la variance a priori de BF levée par les données du voxel.",
    ),
    "meaning_msi": ("Mean slope of the rise of the tissue curve.", "Pente moyenne de la montée de la courbe du tissu."),
    "ratio_name": ("BF ratio", "Rapport BF"),
    "meaning_ratio": ("BF of the lesion over BF of the healthy liver.", "BF de la lésion sur BF du foie sain."),
    "p_major_name": ("P(major)", "P(majeure)"),
    "meaning_p_major": (
        "Probability that the true ratio is under the cut-off, given the data and the model.",
        "Probabilité que le vrai rapport soit sous le seuil, sachant les données et le modèle.",
    ),
    "references_title": ("References", "Références"),
    "reference_criterion": (
        "Doctoral thesis in medicine, Nancy, 2019 (liver CT perfusion and response of colorectal metastases). Origin of the criterion "
        "nancy2019-bf-ratio; 61 lesions of 32 patients.",
        "Thèse de doctorat en médecine, Nancy, 2019 (perfusion hépatique au scanner et réponse des métastases colorectales). Origine du "
        "critère nancy2019-bf-ratio ; 61 lésions chez 32 patients.",
    ),
    "steps_caption": (
        "Steps of the computation with digests: the same digests mean the same data and the same result.",
        "Étapes du calcul avec empreintes : mêmes empreintes, mêmes données et même résultat.",
    ),
    "col_step": ("Step", "Étape"),
    "col_parameters": ("Settings", "Réglages"),
    "col_input_digest": ("Input", "Entrée"),
    "col_output_digest": ("Output", "Sortie"),
    "col_version": ("Version", "Version"),
    "step_assemble": ("Reading", "Lecture"),
    "step_align": ("Motion correction", "Correction du mouvement"),
    "step_reference": ("Reference pass", "Passage de référence"),
    "step_motion": ("Motion estimate", "Estimation du mouvement"),
    "step_given-regions": ("Given regions", "Régions données"),
    "step_response": ("Response", "Réponse"),
    "step_regions": ("Regions", "Régions"),
    "step_inputs": ("Inputs", "Entrées"),
    "step_protocol": ("Protocol check", "Contrôle du protocole"),
    "step_denoise": ("Denoising", "Débruitage"),
    "step_denoising": ("Effect of denoising", "Effet du débruitage"),
    "step_maps": ("Maps", "Cartes"),
    "step_lesions": ("Lesions", "Lésions"),
    "delay_arterial": ("arterial {seconds} s", "artériel {seconds} s"),
    "delay_portal": ("portal {seconds} s", "portal {seconds} s"),
}
