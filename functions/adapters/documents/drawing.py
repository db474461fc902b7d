"""What both PDFs share: the sheet, the letterhead's crest and colours, and text that always fits its place."""

import unicodedata
from collections.abc import Callable
from functools import cache
from io import BytesIO
from math import cos, pi, sin
from pathlib import Path
from typing import Any, Final

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from functions.domain.documents import Letterhead

REGULAR: Final = "NotoSans"
BOLD: Final = "NotoSans-Bold"
LEADING: Final = 1.22  # line height over font size
INK: Final = "#1c2430"
QUIET: Final = "#56606e"
LINE: Final = "#c9d0da"
WHITE: Final = "#ffffff"

rl_config.useA85 = 0  # binary streams: a fifth smaller than text ones


@cache
def glyphs() -> dict[int, int]:
    """Register the fonts that travel with this package; the code points they can show."""
    folder = Path(__file__).parent / "fonts"
    bold = TTFont(BOLD, folder / "NotoSans-Bold.ttf")
    for font in (TTFont(REGULAR, folder / "NotoSans-Regular.ttf"), bold):
        pdfmetrics.registerFont(font)
    found: dict[int, int] = bold.face.charToGlyph
    return found


def rgb(colour: str) -> tuple[float, float, float]:
    """`#rrggbb` as fractions."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def lightness(colour: str) -> float:
    """0 (black) to 1 (white), roughly as the eye weighs it and as a black-and-white printer will show it."""
    red, green, blue = rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def on(colour: str) -> str:
    """Text that can be read on this colour."""
    return INK if lightness(colour) > 0.6 else WHITE


def dark(colour: str) -> str:
    """The colour itself if text in it can be read on white paper, else ink."""
    return colour if lightness(colour) < 0.5 else INK


def tint(colour: str, share: float) -> str:
    """The colour thinned with white; `share` of it is left."""
    return "#" + "".join(f"{round(255 * (1 - share * (1 - part))):02x}" for part in rgb(colour))


def printable(text: str, otherwise: str = "") -> str:
    """The text in characters that the fonts have; `otherwise` where nothing readable is left.

    Decorated letters become plain ones, emoji go, and a run of letters of a script that the fonts lack becomes `?`.
    """
    known, shown = glyphs(), ""
    for character in unicodedata.normalize("NFKC", text):
        if character.isspace():
            shown += " "
        elif ord(character) in known:
            shown += character
        else:
            base = unicodedata.normalize("NFD", character)[0]
            if ord(base) in known:
                shown += base
            elif base.isalnum() and not shown.endswith("?"):
                shown += "?"
    shown = " ".join(shown.split())
    return shown if any(character.isalnum() for character in shown) else otherwise


def width_of(text: str, font: str, size: float) -> float:
    glyphs()
    return float(pdfmetrics.stringWidth(text, font, size))


def wrap(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Lines that fit, broken between words, and inside a word only if the word alone is too long."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer):
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and not fits(lines[-1] + character):
                lines.append("")
            lines[-1] += character
    return lines


def fit(text: str, font: str, size: float, width: float, height: float, smallest: float) -> tuple[float, list[str]]:
    """The largest size, and its lines, at which the text stays inside the box.

    Below `smallest`, what is left over is cut with an ellipsis.
    """

    def lines_at(size: float) -> list[str]:
        return wrap(text, lambda line: width_of(line, font, size) <= width)

    def whole(size: float) -> bool:
        return all(width_of(word, font, size) <= width for word in text.split())

    while size > smallest:
        lines = lines_at(size)
        if len(lines) <= max(1, int(height // (size * LEADING))) and whole(size):
            return size, lines
        size -= 0.5
    lines, room = lines_at(smallest), max(1, int(height // (smallest * LEADING)))
    if len(lines) > room:
        lines = lines[:room]
        while width_of(lines[-1] + "…", font, smallest) > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…"
    return smallest, lines


class Sheet:
    """A PDF in the making: reportlab's canvas with the school's letterhead, lengths in points from the bottom left."""

    def __init__(self, size: tuple[float, float], letterhead: Letterhead, title: str, subject: str) -> None:
        glyphs()
        self._buffer = BytesIO()
        # invariant: no clock and no chance in the file, so that the same pass is the same bytes
        self.canvas: Any = Canvas(self._buffer, pagesize=size, pageCompression=1, invariant=1, lang="en")
        self.canvas.setTitle(title)
        self.canvas.setSubject(subject)
        self.canvas.setAuthor(letterhead.school_name)
        self.canvas.setCreator(letterhead.school_name)
        self.width, self.height = size
        self.letterhead = letterhead
        self.colour = letterhead.colour

    def bytes(self) -> bytes:
        self.canvas.save()
        return self._buffer.getvalue()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        font: str = REGULAR,
        colour: str = INK,
        align: str = "left",
        spacing: float = 0,
    ) -> None:
        """One line; `x` is its left end, its middle or its right end."""
        width = width_of(text, font, size) + spacing * max(0, len(text) - 1)
        start = {"left": x, "centre": x - width / 2, "right": x - width}[align]
        self.canvas.setFillColorRGB(*rgb(colour))
        self.canvas.setFont(font, size)
        self.canvas.drawString(start, y, text, charSpace=spacing)

    def paragraph(
        self,
        x: float,
        top: float,
        text: str,
        size: float,
        width: float,
        *,
        height: float = 0,
        smallest: float = 6,
        font: str = REGULAR,
        colour: str = INK,
        align: str = "left",
    ) -> float:
        """Wrapped text that hangs from `top`, shrunk to stay inside the box; the height that it took."""
        size, lines = fit(text, font, size, width, height or size * LEADING, smallest)
        for number, line in enumerate(lines):
            self.text(x, top - size - number * size * LEADING, line, size, font=font, colour=colour, align=align)
        return len(lines) * size * LEADING

    def box(self, x: float, y: float, width: float, height: float, fill: str, *, radius: float = 0) -> None:
        self.canvas.setFillColorRGB(*rgb(fill))
        self.canvas.roundRect(x, y, width, height, radius, stroke=0, fill=1)

    def frame(
        self, x: float, y: float, width: float, height: float, stroke: str, thickness: float, *, radius: float = 0
    ) -> None:
        self.canvas.setStrokeColorRGB(*rgb(stroke))
        self.canvas.setLineWidth(thickness)
        self.canvas.roundRect(x, y, width, height, radius, stroke=1, fill=0)

    def rule(self, x: float, y: float, width: float, stroke: str = LINE, thickness: float = 0.6) -> None:
        self.canvas.setStrokeColorRGB(*rgb(stroke))
        self.canvas.setLineWidth(thickness)
        self.canvas.line(x, y, x + width, y)

    def heading(self, x: float, middle: float, width: float, crest: float, size: float) -> None:
        """The crest, with the school's name and motto beside it, centred on the height `middle`."""
        name, motto = printable(self.letterhead.school_name), printable(self.letterhead.motto)
        taken = self._crest(x, middle - crest / 2, crest) + crest / 4
        x, width = x + taken, width - taken
        size, lines = fit(name, BOLD, size, width, 0.75 * crest, 8)
        top = middle + (len(lines) + (0.5 if motto else 0)) * size * LEADING / 2
        top -= self.paragraph(
            x, top, name, size, width, height=0.75 * crest, smallest=8, font=BOLD, colour=dark(self.colour)
        )
        self.paragraph(x, top, motto, size / 2, width, smallest=5, colour=QUIET)

    def _shield(self, x: float, y: float, width: float, height: float) -> Any:
        """A path: straight at the top, pointed at the bottom."""
        path = self.canvas.beginPath()
        shoulder = y + height * 0.5
        path.moveTo(x, y + height)
        path.lineTo(x + width, y + height)
        path.lineTo(x + width, shoulder)
        path.curveTo(x + width, y + height * 0.24, x + width * 0.72, y + height * 0.09, x + width / 2, y)
        path.curveTo(x + width * 0.28, y + height * 0.09, x, y + height * 0.24, x, shoulder)
        path.close()
        return path

    def _crest(self, x: float, y: float, height: float) -> float:
        """The school's arms with its letters, drawn and not an image; the width it took."""
        width = height * 0.84
        colour, accent = self.colour, self.letterhead.accent
        self.canvas.setFillColorRGB(*rgb(colour))
        self.canvas.drawPath(self._shield(x, y, width, height), stroke=0, fill=1)
        inset = height * 0.055
        inner = self._shield(x + inset, y + inset * 1.25, width - 2 * inset, height - 2.25 * inset)
        self.canvas.saveState()
        self.canvas.clipPath(inner, stroke=0, fill=0)
        self._rays(x + width / 2, y + height * 0.63, height)
        chief = y + height * 0.63
        self.box(x, chief, width, height, accent)
        self.canvas.restoreState()
        self.canvas.setStrokeColorRGB(*rgb(accent))
        self.canvas.setLineWidth(height * 0.022)
        self.canvas.drawPath(inner, stroke=1, fill=0)
        self._book(x + width / 2, y + height * 0.735, width * 0.44)
        letters = printable(self.letterhead.crest_text)[:3]
        size = min(height * 0.34, height * 0.34 * width * 0.66 / max(1.0, width_of(letters, BOLD, height * 0.34)))
        self.text(
            x + width / 2, y + height * 0.415 - size * 0.36, letters, size, font=BOLD, colour=on(colour), align="centre"
        )
        return width

    def _rays(self, x: float, y: float, length: float) -> None:
        """Light falling from the book, as a slightly lighter fan."""
        self.canvas.setFillColorRGB(*rgb(tint(self.colour, 0.82)))
        for number in range(7):
            left, right = (pi + pi * (number + part) / 7 for part in (0.25, 0.75))
            path = self.canvas.beginPath()
            path.moveTo(x, y)
            path.lineTo(x + length * cos(left), y + length * sin(left))
            path.lineTo(x + length * cos(right), y + length * sin(right))
            path.close()
            self.canvas.drawPath(path, stroke=0, fill=1)

    def _book(self, x: float, y: float, width: float) -> None:
        """An open book."""
        half, thick = width / 2, width * 0.42
        self.canvas.setFillColorRGB(*rgb(self.colour))
        for side in (-1, 1):
            path = self.canvas.beginPath()
            path.moveTo(x + side * width * 0.025, y)
            path.curveTo(
                x + side * half * 0.4, y + thick * 0.25, x + side * half * 0.75, y + thick * 0.2, x + side * half, y
            )
            path.lineTo(x + side * half, y + thick * 0.85)
            path.curveTo(
                x + side * half * 0.75,
                y + thick * 1.05,
                x + side * half * 0.4,
                y + thick * 1.1,
                x + side * width * 0.025,
                y + thick * 0.85,
            )
            path.close()
            self.canvas.drawPath(path, stroke=0, fill=1)
