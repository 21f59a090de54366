"""Sentences of a signed report, English and French."""

from __future__ import annotations

SIGNATURE: dict[str, tuple[str, str]] = {
    "section_signature": ("Signature", "Signature"),
    "signed_line": ("Signed by {reader}, {at}; digest {short}", "Signé par {reader}, {at} ; empreinte {short}"),
    "signed_by": ("Signed by {reader} on {at}.", "Signé par {reader} le {at}."),
    "section_conclusion": ("Conclusion", "Conclusion"),
    "conclusion_none": ("The reader wrote no conclusion.", "Le lecteur n'a pas écrit de conclusion."),
    "conclusion_by": ("Reader: ", "Lecteur : "),
    "conclusion_examined": ("Date of the examination: ", "Date de l'examen : "),
    "conclusion_patient": (
        "This report names no patient, so that it can be shown and passed on; the DICOM objects of the results do, the one that holds this report "
        "among them.",
        "Ce compte rendu ne nomme aucun patient, afin de pouvoir être montré et transmis ; les objets DICOM des résultats le nomment, celui qui "
        "contient ce compte rendu compris.",
    ),
    "signed_calipers": ("Measured with the caliper: ", "Mesures au calibre : "),
    "signed_caliper": ("{lesion} {long} × {short} mm ({reader})", "{lesion} {long} × {short} mm ({reader})"),
    "signed_calipers_mean": (
        "Criteria of size read these; sizes elsewhere in this report are those of the outlines.",
        "Les critères de taille lisent ces mesures ; les tailles données ailleurs dans ce rapport sont celles des contours.",
    ),
    "signed_digest": ("Digest (SHA-256): ", "Empreinte (SHA-256) : "),
    "signed_meaning": (
        "The digest is that of every file of the case as it was signed: if one of them changes, it no longer fits. It shows that nothing "
        "was changed, not who signed: this is no qualified electronic signature.",
        "L'empreinte porte sur tous les fichiers du cas au moment de la signature : si l'un d'eux change, elle ne correspond plus. Elle montre "
        "que rien n'a été modifié, non qui a signé : ce n'est pas une signature électronique qualifiée.",
    ),
}
