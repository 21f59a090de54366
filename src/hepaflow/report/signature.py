"""A report that somebody signed: their conclusion first, their name on every page, and what exactly was signed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hepaflow.report.content import Document, Paragraph, Section
from hepaflow.report.words import Words

KEY, CONCLUSION = "signature", "conclusion"


@dataclass(frozen=True, slots=True)
class Measured:
    """A lesion's axes in mm as ``reader`` set the caliper: what criteria of size read instead of the outline's."""

    lesion: str
    long_mm: float
    short_mm: float
    reader: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, when (text, UTC), what they concluded, the SHA-256 of what they signed (hexadecimal), calipers as they were then, and the
    date of the examination (text; empty where it is not known, or taken out of the study).
    """

    reader: str
    at: str
    statement: str
    digest: str
    calipers: tuple[Measured, ...] = ()
    examined: str = ""


def with_signature(document: Document, signature: Signature) -> Document:
    """The report with the reader's conclusion as its first section, and the signature in its head, on every page of paper and in a last section.

    One that is there already is replaced.
    """
    words = Words(document.language)
    values = {"reader": signature.reader, "at": signature.at, "short": signature.digest[:16]}
    blocks = [Paragraph(words("signed_by", **values))]
    if signature.calipers:
        sizes = (
            words(
                "signed_caliper",
                lesion=words.region(one.lesion),
                long=words.number(one.long_mm, 1),
                short=words.number(one.short_mm, 1),
                reader=one.reader,
            )
            for one in signature.calipers
        )
        blocks.append(Paragraph("; ".join(sizes) + ". " + words("signed_calipers_mean"), lead=words("signed_calipers")))
    blocks += [
        Paragraph(signature.digest, lead=words("signed_digest")),
        Paragraph(words("signed_meaning"), style="note"),
    ]
    others = tuple(section for section in document.sections if section.key not in {KEY, CONCLUSION})
    last = Section(KEY, words("section_signature"), tuple(blocks))
    return replace(document, signed=words("signed_line", **values), sections=(_conclusion(signature, words), *others, last))


def _conclusion(signature: Signature, words: Words) -> Section:
    """What the reader concluded, as typed: a paragraph a line; who and when; of which examination."""
    lines = [line for line in signature.statement.splitlines() if line.strip()]
    blocks = [Paragraph(line) for line in lines] or [Paragraph(words("conclusion_none"))]
    blocks.append(Paragraph(f"{signature.reader}, {signature.at}", lead=words("conclusion_by")))
    if signature.examined:
        blocks.append(Paragraph(signature.examined, lead=words("conclusion_examined")))
    blocks.append(Paragraph(words("conclusion_patient"), style="note"))
    return Section(CONCLUSION, words("section_conclusion"), tuple(blocks))
