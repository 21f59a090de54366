"""The flag table: every quality flag, its meaning in plain words, and its bit in ``flags.nii.gz``.

A flag travels with the result it qualifies: a voxel (``bit``), a region, a lesion, a case. A flag is data, never a lost warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "caution", "serious"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One possible problem: ``code`` (lower-kebab), plain sentences in English and French, severity, and voxel bit or None."""

    code: str
    severity: Severity
    en: str
    fr: str
    bit: int | None = None


_TABLE: tuple[Flag, ...] = (
    # voxels (bits are part of the file format: never renumber)
    Flag("voxel-missing-samples", "caution", "too few valid passes at this voxel", "trop peu de passages valides pour ce voxel", 0),
    Flag("voxel-no-enhancement", "caution", "no enhancement above noise", "pas de rehaussement au-dessus du bruit", 1),
    Flag(
        "voxel-prior-driven",
        "info",
        "the value is mostly the organ's prior",
        "la valeur provient surtout de l'a priori de l'organe",
        2,
    ),
    Flag("voxel-not-converged", "caution", "the fit did not come to rest", "l'ajustement n'a pas convergé", 3),
    Flag(
        "voxel-at-bound",
        "caution",
        "a parameter lies at the edge of what is allowed",
        "un paramètre est à la limite de ce qui est permis",
        4,
    ),
    Flag(
        "voxel-late-arrival",
        "caution",
        "contrast arrives more than 5 s later than in the aorta",
        "le contraste arrive plus de 5 s après l'aorte",
        5,
    ),
    Flag(
        "voxel-not-finite",
        "serious",
        "the model gave no number from complete samples",
        "le modèle n'a donné aucun nombre à partir de mesures complètes",
        6,
    ),
    # inputs and fits
    Flag(
        "arterial-peak-in-gap",
        "serious",
        "the arterial peak falls between passes that are far apart",
        "le pic artériel tombe entre des passages éloignés",
    ),
    Flag(
        "portal-peak-in-gap",
        "caution",
        "the portal peak falls between the dense and the sparse passes and was reconstructed",
        "le pic portal tombe entre les passages rapprochés et espacés et a été reconstruit",
    ),
    Flag(
        "arterial-model-untrusted",
        "caution",
        "the arterial curve does not look like a bolus; plain interpolation was used between passes",
        "la courbe artérielle ne ressemble pas à un bolus ; interpolation simple utilisée entre les passages",
    ),
    Flag(
        "portal-model-untrusted",
        "caution",
        "the portal curve is not explained by a transit of the arterial one; plain interpolation was used between passes",
        "la courbe portale ne s'explique pas par un transit de la courbe artérielle ; interpolation simple utilisée entre les passages",
    ),
    Flag(
        "arterial-peak-not-seen",
        "serious",
        "the largest arterial sample is the first or the last: the peak was not scanned",
        "le plus grand échantillon artériel est le premier ou le dernier : le pic n'a pas été exploré",
    ),
    Flag(
        "portal-peak-not-seen",
        "serious",
        "the largest portal sample is the first or the last: the peak was not scanned",
        "le plus grand échantillon portal est le premier ou le dernier : le pic n'a pas été exploré",
    ),
    Flag(
        "arterial-clipped",
        "serious",
        "arterial samples stand at the scanner's limit; the model bridged them and the true height is not known",
        "des échantillons artériels sont à la limite du scanner ; le modèle les a remplacés et la vraie hauteur n'est pas connue",
    ),
    Flag(
        "portal-clipped",
        "serious",
        "portal samples stand at the scanner's limit; the model bridged them and the true height is not known",
        "des échantillons portaux sont à la limite du scanner ; le modèle les a remplacés et la vraie hauteur n'est pas connue",
    ),
    Flag(
        "spleen-not-enhancing",
        "caution",
        "the region of the spleen does not enhance; its curve was not used",
        "la région de la rate ne se rehausse pas ; sa courbe n'a pas été utilisée",
    ),
    Flag(
        "region-shift-outside",
        "caution",
        "a region was moved out of the scanned volume in one pass, which gives no sample",
        "une région a été déplacée hors du volume exploré à un passage, qui ne donne pas de mesure",
    ),
    Flag(
        "inputs-swapped",
        "serious",
        "the portal vein fills and peaks like an artery beside the aorta: are they swapped?",
        "la veine porte se remplit et culmine comme une artère à côté de l'aorte : sont-elles inversées ?",
    ),
    Flag(
        "inputs-identical",
        "serious",
        "arterial and portal input are the same curve",
        "les entrées artérielle et portale sont la même courbe",
    ),
    Flag(
        "portal-left-out",
        "serious",
        "the portal input was left out on request: in liver tissue flow and transit are then wrong, and there is no arterial fraction",
        "l'entrée portale a été écartée sur demande : dans le foie, flux et transit sont alors faux, sans fraction artérielle",
    ),
    Flag("fit-poor", "caution", "the model describes this curve poorly", "le modèle décrit mal cette courbe"),
    Flag(
        "curve-no-enhancement",
        "serious",
        "the curve does not rise above its noise: there is no flow to measure, and transit time, volume and exchange are what was assumed before",
        "la courbe ne dépasse pas son bruit : pas de flux à mesurer ; temps de transit, volume et échanges sont ceux supposés au départ",
    ),
    Flag(
        "curve-late-arrival",
        "serious",
        "the tissue begins to enhance over 9 s after its last input, later than any delay that is searched: flow is read too low",
        "le tissu se rehausse plus de 9 s après sa dernière entrée, au-delà des délais explorés : le flux est sous-estimé",
    ),
    Flag(
        "parts-disagree",
        "caution",
        "the whole lesion and its vascular part fall into different categories",
        "la lésion entière et sa partie vascularisée tombent dans des catégories différentes",
    ),
    Flag(
        "fit-ambiguous",
        "caution",
        "two sets of parameters describe this curve; the interval covers both",
        "deux jeux de paramètres décrivent cette courbe ; l'intervalle couvre les deux",
    ),
    Flag(
        "fit-at-bound",
        "caution",
        "a parameter ended at the edge of what was searched",
        "un paramètre a atteint la limite de la recherche",
    ),
    Flag(
        "patlak-window-short",
        "caution",
        "too few passes between the arterial peak and two minutes after arrival for a Patlak fit to rest on",
        "trop peu de passages entre le pic artériel et deux minutes après l'arrivée pour asseoir un ajustement de Patlak",
    ),
    Flag(
        "max-slope-no-spleen",
        "info",
        "no splenic peak was given: the arterial phase ends where the portal vein overtakes the aorta",
        "pas de pic splénique fourni : la phase artérielle se termine quand la veine porte dépasse l'aorte",
    ),
    Flag(
        "deconvolution-split-uncertain",
        "caution",
        "deconvolution cannot tell a late arterial inflow from a portal one: arterial fraction and both flows are uncertain",
        "la déconvolution ne distingue pas un apport artériel tardif d'un apport portal : fraction artérielle et flux séparés incertains",
    ),
    Flag(
        "flow-counted-as-zero",
        "caution",
        "the curve shows no rise for one of the inputs: that flow counts as zero, and its spread is not known",
        "la courbe ne montre pas de montée pour une des entrées : ce flux compte pour zéro, et sa dispersion n'est pas connue",
    ),
    Flag(
        "deconvolution-volume-undetermined",
        "caution",
        "the residue swings below zero by a large share of its area: volume and transit time are not determined and left out",
        "le résidu passe sous zéro pour une grande part de son aire : volume et temps de transit ne sont pas déterminés et sont omis",
    ),
    Flag(
        "shell-not-fitted",
        "info",
        "one part of the lesion had too few valid samples to be fitted",
        "une partie de la lésion avait trop peu de mesures valides",
    ),
    Flag(
        "ratio-undefined",
        "info",
        "a ratio has no meaning because the healthy value may be zero",
        "un rapport n'a pas de sens car la valeur saine peut être nulle",
    ),
    # regions, lesions and the baseline
    Flag(
        "aorta-proposed",
        "info",
        "the aorta was found automatically: check its outline",
        "l'aorte a été trouvée automatiquement : vérifier son contour",
    ),
    Flag(
        "portal-vein-proposed",
        "info",
        "the portal vein was found automatically: check its outline",
        "la veine porte a été trouvée automatiquement : vérifier son contour",
    ),
    Flag(
        "spleen-proposed",
        "info",
        "the spleen was found automatically",
        "la rate a été trouvée automatiquement",
    ),
    Flag(
        "liver-proposed",
        "info",
        "the liver was outlined automatically: check its outline",
        "le foie a été délimité automatiquement : vérifier son contour",
    ),
    Flag(
        "healthy-proposed",
        "info",
        "the healthy reference was placed automatically: check where it lies",
        "la référence de foie sain a été placée automatiquement : vérifier sa position",
    ),
    Flag(
        "liver-truncated",
        "caution",
        "the scanned volume cuts through the liver",
        "le volume exploré coupe le foie",
    ),
    Flag(
        "healthy-near-border",
        "caution",
        "the healthy reference lies close to a vessel, a lesion or the edge of the liver",
        "la référence de foie sain est proche d'un vaisseau, d'une lésion ou du bord du foie",
    ),
    Flag(
        "healthy-too-small",
        "caution",
        "the healthy reference is smaller than 10 mL",
        "la référence de foie sain fait moins de 10 mL",
    ),
    Flag(
        "healthy-overlaps-lesion",
        "serious",
        "the healthy reference overlaps a lesion",
        "la référence de foie sain chevauche une lésion",
    ),
    Flag(
        "healthy-overlaps-vessel",
        "caution",
        "the healthy reference overlaps a large vessel",
        "la référence de foie sain chevauche un gros vaisseau",
    ),
    Flag(
        "lesion-below-15-mm",
        "caution",
        "below 15 mm perfusion of lesions was not validated",
        "en dessous de 15 mm la perfusion des lésions n'a pas été validée",
    ),
    Flag(
        "lesion-truncated",
        "caution",
        "the lesion touches the edge of the scanned volume",
        "la lésion touche le bord du volume exploré",
    ),
    Flag(
        "lesion-out-of-coverage-passes",
        "caution",
        "in some passes part of the lesion was outside the scanned volume",
        "à certains passages une partie de la lésion était hors du volume exploré",
    ),
    Flag(
        "lesion-overlaps-vessel",
        "caution",
        "the lesion's region holds part of a large vessel",
        "la région de la lésion contient une partie d'un gros vaisseau",
    ),
    Flag(
        "lesion-outside-liver",
        "caution",
        "most of the lesion lies outside the liver mask",
        "la plus grande partie de la lésion est hors du masque du foie",
    ),
    Flag(
        "lesion-in-pieces",
        "info",
        "the lesion's region has several separate parts; its diameter is that of the largest",
        "la région de la lésion a plusieurs parties séparées ; son diamètre est celui de la plus grande",
    ),
    Flag(
        "lesion-not-enhancing",
        "caution",
        "no part of the lesion enhances above noise",
        "aucune partie de la lésion ne se rehausse au-dessus du bruit",
    ),
    Flag(
        "axial-plane-oblique",
        "caution",
        "slices are tilted against the axial plane; the diameter was measured in the slice plane",
        "les coupes sont inclinées par rapport au plan axial ; le diamètre a été mesuré dans le plan de coupe",
    ),
    Flag(
        "baseline-missing",
        "serious",
        "no pass before contrast arrives: enhancement has no zero",
        "aucun passage avant l'arrivée du contraste : le rehaussement n'a pas de zéro",
    ),
    Flag(
        "baseline-short",
        "caution",
        "a single pass before contrast arrives",
        "un seul passage avant l'arrivée du contraste",
    ),
    Flag(
        "baseline-unsteady",
        "caution",
        "the passes before contrast differ among each other: enhancement has no firm zero",
        "les passages avant le contraste diffèrent entre eux : le rehaussement n'a pas de zéro ferme",
    ),
    Flag(
        "curve-too-short",
        "serious",
        "this curve has too few valid samples to be fitted",
        "cette courbe a trop peu de mesures valides pour être ajustée",
    ),
    Flag(
        "samples-missing",
        "info",
        "some samples of this curve are missing and were left out",
        "certaines mesures de cette courbe manquent et ont été omises",
    ),
    Flag(
        "model-not-fitted",
        "info",
        "this model could not be fitted to this curve",
        "ce modèle n'a pas pu être ajusté à cette courbe",
    ),
    Flag(
        "models-differ",
        "caution",
        "values set side by side here were made with another model, density, haematocrit or software release and are not interchangeable",
        "des valeurs mises ici côte à côte viennent d'un autre modèle, densité, hématocrite ou version du logiciel et ne sont pas interchangeables",
    ),
    # local therapy
    Flag(
        "ablation-residual",
        "serious",
        "part of the tumor lies outside the ablation zone",
        "une partie de la tumeur est hors de la zone d'ablation",
    ),
    Flag(
        "margin-within-registration-error",
        "caution",
        "the registration error alone could change the class of the margin",
        "l'erreur de recalage suffirait à changer la classe de la marge",
    ),
    Flag("distance-overlap", "caution", "the lesion overlaps the structure", "la lésion recouvre la structure"),
    Flag(
        "distance-at-most",
        "caution",
        "one of the two structures reaches the edge of the image: the true distance may be shorter",
        "l'une des deux structures atteint le bord de l'image : la distance réelle peut être plus courte",
    ),
    Flag(
        "distance-no-structure",
        "info",
        "there is no structure to measure the distance to",
        "il n'y a pas de structure à laquelle mesurer la distance",
    ),
    Flag(
        "mask-truncated",
        "caution",
        "a structure reaches the edge of the image: what lies beyond is not known",
        "une structure atteint le bord de l'image : ce qui est au-delà est inconnu",
    ),
    # response over visits
    Flag(
        "targets-not-all-evaluated",
        "caution",
        "a target lesion was not evaluated at this visit",
        "une lésion cible n'a pas été évaluée à cette visite",
    ),
    Flag(
        "target-not-measurable",
        "caution",
        "a target lesion is below the measurable size at the baseline (10 mm; a node: 15 mm short axis)",
        "une lésion cible est sous la taille mesurable à l'examen initial (10 mm ; ganglion : petit axe de 15 mm)",
    ),
    Flag(
        "too-many-targets",
        "caution",
        "more than five target lesions, or more than two in one organ",
        "plus de cinq lésions cibles, ou plus de deux dans un même organe",
    ),
    Flag(
        "new-lesion-equivocal",
        "caution",
        "a possible new lesion is not certain yet: re-examine",
        "une nouvelle lésion possible n'est pas encore certaine : recontrôler",
    ),
    Flag(
        "progression-dated-back",
        "info",
        "a new lesion that was in doubt here was confirmed later: progression dates from here",
        "une nouvelle lésion douteuse ici a été confirmée ensuite : la progression date d'ici",
    ),
    Flag(
        "size-unit-suspect",
        "serious",
        "a lesion changes about tenfold between two visits: check that all sizes are in mm",
        "une lésion varie d'un facteur dix environ entre deux visites : vérifier que toutes les tailles sont en mm",
    ),
    Flag(
        "morphology-not-assessable",
        "info",
        "the lesion was in morphology group 1 at the baseline and cannot improve",
        "la lésion était déjà dans le groupe morphologique 1 à l'examen initial et ne peut s'améliorer",
    ),
    Flag(
        "morphology-tied",
        "info",
        "two categories of morphology are equally frequent; the less favorable one stands",
        "deux catégories morphologiques sont aussi fréquentes ; la moins favorable est retenue",
    ),
    Flag(
        "protocol-differs",
        "caution",
        "the two examinations were not acquired with the same protocol",
        "les deux examens n'ont pas été acquis avec le même protocole",
    ),
    Flag(
        "release-differs",
        "caution",
        "the two examinations were analysed with different releases of the software",
        "les deux examens ont été analysés avec des versions différentes du logiciel",
    ),
    Flag(
        "response-uncertain",
        "caution",
        "the measurement is less than 95 % sure on which side of the threshold the ratio lies: the category could be the other one",
        "la mesure est sûre à moins de 95 % du côté du seuil où se trouve le rapport : la catégorie pourrait être l'autre",
    ),
    Flag(
        "response-not-evaluable",
        "info",
        "there is no ratio to judge the response by",
        "il n'y a pas de rapport pour juger la réponse",
    ),
    Flag(
        "response-not-from-this-model",
        "caution",
        "the model does not give what the response criterion reads",
        "le modèle ne donne pas ce que lit le critère de réponse",
    ),
    Flag(
        "response-assumes-model",
        "caution",
        "a model other than the default was chosen: category and probability hold only if that model describes the tissue; "
        "its error is not in the probability",
        "un modèle autre que celui par défaut a été choisi : catégorie et probabilité ne valent que si ce modèle décrit le tissu ; "
        "son erreur n'est pas dans la probabilité",
    ),
    Flag(
        "model-rejected",
        "caution",
        "another model describes this curve clearly better than the one in use (AIC): its values and intervals may be wrong",
        "un autre modèle décrit cette courbe nettement mieux que celui utilisé (AIC) : valeurs et intervalles peuvent être faux",
    ),
    Flag(
        "response-depends-on-model",
        "caution",
        "another model that the data do not reject puts this lesion into another category",
        "un autre modèle que les données ne rejettent pas place cette lésion dans une autre catégorie",
    ),
    # motion
    Flag(
        "motion-no-cavity",
        "caution",
        "no ribs were found: motion was estimated over the whole image, wall included",
        "aucune côte n'a été trouvée : le mouvement a été estimé sur toute l'image, paroi comprise",
    ),
    Flag(
        "motion-none-found",
        "info",
        "no motion was found: neither shifts nor deformation bring the borders of organs nearer together",
        "aucun mouvement trouvé : ni translations ni déformation ne rapprochent les contours des organes",
    ),
    Flag(
        "motion-shifts-suffice",
        "info",
        "passes were only shifted: deformation brought the borders of organs no nearer together",
        "les passages n'ont été que translatés : la déformation ne rapprochait pas davantage les contours des organes",
    ),
    Flag(
        "motion-pass-rigid",
        "caution",
        "the deformation found for this pass folded and was refused: it is only shifted",
        "la déformation trouvée pour ce passage se repliait et a été refusée : il est seulement décalé",
    ),
    Flag(
        "motion-shift-worse",
        "serious",
        "the reader's shift moved this pass further from the reference: check its sign and size",
        "le décalage saisi a éloigné ce passage de la référence : vérifier son signe et sa valeur",
    ),
    Flag(
        "motion-pass-uncorrected",
        "caution",
        "motion correction did not improve this pass, which is used as acquired",
        "la correction du mouvement n'a pas amélioré ce passage, utilisé tel qu'acquis",
    ),
    Flag(
        "motion-not-corrected",
        "caution",
        "breathing was not corrected: curves of moving tissue mix with their neighbours'",
        "la respiration n'a pas été corrigée : les courbes des tissus mobiles se mêlent à celles de leurs voisins",
    ),
    Flag(
        "motion-pass-excluded",
        "serious",
        "this pass could not be brought together with the others and is left out",
        "ce passage n'a pas pu être aligné avec les autres et n'est pas utilisé",
    ),
    # denoising
    Flag(
        "maps-denoised",
        "info",
        "the maps were made from denoised data; the numbers of regions were not",
        "les cartes proviennent de données débruitées ; les chiffres des régions, non",
    ),
    Flag(
        "denoising-blurs",
        "caution",
        "denoising changed the mean curve of this region by more than noise explains: its map is blurred",
        "le débruitage a modifié la courbe moyenne de cette région plus que le bruit ne l'explique : sa carte est floue",
    ),
    # reading
    Flag(
        "reading-unlimited",
        "info",
        "files were read by a process whose memory and time this system cannot limit",
        "les fichiers ont été lus par un processus dont ce système ne peut limiter ni la mémoire ni la durée",
    ),
    Flag(
        "duplicate-slices-ignored",
        "info",
        "some images were given twice; each was used once",
        "certaines images étaient fournies en double ; chacune n'a servi qu'une fois",
    ),
    Flag(
        "rescale-unit-unspecified",
        "serious",
        "the images leave the unit of their values open (rescale type US); they were read as HU: every number is wrong if they are not",
        "les images laissent ouverte l'unité de leurs valeurs (rescale type US) ; elles ont été lues en UH : tout chiffre est faux si elles ne le sont pas",
    ),
    Flag(
        "pixel-bits-ignored",
        "serious",
        "pixels use more bits than the header says; the others were ignored, as the standard asks: HU are wrong if the header is",
        "des pixels utilisent plus de bits que l'en-tête n'en indique ; les autres ont été ignorés, comme le veut la norme : les UH sont fausses si l'en-tête l'est",
    ),
    Flag(
        "images-left-aside",
        "caution",
        "some images that belong to the dynamic series or to its time were not used: derived, localizer or without a place (hepaflow inspect counts them)",
        "des images de la série dynamique ou de sa durée n'ont pas été utilisées : dérivées, de repérage ou sans position (hepaflow inspect les compte)",
    ),
    Flag(
        "series-derived",
        "caution",
        "the dynamic images are marked as derived by other software, not as reconstructed by the scanner",
        "les images dynamiques sont indiquées comme dérivées par un autre logiciel, non comme reconstruites par le scanner",
    ),
    Flag(
        "lossy-compression",
        "caution",
        "the images went through lossy compression: their HU are not exact",
        "les images ont subi une compression avec pertes : leurs UH ne sont pas exactes",
    ),
    Flag(
        "file-meta-inconsistent",
        "info",
        "some files contradict themselves in their meta information; their content was used",
        "certains fichiers se contredisent dans leurs méta-informations ; leur contenu a été utilisé",
    ),
    Flag(
        "frame-of-reference-missing",
        "caution",
        "the images name no frame of reference: regions cannot be checked against them",
        "les images n'indiquent pas de repère spatial : les régions ne peuvent pas être vérifiées",
    ),
    Flag(
        "pass-missing",
        "caution",
        "the scanner counted more passes than the study holds",
        "le scanner a compté plus de passages que l'étude n'en contient",
    ),
    Flag(
        "time-not-of-acquisition",
        "serious",
        "no acquisition times were given: the time axis comes from the times of reconstruction or of the series",
        "pas d'heures d'acquisition : l'axe des temps vient des heures de reconstruction ou des séries",
    ),
    Flag(
        "shuttle-table",
        "info",
        "the table moved between positions in turn: slices of one pass were imaged at different times, and each is fitted at its own",
        "la table a alterné entre plusieurs positions : les coupes d'un passage ont des heures différentes, et chacune est ajustée à la sienne",
    ),
    Flag(
        "slice-times-irregular",
        "caution",
        "the times of slices within a pass differ from those of other passes by more than 1 s",
        "les heures des coupes d'un passage diffèrent de celles des autres passages de plus de 1 s",
    ),
    Flag(
        "rescale-varies",
        "caution",
        "slope or intercept to HU differs between images of the series; each was converted by its own",
        "la pente ou l'ordonnée de conversion en UH varie entre les images ; chacune a été convertie par les siennes",
    ),
    Flag(
        "time-encodings-disagree",
        "serious",
        "two time encodings of the headers give different intervals",
        "deux codages du temps des en-têtes donnent des intervalles différents",
    ),
    Flag(
        "injection-time-implausible",
        "caution",
        "the start of injection in the headers cannot be true and was not used",
        "le début d'injection indiqué dans les en-têtes est impossible et n'a pas été utilisé",
    ),
    Flag(
        "kvp-changes",
        "serious",
        "the tube voltage changes within the study: HU of passes are not comparable",
        "la tension du tube change au cours de l'étude : les UH des passages ne sont pas comparables",
    ),
    Flag(
        "kernel-changes",
        "caution",
        "the reconstruction kernel changes within the study",
        "le filtre de reconstruction change au cours de l'étude",
    ),
    Flag(
        "pixel-padding-implausible",
        "caution",
        "the padding value of the images lies among tissue values and was not used",
        "la valeur de remplissage des images est parmi celles des tissus et n'a pas été utilisée",
    ),
    Flag(
        "hu-implausible",
        "caution",
        "the values hold no air, or go beyond any HU: rescaling may be wrong",
        "les valeurs ne contiennent pas d'air, ou dépassent toute UH : la conversion en UH est peut-être fausse",
    ),
    Flag(
        "hu-jump",
        "serious",
        "a whole slice jumps by more than 300 HU in one pass: its rescaling may be wrong",
        "une coupe entière varie de plus de 300 UH dans un passage : sa conversion en UH est peut-être fausse",
    ),
    Flag(
        "values-missing",
        "caution",
        "some values are not numbers",
        "certaines valeurs ne sont pas des nombres",
    ),
    Flag(
        "nifti-orientation-conflict",
        "serious",
        "the two orientations of the NIfTI file disagree; its sform was used",
        "les deux orientations du fichier NIfTI diffèrent ; son sform a été utilisé",
    ),
    Flag(
        "region-names-unknown",
        "caution",
        "some given regions have names that are not known and were left out",
        "certaines régions fournies portent des noms inconnus et ont été ignorées",
    ),
    Flag(
        "region-labels-unnamed",
        "caution",
        "some labels of the region file have no name and were left out",
        "certaines étiquettes du fichier de régions n'ont pas de nom et ont été ignorées",
    ),
    Flag(
        "region-partly-outside",
        "caution",
        "a given region reaches beyond the images",
        "une région fournie dépasse des images",
    ),
    Flag(
        "region-overlap",
        "caution",
        "given regions overlap where they should not",
        "des régions fournies se recouvrent alors qu'elles ne devraient pas",
    ),
    Flag(
        "region-points-ignored",
        "info",
        "points and open lines among the given contours were left out",
        "les points et lignes ouvertes parmi les contours fournis ont été ignorés",
    ),
    Flag(
        "region-frame-unverified",
        "info",
        "regions and images were matched by position without a common frame of reference to check",
        "régions et images ont été superposées par position, sans repère commun pour le vérifier",
    ),
    Flag(
        "regions-on-different-passes",
        "serious",
        "regions were drawn on different passes, between which breathing moves the liver: redraw them on one pass, or on the aligned images",
        "des régions ont été dessinées sur des passages différents, entre lesquels la respiration déplace le foie : les redessiner sur un même passage, ou sur les images alignées",
    ),
    # pathology, stage and operability
    Flag(
        "residual-near-cut-off",
        "caution",
        "the share of viable cells lies near the cut-off of 50 %: another reading may turn the category",
        "la part de cellules viables est proche du seuil de 50 % : une autre lecture peut inverser la catégorie",
    ),
    Flag(
        "trg-blazer-disagree",
        "caution",
        "the two histological gradings disagree: one says major response, the other minor",
        "les deux gradations histologiques divergent : réponse majeure selon l’une, mineure selon l’autre",
    ),
    Flag(
        "grade-contradicts-residual",
        "serious",
        "the regression grade and the share of viable cells contradict each other",
        "le grade de régression et la part de cellules viables se contredisent",
    ),
    Flag(
        "grade-not-in-mapping",
        "caution",
        "the chosen mapping does not name this grade, which stays neither major nor minor",
        "la correspondance choisie ne nomme pas ce grade, qui n’est ni majeur ni mineur",
    ),
    Flag(
        "response-dissociated",
        "info",
        "nodules of one patient responded differently",
        "les nodules d’un même patient ont répondu différemment",
    ),
    Flag(
        "nodules-unknown",
        "caution",
        "some nodules were not recorded",
        "certains nodules ne sont pas renseignés",
    ),
    Flag(
        "dirty-necrosis-decides",
        "caution",
        "the modified grade hangs on whether dirty necrosis counts as tumor, which its source does not settle",
        "le grade modifié dépend de ce que la nécrose sale compte ou non comme tumeur, ce que la source ne tranche pas",
    ),
    Flag(
        "rare-cells-not-recorded",
        "caution",
        "whether the viable cells are rare was not recorded, and grades 2 and 3 hang on it",
        "le caractère rare des cellules viables n’est pas renseigné, et les grades 2 et 3 en dépendent",
    ),
    Flag(
        "components-incomplete",
        "info",
        "the recorded components of the nodule do not add up to 100 %",
        "les composants renseignés du nodule ne totalisent pas 100 %",
    ),
    Flag(
        "background-liver-altered",
        "caution",
        "the liver around is not healthy: read ratios to it with that in mind",
        "le foie environnant n’est pas sain : en tenir compte en lisant les rapports",
    ),
    Flag(
        "background-liver-unknown",
        "info",
        "the liver around was not fully described",
        "le foie environnant n’est pas entièrement décrit",
    ),
    Flag(
        "stage-letter-missing",
        "caution",
        "T, N or M lacks its letter, and the stage hangs on it",
        "il manque la lettre de T, N ou M, dont dépend le stade",
    ),
    Flag(
        "stage-part-unknown",
        "caution",
        "T, N or M is not known, and the stage hangs on it",
        "T, N ou M n’est pas connu, et le stade en dépend",
    ),
    Flag(
        "stage-no-row",
        "caution",
        "the stage table has no row for this T, N and M",
        "la table des stades n’a pas de ligne pour ces T, N et M",
    ),
    Flag(
        "stage-table-not-for-site",
        "caution",
        "the stage table of colon and rectum does not apply to this site",
        "la table des stades du côlon et du rectum ne s’applique pas à ce siège",
    ),
    Flag(
        "metastases-before-primary",
        "info",
        "the metastases were found before the primary tumor",
        "les métastases ont été découvertes avant la tumeur primitive",
    ),
    Flag(
        "antiangiogenic-exposure",
        "caution",
        "an antiangiogenic drug was given: size criteria may miss a response",
        "un antiangiogénique a été reçu : les critères de taille peuvent méconnaître une réponse",
    ),
    Flag(
        "anti-egfr-exposure",
        "caution",
        "an anti-EGFR drug was given: size criteria may miss a response",
        "un anti-EGFR a été reçu : les critères de taille peuvent méconnaître une réponse",
    ),
    Flag(
        "exposure-unknown",
        "info",
        "the drugs that were given are not fully recorded",
        "les médicaments reçus ne sont pas entièrement renseignés",
    ),
    Flag(
        "portal-intervention",
        "serious",
        "portal inflow was changed before the scan: HAF and HPBF of the liver are altered, and ratios to it",
        "l’apport portal a été modifié avant l’examen : HAF et HPBF du foie, et les rapports à celui-ci, sont modifiés",
    ),
    Flag(
        "portal-intervention-unknown",
        "caution",
        "whether portal inflow was changed before the scan is not recorded",
        "on ignore si l’apport portal a été modifié avant l’examen",
    ),
    Flag(
        "scan-surgery-interval-ambiguous",
        "info",
        "the scan lies exactly at the limit before surgery: “less than” and “within” differ",
        "l’examen est exactement à la limite avant la chirurgie : « moins de » et « dans les » diffèrent",
    ),
    Flag(
        "scan-surgery-interval-long",
        "caution",
        "the scan lies longer before surgery than the limit",
        "l’examen précède la chirurgie de plus que la limite",
    ),
    Flag(
        "resectability-unknowns",
        "info",
        "some answers about resectability are not known",
        "certaines réponses sur la résécabilité ne sont pas connues",
    ),
    Flag(
        "group-not-steady",
        "info",
        "the board’s group went both up and down",
        "le groupe retenu en RCP a varié dans les deux sens",
    ),
)

FLAGS: dict[str, Flag] = {flag.code: flag for flag in _TABLE}


def known(code: str) -> Flag:
    """The flag of a code; an unknown code is a programming error."""
    return FLAGS[code]
