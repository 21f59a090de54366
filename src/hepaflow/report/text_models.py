"""What each kinetic model is, what it cannot give, and how its maps are estimated, English and French."""

from __future__ import annotations

MODEL_TEXT: dict[str, tuple[str, str]] = {
    "model_aath": (
        "Dual-input adiabatic tissue homogeneity (Johnson-Wilson), fitted with an arterial and a portal input. Blood that enters the "
        "sinusoids stays for the mean transit time MTT; a fraction E of the contrast medium leaves for the interstitium and washes out "
        "exponentially. The curve of the tissue is the sum of both inputs, each delayed, each convolved with this one residue function "
        "and weighted with its own flow (HABF, HPBF). BF = HABF + HPBF; HAF = HABF / BF; BV = BF × MTT; PS from E = 1 − exp(−PS / BF).",
        "Homogénéité tissulaire adiabatique à deux entrées (Johnson-Wilson), artérielle et portale. Le sang qui entre dans les "
        "sinusoïdes y reste pendant le temps de transit moyen MTT ; une fraction E du produit passe dans l'interstitium et en ressort "
        "de façon exponentielle. La courbe du tissu est la somme des deux entrées, chacune retardée, convoluée avec cette même fonction "
        "résidu et pondérée par son flux (HABF, HPBF). BF = HABF + HPBF ; HAF = HABF / BF ; BV = BF × MTT ; PS par E = 1 − exp(−PS / BF).",
    ),
    "model_one-compartment": (
        "Dual-input one-compartment model (Materne). Both inputs mix at once in one volume that empties exponentially with the mean "
        "transit time. BF = HABF + HPBF; HAF = HABF / BF; BV = BF × MTT is the whole distribution volume, vessels and interstitium "
        "together: the model gives no permeability.",
        "Modèle à un compartiment et deux entrées (Materne). Les deux entrées se mélangent aussitôt dans un volume qui se vide de façon "
        "exponentielle avec le temps de transit moyen. BF = HABF + HPBF ; HAF = HABF / BF ; BV = BF × MTT est tout le volume de "
        "distribution, vaisseaux et interstitium ensemble : le modèle ne donne pas de perméabilité.",
    ),
    "model_two-compartment": (
        "Dual-input two-compartment exchange (2CXM). Blood mixes in the vessels and exchanges with a mixed interstitium. BF = HABF + HPBF; "
        "HAF = HABF / BF; BV = BF × MTT is the vascular volume; E = PS / (BF + PS); Ktrans = E × BF.",
        "Échange à deux compartiments et deux entrées (2CXM). Le sang se mélange dans les vaisseaux et échange avec un interstitium mélangé. "
        "BF = HABF + HPBF ; HAF = HABF / BF ; BV = BF × MTT est le volume vasculaire ; E = PS / (BF + PS) ; Ktrans = E × BF.",
    ),
    "model_patlak": (
        "Patlak, read by linear algebra: vascular volume and transfer (Ktrans) while nothing flows back, in the first two minutes after "
        "arterial arrival. It gives no blood flow.",
        "Patlak, lu par algèbre linéaire : volume vasculaire et transfert (Ktrans) tant que rien ne reflue, dans les deux premières minutes "
        "après l'arrivée artérielle. Il ne donne pas de flux sanguin.",
    ),
    "model_max-slope": (
        "Maximum slope with two inputs: HABF is the steepest rise in the arterial phase over the arterial peak, HPBF that of the portal phase "
        "over the portal peak. It reads flow too low wherever blood leaves before the peak.",
        "Pente maximale à deux entrées : HABF est la montée la plus raide en phase artérielle sur le pic artériel, HPBF celle de la phase "
        "portale sur le pic portal. Le flux est sous-estimé dès que du sang ressort avant le pic.",
    ),
    "model_deconvolution": (
        "Model-free deconvolution with two inputs: free residues by regularised least squares. The split into arterial and portal flow is "
        "not determined by the data, and flow reads low when passes are far apart.",
        "Déconvolution sans modèle à deux entrées : résidus libres par moindres carrés régularisés. Le partage entre flux artériel et portal "
        "n'est pas déterminé par les données, et le flux est sous-estimé si les passages sont éloignés.",
    ),
    "model_descriptive": (
        "Descriptive numbers of the curve: time to peak, mean slope of increase, peak, area. No flow is estimated; the numbers depend on "
        "injection and heart as much as on the tissue.",
        "Paramètres descriptifs de la courbe : temps au pic, pente moyenne, pic, aire. Aucun flux n'est estimé ; ces valeurs dépendent de "
        "l'injection et du cœur autant que du tissu.",
    ),
    "model_other": ("Model key: {model}.", "Clé du modèle : {model}."),
    "name_aath": ("dual-input adiabatic tissue homogeneity (AATH)", "homogénéité tissulaire adiabatique à deux entrées (AATH)"),
    "name_two-compartment": ("dual-input two-compartment exchange", "échange à deux compartiments et deux entrées"),
    "name_patlak": ("Patlak", "Patlak"),
    "name_max-slope": ("maximum slope", "pente maximale"),
    "name_deconvolution": ("model-free deconvolution", "déconvolution sans modèle"),
    "name_descriptive": ("descriptive", "descriptif"),
    "name_one-compartment": ("dual-input one-compartment", "un compartiment à deux entrées"),
    "brief_aath": ("AATH", "AATH"),
    "brief_two-compartment": ("two-compartment", "deux compartiments"),
    "brief_one-compartment": ("one-compartment", "un compartiment"),
    "brief_deconvolution": ("deconvolution", "déconvolution"),
    "formula_aath": (
        "R(t) = 1 for t < MTT, then E · exp(−(t − MTT) · E · BF / ve)",
        "R(t) = 1 pour t < MTT, puis E · exp(−(t − MTT) · E · BF / ve)",
    ),
    "formula_two-compartment": (
        "BV dcb/dt = BF (cin − cb) − PS (cb − ce); ve dce/dt = PS (cb − ce)",
        "BV dcb/dt = BF (cin − cb) − PS (cb − ce) ; ve dce/dt = PS (cb − ce)",
    ),
    "formula_patlak": ("C(t) = b + BV cin(t) + Ktrans ∫ cin dt", "C(t) = b + BV cin(t) + Ktrans ∫ cin dt"),
    "formula_max-slope": (
        "HABF = max dC/dt (arterial phase) / max ca; HPBF = max dC/dt (portal phase) / max cp",
        "HABF = max dC/dt (phase artérielle) / max ca ; HPBF = max dC/dt (phase portale) / max cp",
    ),
    "formula_deconvolution": (
        "C = b + Fa Ra * ca + Fp Rp * cp, residues free; HABF = max Fa Ra, HPBF = max Fp Rp",
        "C = b + Fa Ra * ca + Fp Rp * cp, résidus libres ; HABF = max Fa Ra, HPBF = max Fp Rp",
    ),
    "formula_descriptive": ("MSI = peak / TTP", "MSI = pic / TTP"),
    "formula_one-compartment": ("R(t) = exp(−t / MTT)", "R(t) = exp(−t / MTT)"),
    "cannot_aath": (
        "With fewer than about 3.5 minutes of data the permeability (PS, extraction) is weak; per voxel it is mostly the prior.",
        "Avec moins de 3,5 minutes de données environ, la perméabilité (PS, extraction) est faible ; par voxel elle vient surtout de "
        "l'a priori.",
    ),
    "cannot_one-compartment": (
        "It cannot tell vessel from interstitium: no PS, Ktrans or extraction, and BV is the whole distribution volume.",
        "Il ne distingue pas vaisseaux et interstitium : ni PS, ni Ktrans, ni extraction, et BV est tout le volume de distribution.",
    ),
    "cannot_two-compartment": (
        "It takes the vessels as mixed: where blood passes as a front the flow comes out high and the transit short. With fewer than "
        "about 3.5 minutes of data PS and ve are mostly the prior.",
        "Il suppose le sang mélangé dans les vaisseaux : là où le sang passe comme un front, le flux est surestimé et le transit trop "
        "court. Avec moins de 3,5 minutes de données environ, PS et ve viennent surtout de l'a priori.",
    ),
    "cannot_patlak": (
        "It gives no blood flow, transit time or fraction; Ktrans is the permeability only where flow is much higher, and is too low "
        "where contrast flows back within two minutes, as in most of the liver.",
        "Il ne donne ni flux sanguin, ni temps de transit, ni fraction ; Ktrans n'est la perméabilité que là où le flux est bien plus "
        "élevé, et il est sous-estimé là où le contraste reflue en moins de deux minutes, comme dans la plus grande partie du foie.",
    ),
    "cannot_max-slope": (
        "It gives no volume, transit time or permeability, and its flow is too low wherever contrast leaves before the input has "
        "peaked, too high where noise makes the slope.",
        "Il ne donne ni volume, ni temps de transit, ni perméabilité ; son flux est sous-estimé là où le contraste ressort avant le pic "
        "de l'entrée, surestimé là où le bruit fait la pente.",
    ),
    "cannot_deconvolution": (
        "It cannot tell how flow splits between artery and portal vein where a late arterial residue explains the portal inflow, nor "
        "vessel from interstitium; its flow is smoothed.",
        "Elle ne dit pas comment le flux se partage entre artère et veine porte quand un résidu artériel tardif explique l'apport "
        "portal, ni ne distingue vaisseaux et interstitium ; son flux est lissé.",
    ),
    "cannot_descriptive": (
        "It gives no flow, volume or fraction: its numbers depend on injection and heart as much as on the tissue.",
        "Il ne donne ni flux, ni volume, ni fraction : ses chiffres dépendent de l'injection et du cœur autant que du tissu.",
    ),
    "estimation_lead": ("Voxels. ", "Voxels. "),
    "estimation_posterior": (
        "Each voxel of a map is the posterior mean of the quantity, with its SD, under a prior from the organ's own curves: at CT noise one "
        "voxel cannot carry all unknowns, and its value leans towards the organ.",
        "Chaque voxel d'une carte est la moyenne a posteriori de la grandeur, avec son écart-type, sous un a priori tiré des courbes de "
        "l'organe : au bruit du scanner un voxel ne peut porter toutes les inconnues, et sa valeur penche vers l'organe.",
    ),
    "estimation_exact": (
        "Each voxel is fitted by itself, by exact least squares without a prior; the SD comes from the normal equations. At CT noise such "
        "values scatter widely.",
        "Chaque voxel est ajusté seul, par moindres carrés exacts et sans a priori ; l'écart-type vient des équations normales. Au bruit du "
        "scanner ces valeurs sont très dispersées.",
    ),
    "estimation_direct": (
        "Each voxel is read directly, without a prior; its SD, where there is one, is what the noise of its samples makes of it. Noise can "
        "shift such values as well as scatter them.",
        "Chaque voxel est lu directement, sans a priori ; son écart-type, s'il existe, est l'effet du bruit de ses mesures. Le bruit peut "
        "décaler ces valeurs autant que les disperser.",
    ),
}
