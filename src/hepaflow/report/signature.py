"""A report that somebody signed: their name on every page, and what exactly was signed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hepaflow.report.content import Document, Paragraph, Section
from hepaflow.report.words import Words

KEY = "signature"


@dataclass(frozen=True, slots=True)
class Measured:
    """A lesion's axes in mm as ``reader`` set the caliper: what criteria of size read instead of the outline's."""

    lesion: str
    long_mm: float
    short_mm: float
    reader: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, when (text, UTC), what they said, the SHA-256 of what they signed (hexadecimal), and calipers as they were then."""

    reader: str
    at: str
    statement: str
    digest: str
    calipers: tuple[Measured, ...] = ()


def with_signature(document: Document, signature: Signature) -> Document:
    """The report with a signature in its head, on every page of paper and in a last section; one that is there already is replaced."""
    words = Words(document.language)
    values = {"reader": signature.reader, "at": signature.at, "short": signature.digest[:16]}
    blocks = [Paragraph(words("signed_by", **values))]
    if signature.statement:
        blocks.append(Paragraph(signature.statement, lead=words("signed_statement")))
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
    others = tuple(section for section in document.sections if section.key != KEY)
    last = Section(KEY, words("section_signature"), tuple(blocks))
    return replace(document, signed=words("signed_line", **values), sections=(*others, last))
