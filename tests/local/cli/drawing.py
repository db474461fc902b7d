"""What the console shows."""

import io
from typing import Any

from rich.console import Console


def drawn(*renderables: Any, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    for renderable in renderables:
        console.print(renderable)
    return console.export_text()
