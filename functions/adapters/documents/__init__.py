"""What the parent and the guard see: the gate-pass PDF, the statement PDF and the pass page.

Pure rendering: values of `functions.domain.documents` in, bytes or text out. Import the module you need, and not
before you need it: `gate_pass` and `statement` load reportlab, `pass_page` loads nothing.
"""
