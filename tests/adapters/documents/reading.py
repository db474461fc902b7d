"""A letterhead for the documents of the tests, and what a reader of a PDF finds in it: text, places, codes."""

from io import BytesIO
from itertools import combinations
from pathlib import Path

import pypdfium2
import zxingcpp
from pypdf import PdfReader

from functions.domain.documents import Letterhead

LETTERHEAD = Letterhead(
    school_name="Shining Smiles College",
    motto="Learn. Lead. Shine.",
    colour="#123a73",
    accent="#f2b134",
    crest_text="SS",
    address="39 Winson Road, Hatfield, Harare",
    phone="+263 242 570 000",
    email="info@shiningsmilescollege.ac.zw",
    website="",
)
LONG_NAME = "Tinotendaishe Nyasha-Mufaro Anotidaishe Chikwanhanga-Mutambirwa wekwa Zvimba"
MILLIMETRE = 72 / 25.4
ROOT = Path(__file__).parents[3]


def text_of(pdf: bytes) -> str:
    """All text, with line breaks as spaces."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


Box = tuple[float, float, float, float]  # left, bottom, right, top in points


def pieces(page: pypdfium2.PdfPage) -> list[tuple[Box, str]]:
    """Where each piece of text stands."""
    text = page.get_textpage()
    boxes: list[Box] = [text.get_rect(number) for number in range(text.count_rects())]
    return [(box, text.get_text_bounded(*box).strip()) for box in boxes]


def text_boxes(pdf: bytes) -> list[list[Box]]:
    """For each page the boxes of its pieces of text."""
    return [[box for box, _ in pieces(page)] for page in pypdfium2.PdfDocument(pdf)]


def assert_tidy(pdf: bytes, margin: float) -> None:
    """Nothing leaves the page's margin, and no piece of text lies on another."""
    sizes = [page.mediabox for page in PdfReader(BytesIO(pdf)).pages]
    for size, boxes in zip(sizes, text_boxes(pdf), strict=True):
        for left, bottom, right, top in boxes:
            assert margin <= left <= right <= float(size.width) - margin
            assert margin <= bottom <= top <= float(size.height) - margin
        for one, other in combinations(boxes, 2):
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across <= 0.5 or down <= 0.5, f"{one} lies on {other}"


def scan(pdf: bytes, dots_per_inch: int) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    picture = document[0].render(scale=dots_per_inch / 72, grayscale=True).to_pil()
    document.close()
    return [code.text for code in zxingcpp.read_barcodes(picture)]
