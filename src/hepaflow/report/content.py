"""What a report consists of, before any markup: both back ends render this and nothing else, so they cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "strong", "muted", "pass", "warn", "fail", "unknown", "serious", "caution", "info", "inside", "outside"]
Align = Literal["l", "c", "r"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; ``lead`` is set bold before it; ``style`` ``note`` is smaller."""

    text: str
    lead: str = ""
    style: Literal["body", "note", "formula", "heading"] = "body"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of plain sentences, each with an optional bold lead: (lead, text)."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A box the eye meets first: ``tone`` gives colour and symbol, the title says the same in words."""

    tone: Tone
    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: plain text and a tone (never the only carrier of meaning)."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of a row; a ``group`` row has one cell across the table."""

    cells: tuple[Cell, ...]
    group: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``head`` and each non-group row have one entry a column; ``widths`` are relative; ``align`` one letter a column."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    align: str
    widths: tuple[float, ...]
    small: bool = False

    def __post_init__(self) -> None:
        columns = len(self.head)
        if len(self.align) != columns or len(self.widths) != columns:
            raise ValueError(f"table {self.caption!r}: head, align and widths differ in length")
        if any(len(row.cells) != (1 if row.group else columns) for row in self.rows):
            raise ValueError(f"table {self.caption!r}: a row has the wrong number of cells")


@dataclass(frozen=True, slots=True)
class Film:
    """An animated WebP that loops, with its number of pixels (across, down)."""

    webp: bytes
    pixels: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG (opaque RGB) of ``width_mm`` on paper with its number of pixels, caption and a text alternative.

    ``heading`` says what it shows where it stands alone, outside the report.
    ``film`` takes the PNG's place where a picture can move and the reader has not asked for stillness.
    """

    png: bytes
    pixels: tuple[int, int]
    width_mm: float
    caption: str
    alternative: str
    film: Film | None = None
    heading: str = ""

    @property
    def height_mm(self) -> float:
        """Height on paper at the picture's own aspect."""
        return self.width_mm * self.pixels[1] / self.pixels[0]


Block = Paragraph | Bullets | Notice | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the report; ``key`` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report. ``disclaimer`` is printed on every page; ``label`` names the study without saying whose it is; ``dense``: close together, for one page.
    ``signed`` says in a line who signed it; empty where nobody has. ``first_visit``: its ratios are worded as a baseline, not as a response.
    """

    language: str
    title: str
    subtitle: str
    label: str
    version: str
    disclaimer: str
    contents_title: str
    page_of: str
    sections: tuple[Section, ...]
    dense: bool = False
    signed: str = ""
    first_visit: bool = False
