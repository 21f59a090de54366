"""Sentences about motion, English and French: method, moving picture, curves, what remains. ``_none`` is said where nothing was corrected."""

from __future__ import annotations

MOTION: dict[str, tuple[str, str]] = {
    "section_motion": ("Motion correction", "Correction du mouvement"),
    "section_motion_none": ("Motion", "Mouvement"),
    "motion_method": ("Method: ", "Méthode : "),
    "method_deformable": (
        "deformable registration; the original images are interpolated once",
        "recalage déformable ; les images d'origine sont interpolées une seule fois",
    ),
    "method_rigid": (
        "rigid registration; the original images are interpolated once",
        "recalage rigide ; les images d'origine sont interpolées une seule fois",
    ),
    "method_manual": (
        "each pass shifted by hand by a reader; the original images are interpolated once",
        "chaque passage décalé à la main par un lecteur ; les images d'origine sont interpolées une seule fois",
    ),
    "method_none": ("none: the images are used as acquired", "aucune : images utilisées telles qu'acquises"),
    "motion_reference": ("Reference: ", "Référence : "),
    "motion_reference_value": ("pass {number}, at {seconds} s.", "passage {number}, à {seconds} s."),
    "motion_jacobian": ("Local volume change (Jacobian): ", "Changement local de volume (jacobien) : "),
    "motion_jacobian_value": ("{low} to {high}; under 0 would be folding.", "{low} à {high} ; sous 0, il y aurait repliement."),
    "motion_excluded": ("Excluded passes: ", "Passages exclus : "),
    # moving picture
    "film_alternative": (
        "Coronal slice through the liver, pass by pass, as acquired on the left and corrected on the right",
        "Coupe coronale du foie, passage par passage, telle qu'acquise à gauche et corrigée à droite",
    ),
    "film_alternative_none": (
        "Coronal slice through the liver, pass by pass, as acquired",
        "Coupe coronale du foie, passage par passage, telle qu'acquise",
    ),
    "film_caption": (
        "One coronal slice, through the place where the liver moved most, in every pass in the order of time (the same step for every "
        "pass, however long it took; window {low} to {high} HU). Dashed lines: highest and lowest point of the liver of the reference in "
        "this slice. On the left the liver crosses them as it breathes, on the right it should stand still while only the contrast "
        "changes. Paper, and screens asked to show no motion, have the pass with the highest and that with the lowest liver instead.",
        "Une coupe coronale, là où le foie a le plus bougé, à chaque passage dans l'ordre du temps (même pas pour chaque passage, quelle "
        "que soit sa durée ; fenêtre {low} à {high} UH). Tirets : point le plus haut et le plus bas du foie de référence dans cette "
        "coupe. À gauche, le foie les franchit en respirant ; à droite, il doit rester immobile et seul le contraste doit changer. Sur "
        "papier, ou si l'écran doit rester sans animation : le passage où le foie est le plus haut et celui où il est le plus bas.",
    ),
    "film_caption_none": (
        "One coronal slice of the liver in every pass in the order of time (the same step for every pass, however long it took; window "
        "{low} to {high} HU). Dashed lines: highest and lowest point of the liver of the reference in this slice. Where the liver "
        "crosses them, the curve of a voxel mixes tissues. Paper, and screens asked to show no motion, have the reference and the pass "
        "that differs most from it instead.",
        "Une coupe coronale du foie à chaque passage dans l'ordre du temps (même pas pour chaque passage, quelle que soit sa durée ; "
        "fenêtre {low} à {high} UH). Tirets : point le plus haut et le plus bas du foie de référence dans cette coupe. Là où le foie "
        "les franchit, la courbe d'un voxel mélange des tissus. Sur papier, ou si l'écran doit rester sans animation : la référence et "
        "le passage qui en diffère le plus.",
    ),
    "film_pass": ("Pass {number} of {passes}, {seconds} s", "Passage {number} sur {passes}, {seconds} s"),
    "film_excluded": ("✕ excluded", "✕ exclu"),
    "film_reference": ("reference", "référence"),
    # curves and column
    "motion_figure_caption": (
        "Each pass against the reference: residual in the registered region, distance of the organs' borders (which the correction does "
        "not try to make small: a check from outside), both before and after correction, and mean shift. Grey line: "
        "reference pass. Crosses: excluded passes.",
        "Chaque passage comparé à la référence : résidu dans la région recalée et distance des contours des organes (que la correction "
        "ne cherche pas à réduire : un contrôle extérieur), avant et après correction, et déplacement moyen. Trait gris : "
        "passage de référence. Croix : passages exclus.",
    ),
    "motion_figure_caption_none": (
        "Each pass against the reference, as acquired: residual, and distance of the organs' borders. Grey line: reference pass. "
        "Crosses: excluded passes.",
        "Chaque passage comparé à la référence, tel qu'acquis : résidu et distance des contours des organes. Trait gris : passage de "
        "référence. Croix : passages exclus.",
    ),
    "mmode_caption": (
        "One column of the liver over the passes (time-position picture), before and after correction. Breathing shows as steps "
        "of the edges; after correction they should run straight. The grey levels change with contrast, as they must.",
        "Une colonne du foie au fil des passages (image temps-position), avant et après correction. La respiration se voit par "
        "les marches des contours ; après correction ils doivent être droits. Les niveaux de gris suivent le contraste.",
    ),
    "mmode_caption_none": (
        "One column of the liver over the passes (time-position picture), as acquired. Breathing shows as steps of the edges. The grey "
        "levels change with contrast, as they must.",
        "Une colonne du foie au fil des passages (image temps-position), telle qu'acquise. La respiration se voit par les marches des "
        "contours. Les niveaux de gris suivent le contraste.",
    ),
    "mmode_before": ("As acquired", "Telle qu'acquise"),
    "mmode_after": ("Corrected", "Corrigée"),
    "axis_pass": ("Pass", "Passage"),
    "axis_position": ("Position (mm, head up)", "Position (mm, tête en haut)"),
    "axis_residual": ("Residual (HU)", "Résidu (UH)"),
    "axis_border": ("Border distance (mm)", "Écart des contours (mm)"),
    "axis_shift": ("Mean shift (mm)", "Déplacement moyen (mm)"),
    "before": ("before", "avant"),
    "after": ("after", "après"),
    "shift_x": ("left", "gauche"),
    "shift_y": ("posterior", "postérieur"),
    "shift_z": ("superior", "supérieur"),
    # what remains
    "remaining_alternative": ("Map of the motion that remains", "Carte du mouvement restant"),
    "remaining_alternative_none": ("Map of the motion between passes", "Carte du mouvement entre les passages"),
    "remaining_caption": (
        "Motion that remains after correction, on the reference image: how far, in mm, the tissue of a place still seems to lie from its "
        "place in the reference (root mean square over the passes used). Dark is still, bright still moves; {most} mm and more look the "
        "same. White: lesions. Where there is no colour nothing was registered. It is an estimate from the images themselves, of a region "
        "about 3 cm wide: not to be believed where they show little to hold on to (even tissue without vessels), at vessels and bowel "
        "whose contrast or gas comes and goes, at the edge of the coloured region, and for differences well under 1 mm.",
        "Mouvement restant après correction, sur l'image de référence : distance, en mm, à laquelle le tissu d'un endroit semble encore "
        "se trouver de sa place dans la référence (moyenne quadratique sur les passages utilisés). Sombre : immobile ; clair : bouge "
        "encore ; {most} mm et plus ont la même couleur. Blanc : lésions. Sans couleur : rien n'y a été recalé. C'est une estimation "
        "faite sur les images elles-mêmes, pour une région d'environ 3 cm : ne pas s'y fier là où l'image offre peu de repères (tissu "
        "uniforme sans vaisseaux), près des vaisseaux et de l'intestin dont le contraste ou le gaz va et vient, au bord de la région "
        "colorée, ni pour des écarts bien en dessous de 1 mm.",
    ),
    "remaining_caption_none": (
        "Motion between the passes as acquired, on the reference image: how far, in mm, the tissue of a place seems to lie from its place "
        "in the reference (root mean square over the passes used). Dark is still, bright moves; {most} mm and more look the same. White: "
        "lesions. Where there is no colour nothing was measured. It is an estimate from the images themselves, of a region about 3 cm "
        "wide, and too small where the motion is large: not to be believed where the images show little to hold on to (even tissue without "
        "vessels), at vessels and bowel whose contrast or gas comes and goes, at the edge of the coloured region, and for differences "
        "well under 1 mm.",
        "Mouvement entre les passages tels qu'acquis, sur l'image de référence : distance, en mm, à laquelle le tissu d'un endroit semble "
        "se trouver de sa place dans la référence (moyenne quadratique sur les passages utilisés). Sombre : immobile ; clair : bouge ; "
        "{most} mm et plus ont la même couleur. Blanc : lésions. Sans couleur : rien n'y a été mesuré. C'est une estimation faite sur les "
        "images elles-mêmes, pour une région d'environ 3 cm, trop faible si le mouvement est grand : ne pas s'y fier là où l'image offre "
        "peu de repères (tissu uniforme sans vaisseaux), près des vaisseaux et de l'intestin dont le contraste ou le gaz va et vient, au "
        "bord de la région colorée, ni pour des écarts bien en dessous de 1 mm.",
    ),
    "remaining_unknown": (
        "How much motion remains could not be measured anywhere: there is no map of it.",
        "Le mouvement restant n'a pu être mesuré nulle part : il n'y en a pas de carte.",
    ),
    "remaining_unknown_none": (
        "Motion between passes could not be measured anywhere: there is no map of it.",
        "Le mouvement entre les passages n'a pu être mesuré nulle part : il n'y en a pas de carte.",
    ),
    "remaining_coronal": ("coronal", "coronale"),
    "remaining_table_caption": (
        "Motion that remains in each region, from the map (mm).",
        "Mouvement restant dans chaque région, lu sur la carte (mm).",
    ),
    "remaining_table_caption_none": (
        "Motion between passes in each region, from the map (mm).",
        "Mouvement entre les passages dans chaque région, lu sur la carte (mm).",
    ),
    "col_remaining_mean": ("Mean (mm)", "Moyenne (mm)"),
    "col_remaining_most": ("Largest (mm)", "Maximum (mm)"),
    # table of passes
    "motion_table_caption": (
        "Motion of each pass against the reference: mean shift to the left (L), posterior (P) and superior (S), residual, and distance of "
        "the organs' borders.",
        "Mouvement de chaque passage par rapport à la référence : déplacement moyen vers la gauche (G), l'arrière (P) et le haut (S), "
        "résidu, et distance des contours des organes.",
    ),
    "motion_table_caption_none": (
        "Each pass as acquired against the reference: residual, and distance of the organs' borders.",
        "Chaque passage tel qu'acquis comparé à la référence : résidu et distance des contours des organes.",
    ),
    "col_pass": ("Pass", "Passage"),
    "col_time": ("Time (s)", "Temps (s)"),
    "col_shift_x": ("L (mm)", "G (mm)"),
    "col_shift_y": ("P (mm)", "P (mm)"),
    "col_shift_z": ("S (mm)", "S (mm)"),
    "col_before": ("Residual before (HU)", "Résidu avant (UH)"),
    "col_after": ("Residual after (HU)", "Résidu après (UH)"),
    "col_border_before": ("Border before (mm)", "Contours avant (mm)"),
    "col_border_after": ("Border after (mm)", "Contours après (mm)"),
    "col_residual": ("Residual (HU)", "Résidu (UH)"),
    "col_border": ("Border (mm)", "Contours (mm)"),
    "col_excluded": ("Used", "Utilisé"),
    "pass_excluded": ("✕ excluded", "✕ exclu"),
    "pass_used": ("✓", "✓"),
}
