"""The corpus: small inputs that reach far into each target."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
PAYLOADS = Path(__file__).parents[1] / "payloads"  # WhatsApp's own bodies


def folders(target: str) -> list[Path]:
    """Where the seeds of a target are."""
    return [CORPUS / target, *([PAYLOADS] if target == "webhook" else [])]


def seeds(target: str) -> list[Path]:
    """Its inputs, in a fixed order."""
    found = [path for folder in folders(target) for path in folder.iterdir() if path.name != "expected.json"]
    return sorted(found)
