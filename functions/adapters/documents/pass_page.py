"""The page behind the QR code: one word that a guard reads at arm's length, in sunlight, on a cheap phone."""

from html import escape
from typing import Final

from functions.domain.documents import PassPage, long_date
from functions.domain.gate_passes import PassState

# Sent with every pass page: never kept, never indexed, and able to load or run nothing.
HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

# Size of the word in hundredths of the screen's width (it fills the width and never leaves it), background, text, sign
# (an SVG path, 24 × 24, stroked) and what the guard does. The colours differ in lightness and in blue against yellow,
# never in red against green alone; the outline of each sign differs too.
_LOOK: Final = {
    PassState.VALID: (
        25,
        "#00602f",
        "#fff",
        "M12 1.5a10.5 10.5 0 1 0 0 21a10.5 10.5 0 1 0 0-21M6.5 12.5l4 4 7-8.5",
        "Good today, for the child named below.",
    ),
    PassState.EXPIRED: (
        17.5,
        "#ffb000",
        "#000",
        "M5.5 2h13M5.5 22h13M7 2v4l5 6 5-6V2M7 22v-4l5-6 5 6v4",
        "Not good any more. The parent can ask for a new pass on WhatsApp.",
    ),
    PassState.REPLACED: (
        15.5,
        "#0b4fa8",
        "#fff",
        "M3 8h15l-4.5-4.5M21 16H6l4.5 4.5",
        "Not this one: a newer pass was issued. Ask to see the new one.",
    ),
    PassState.REVOKED: (
        16.5,
        "#000",
        "#fff",
        "M7.7 1.5h8.6l6.2 6.2v8.6l-6.2 6.2H7.7l-6.2-6.2V7.7zM8 8l8 8M16 8l-8 8",
        "Not good: the school has withdrawn this pass. Call the office.",
    ),
    PassState.UNKNOWN: (
        14.5,
        "#e3e3e3",
        "#000",
        "M12 1.5L22.5 12 12 22.5 1.5 12zM9.4 9.6a2.7 2.7 0 1 1 4 2.4c-1 .6-1.4 1-1.4 2M12 16.4v.4",
        "The school has issued no such pass. Call the office.",
    ),
}

_STYLE: Final = """
*{box-sizing:border-box;margin:0}
html{color-scheme:light;-webkit-text-size-adjust:100%}
body{font-family:system-ui,-apple-system,Roboto,"Noto Sans",Arial,sans-serif;color:#000;background:#fff;line-height:1.3}
header{padding:.6rem .8rem;text-align:center}
header>b{font-size:1.1rem}
header p b{white-space:nowrap}
.state{padding:1.1rem .5rem 1.3rem;text-align:center;border-block:4px solid #000;print-color-adjust:exact;\
-webkit-print-color-adjust:exact}
svg{width:min(30vw,8rem);height:auto;display:block;margin:0 auto .2rem;fill:none;stroke:currentColor;stroke-width:2.4;\
stroke-linecap:round;stroke-linejoin:round}
h1{font-weight:900;line-height:1.05;white-space:nowrap}
.state p{font-size:1.2rem;font-weight:600;max-width:24rem;margin:.5rem auto 0}
main{max-width:34rem;margin:0 auto;padding:1.1rem 1rem}
h2{font-size:clamp(1.7rem,8.5vw,2.6rem);line-height:1.12;overflow-wrap:anywhere}
main p{font-size:1.45rem;overflow-wrap:anywhere}
dl{margin:.5rem 0 1rem}
dt{margin-top:.6rem}
dd{font-size:1.45rem;font-weight:700;overflow-wrap:anywhere}
footer{border-top:2px solid #000;padding-top:.7rem;overflow-wrap:anywhere}
footer:first-child{border:0}
a{color:inherit}
""".strip()


def pass_page(page: PassPage) -> str:
    """The whole HTML document: no script, nothing loaded, every value escaped."""
    word = page.state.name
    size, back, fore, sign, advice = _LOOK[page.state]
    letterhead = page.letterhead
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="theme-color" content="{back}">
<title>{word} · Gate pass · {escape(letterhead.school_name)}</title>
<style>
{_STYLE}
.state{{background:{back};color:{fore}}}
h1{{font-size:min({size}vw,8rem)}}
</style>
</head>
<body>
<header><b>{escape(letterhead.school_name)}</b>
<p>Gate pass checked <b>{page.checked_at:%H:%M, %d %b %Y}</b></p></header>
<div class="state" role="status">
<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{sign}"/></svg>
<h1>{word}</h1>
<p>{advice}</p>
</div>
<main>
{_child(page)}{_office(page)}</main>
</body>
</html>
"""


def _child(page: PassPage) -> str:
    facts = (
        ("Valid until", f"{page.valid_until:%a} {long_date(page.valid_until)}" if page.valid_until else ""),
        ("Pass number", page.pass_number),
    )
    name = f"<h2>{escape(page.child_name)}</h2>\n" if page.child_name else ""
    grade = f"<p>{escape(page.grade)}</p>\n" if page.grade else ""
    lines = [f"<dt>{label}</dt><dd>{escape(value)}</dd>\n" for label, value in facts if value]
    return name + grade + (f"<dl>\n{''.join(lines)}</dl>\n" if lines else "")


def _office(page: PassPage) -> str:
    phone, email = page.letterhead.phone, page.letterhead.email
    links = []
    if phone:
        number = "".join(character for character in phone if character.isdigit() or character == "+")
        links.append(f'<a href="tel:{number}">{escape(phone)}</a>')
    if email:
        links.append(f'<a href="mailto:{escape(email)}">{escape(email)}</a>')
    return f"<footer>School office: {' · '.join(links)}</footer>\n" if links else ""
