"""Pages of a PDF as pictures, and the QR code on the first one, read from the picture as a scanner reads it."""

import io
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

SCALE: Final = 2.0  # 144 dots per inch
PAGES_SHOWN: Final = 12
_pdfium: Final = threading.Lock()  # the library is not made for threads


@dataclass(frozen=True)
class Code:
    """A QR code; place and size in percent of the page."""

    text: str
    left: float
    top: float
    width: float
    height: float


def page_count(content: bytes) -> int:
    import pypdfium2

    with _pdfium:
        document = pypdfium2.PdfDocument(content)
        try:
            return len(document)
        finally:
            document.close()


@lru_cache(maxsize=64)
def picture(content: bytes, page: int) -> bytes:
    """A page as PNG; IndexError if there is none."""
    buffer = io.BytesIO()
    _image(content, page).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@lru_cache(maxsize=64)
def code(content: bytes) -> Code | None:
    """The QR code on the first page."""
    import zxingcpp

    image = _image(content, 0)
    found = zxingcpp.read_barcodes(image)
    if not found:
        return None
    place = found[0].position
    xs, ys = ([getattr(corner, axis) for corner in _corners(place)] for axis in ("x", "y"))
    across, down = image.width / 100, image.height / 100
    width, height = (max(xs) - min(xs)) / across, (max(ys) - min(ys)) / down
    return Code(found[0].text, min(xs) / across, min(ys) / down, width, height)


def _corners(place: Any) -> tuple[Any, ...]:
    return place.top_left, place.top_right, place.bottom_left, place.bottom_right


def _image(content: bytes, page: int) -> Any:
    import pypdfium2

    with _pdfium:
        document = pypdfium2.PdfDocument(content)
        try:
            if not 0 <= page < min(len(document), PAGES_SHOWN):
                raise IndexError(page)
            return document[page].render(scale=SCALE).to_pil().convert("RGB")
        finally:
            document.close()
