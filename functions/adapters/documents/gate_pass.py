"""The gate pass that a child carries: one A5 page that a guard can read and check."""

from math import cos, pi, sin

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from functions.adapters.documents.drawing import (
    BOLD,
    INK,
    LEADING,
    QUIET,
    WHITE,
    Sheet,
    dark,
    fit,
    on,
    printable,
    rgb,
    tint,
)
from functions.domain.documents import GatePassDocument, hide_middle, long_date

A5 = (419.53, 595.28)
LEFT, RIGHT = 34.0, A5[0] - 34.0
WIDTH = RIGHT - LEFT
QR_SIZE = 132.0  # points: 46 mm, so that a cheap camera reads it from 30 cm
QUIET_ZONE = 4  # modules of white around the code, as its standard asks

HOW_TO_VERIFY = "Point a phone's camera at the code. The page that opens says whether this pass is good today."
SMALL_PRINT = (
    "Only that page counts. A pass that was altered, replaced or revoked, or is another child's, is not valid."
)


def gate_pass_pdf(document: GatePassDocument) -> bytes:
    """Draw the pass; the same document gives the same bytes."""
    name = printable(document.child_name, otherwise=document.student_id)
    sheet = Sheet(A5, document.letterhead, f"Gate pass {document.pass_number}", f"Gate pass of {name}")
    _letterhead(sheet, document)
    _child(sheet, document, name)
    _validity(sheet, document)
    _details(sheet, document)
    _verification(sheet, document)
    _footer(sheet)
    return sheet.bytes()


def _letterhead(sheet: Sheet, document: GatePassDocument) -> None:
    colour, accent = sheet.colour, sheet.letterhead.accent
    sheet.frame(14, 14, A5[0] - 28, A5[1] - 28, colour, 1.2, radius=9)
    sheet.frame(17.5, 17.5, A5[0] - 35, A5[1] - 35, accent, 0.6, radius=6.5)
    sheet.heading(LEFT, 536, WIDTH, 66, 22)
    sheet.box(17.5, 452, A5[0] - 35, 36, colour)
    sheet.box(17.5, 448.5, A5[0] - 35, 3.5, accent)
    sheet.text(LEFT, 463.5, "GATE PASS", 18, font=BOLD, colour=on(colour), spacing=2.6)
    sheet.text(RIGHT, 464.5, printable(document.pass_number), 11.5, font=BOLD, colour=on(colour), align="right")


def _child(sheet: Sheet, document: GatePassDocument, name: str) -> None:
    size, lines = fit(name, BOLD, 28, WIDTH, 58, 9)
    top = 407 + (len(lines) * size * LEADING + 18) / 2  # the middle between the band and the box below
    top -= sheet.paragraph(LEFT, top, name, size, WIDTH, height=58, smallest=9, font=BOLD)
    facts = " · ".join(part for part in (printable(document.student_id), printable(document.grade)) if part)
    sheet.paragraph(LEFT, top - 2, facts, 13, WIDTH, colour=QUIET)


def _validity(sheet: Sheet, document: GatePassDocument) -> None:
    bottom, height = 271.0, 78.0
    sheet.box(LEFT, bottom, WIDTH, height, tint(sheet.colour, 0.07), radius=6)
    _rosette(sheet, RIGHT - 37, bottom + height / 2)
    sheet.frame(LEFT, bottom, WIDTH, height, dark(sheet.colour), 0.9, radius=6)
    sheet.text(LEFT + 15, bottom + 57, "VALID UNTIL", 9.5, font=BOLD, colour=dark(sheet.colour), spacing=1.2)
    sheet.text(LEFT + 15, bottom + 27, long_date(document.valid_until), 28, font=BOLD)
    sheet.text(LEFT + 15, bottom + 11, f"{document.valid_until:%A}, that day included", 9.5, colour=QUIET)


def _rosette(sheet: Sheet, x: float, y: float) -> None:
    """Fine woven lines, as on a certificate: they vanish or smear on a poor copy."""
    canvas = sheet.canvas
    canvas.setLineWidth(0.4)
    steps = 180
    for turn in range(6):
        canvas.setStrokeColorRGB(*rgb(tint(sheet.letterhead.accent if turn % 2 else sheet.colour, 0.5)))
        path = canvas.beginPath()
        for step in range(steps):
            angle = 2 * pi * step / steps
            radius = 20 + 10 * cos(6 * angle + turn * pi / 3)
            at = (round(x + radius * cos(angle), 1), round(y + radius * sin(angle), 1))
            path.lineTo(*at) if step else path.moveTo(*at)
        path.close()
        canvas.drawPath(path, stroke=1, fill=0)


def _details(sheet: Sheet, document: GatePassDocument) -> None:
    column, gap = (WIDTH - 24) / 3, 12.0
    values = [("ISSUED", long_date(document.issued)), ("FEES PAID", printable(document.share_paid))]
    if parent := hide_middle(document.parent_phone):
        values.append(("PARENT'S NUMBER", parent))
    for number, (label, value) in enumerate(values):
        x = LEFT + number * (column + gap)
        sheet.text(x, 245, label, 7.5, font=BOLD, colour=dark(sheet.colour), spacing=0.7)
        sheet.paragraph(x, 240, value, 11, column, height=28, smallest=7)
    sheet.rule(LEFT, 206, WIDTH)


def _verification(sheet: Sheet, document: GatePassDocument) -> None:
    bottom = 62.0
    _qr(sheet, document.verify_url, LEFT - 6, bottom)
    x = LEFT + QR_SIZE + 12
    room = RIGHT - x
    sheet.text(x, bottom + 105, "Scan to verify", 18, font=BOLD, colour=dark(sheet.colour))
    sheet.box(x, bottom + 97, 34, 2.6, sheet.letterhead.accent)
    used = sheet.paragraph(x, bottom + 89, HOW_TO_VERIFY, 10, room, height=50, colour=INK)
    sheet.paragraph(x, bottom + 84 - used, SMALL_PRINT, 8, room, height=40, colour=QUIET)


def _qr(sheet: Sheet, url: str, x: float, y: float) -> None:
    """The code as rectangles: sharp at any size and a few kilobytes, where an image would be blurred or large."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(url)
    rows = code.get_matrix()
    module = QR_SIZE / len(rows)
    sheet.box(x, y, QR_SIZE, QR_SIZE, WHITE)
    path = sheet.canvas.beginPath()
    for number, row in enumerate(rows):
        start = None
        for column, is_dark in enumerate([*row, False]):
            if is_dark and start is None:
                start = column
            elif not is_dark and start is not None:
                path.rect(x + start * module, y + QR_SIZE - (number + 1) * module, (column - start) * module, module)
                start = None
    sheet.canvas.setFillColorRGB(0, 0, 0)
    sheet.canvas.drawPath(path, stroke=0, fill=1)


def _footer(sheet: Sheet) -> None:
    letterhead = sheet.letterhead
    contacts = " · ".join(part for part in letterhead.contacts if part != letterhead.address)
    sheet.rule(LEFT, 52, WIDTH)
    top = 47.0
    for line in (letterhead.address, contacts):
        top -= sheet.paragraph(A5[0] / 2, top, printable(line), 8.5, WIDTH, smallest=5, colour=QUIET, align="centre")
