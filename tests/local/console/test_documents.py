"""Pages as pictures, and the code on them."""

import io

import pytest
import qrcode
from PIL import Image
from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from local.console import documents


def pdf(*pages: str) -> bytes:
    """A PDF with a QR code on each page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A5)
    for text in pages:
        if text:
            canvas.drawImage(ImageReader(qrcode.make(text).get_image()), 40, 60, 120, 120)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def test_the_first_page_is_a_picture_in_its_proportions() -> None:
    content = pdf("https://school.example/passes/x", "")
    assert documents.page_count(content) == 2
    picture = Image.open(io.BytesIO(documents.picture(content, 0)))
    assert picture.format == "PNG"
    assert picture.width / picture.height == pytest.approx(A5[0] / A5[1], rel=0.01)


def test_a_page_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        documents.picture(pdf("x"), 1)


def test_the_code_is_read_from_the_picture_with_its_place() -> None:
    code = documents.code(pdf("https://school.example/passes/x"))
    assert code is not None
    assert code.text == "https://school.example/passes/x"
    assert 5 < code.left < 20
    assert 65 < code.top < 80
    assert documents.code(pdf("")) is None
