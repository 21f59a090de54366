"""A report that somebody signed: their name on every page, and what exactly was signed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hepaflow.report.content import Document, Paragraph, Section
from hepaflow.report.words import Words

KEY = "signature"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, when (text, UTC), what they said, and the SHA-256 of what they signed (hexadecimal)."""

    reader: str
    at: str
    statement: str
    digest: str


def with_signature(document: Document, signature: Signature) -> Document:
    """The report with a signature in its head, on every page of paper and in a last section; one that is there already is replaced."""
    words = Words(document.language)
    values = {"reader": signature.reader, "at": signature.at, "short": signature.digest[:16]}
    blocks = [Paragraph(words("signed_by", **values))]
    if signature.statement:
        blocks.append(Paragraph(signature.statement, lead=words("signed_statement")))
    blocks += [
        Paragraph(signature.digest, lead=words("signed_digest")),
        Paragraph(words("signed_meaning"), style="note"),
    ]
    others = tuple(section for section in document.sections if section.key != KEY)
    last = Section(KEY, words("section_signature"), tuple(blocks))
    return replace(document, signed=words("signed_line", **values), sections=(*others, last))
