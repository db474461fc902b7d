"""WhatsApp's marks as HTML."""

import pytest

from local.console.formatting import plain, to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold*", '<span class="line"><strong>bold</strong></span>'),
        ("_so_ ~gone~", '<span class="line"><em>so</em> <s>gone</s></span>'),
        ("*bold _and_ so*", '<span class="line"><strong>bold <em>and</em> so</strong></span>'),
        ("2*3*4", '<span class="line">2*3*4</span>'),
        ("- one", '<span class="item"><i aria-hidden="true">•</i><span>one</span></span>'),
        ("1. first", '<span class="item"><i>1.</i><span>first</span></span>'),
        ("> said", '<span class="quote">said</span>'),
        ("```SSC1```", '<span class="line">&nbsp;</span><code>SSC1</code><span class="line">&nbsp;</span>'),
    ],
)
def test_marks_become_elements(text: str, html: str) -> None:
    assert to_html(text) == html


def test_html_in_a_message_is_shown_and_never_run() -> None:
    assert to_html("*<script>*") == '<span class="line"><strong>&lt;script&gt;</strong></span>'
    assert "<img" not in to_html('<img src=x onerror="alert(1)">')


def test_an_address_becomes_a_link_without_the_full_stop_after_it() -> None:
    html = to_html("See https://school.example/passes/a_b_c.")
    assert 'href="https://school.example/passes/a_b_c"' in html
    assert html.endswith("</a>.</span>")


def test_a_preview_is_one_short_line_without_marks() -> None:
    assert plain("*Term 3*\n\nOwed: $420") == "Term 3 Owed: $420"
    assert len(plain("word " * 50)) <= 80
