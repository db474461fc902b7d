"""What a message wants, as probabilities: a linear classifier over its embedding and its pieces of words."""

import hashlib
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from local.world.language_model import embedding
from local.world.language_model.text import clean, gloss, tokens

EXAMPLES: Final = Path(__file__).with_name("examples.txt")
GLOSSARY: Final = Path(__file__).with_name("glossary.txt")
WEIGHTS: Final = Path(__file__).with_name("weights.npz")
CHILD: Final = "Tendai"  # stands for every child's name
PIECES: Final = 4096  # places that pieces of words are hashed to
EMBEDDING_WEIGHT: Final = 8.0
PIECES_WEIGHT: Final = 3.0
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One line of examples.txt."""

    label: str
    text: str


@cache
def examples() -> tuple[Example, ...]:
    """Everything that the classifier learns from."""
    found, label = [], ""
    for line in map(str.strip, EXAMPLES.read_text("utf-8").splitlines()):
        if line.startswith("[") and line.endswith("]"):
            label = line[1:-1]
        elif line and not line.startswith("#"):
            found.append(Example(label, line.replace("{child}", CHILD)))
    return tuple(found)


def fingerprint() -> str:
    """Of what the weights depend on: they are trained again when it changes."""
    parts = [EXAMPLES.read_bytes(), GLOSSARY.read_bytes(), f"{PIECES} {EMBEDDING_WEIGHT} {PIECES_WEIGHT}".encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def features(text: str) -> Matrix:
    """The embedding, then the pieces of words; both of unit length times their weight."""
    raw = clean(text)
    english = gloss(raw).text
    vector = embedding.of_message(english.lower())
    return np.concatenate([EMBEDDING_WEIGHT * vector, PIECES_WEIGHT * _pieces(raw, english)])


def _pieces(raw: str, english: str) -> Matrix:
    words = tokens(english)
    found = {f"w{word}" for word in words}
    found |= {f"b{first} {second}" for first, second in zip(["^", *words], [*words, "$"], strict=True)}
    for word in {*words, *tokens(raw)}:
        padded = f" {word} "
        found |= {f"c{padded[at : at + size]}" for size in (3, 4, 5) for at in range(len(padded) - size + 1)}
    found |= {f"e{sign}" for sign in raw if ord(sign) > 127 and not sign.isalnum()}
    found.add(f"n{min(len(words) // 3, 6)}")
    if "?" in raw:
        found.add("?")
    vector = np.zeros(PIECES, np.float32)
    for piece in found:
        vector[zlib.crc32(piece.encode()) % PIECES] += 1
    return vector / np.float32(np.linalg.norm(vector))


@dataclass(frozen=True)
class Classifier:
    """Trained weights."""

    labels: tuple[str, ...]
    weights: Matrix  # features x labels
    bias: Matrix
    trained_on: str  # fingerprint

    def probabilities(self, text: str) -> dict[str, float]:
        """Label -> probability."""
        scores = features(text) @ self.weights + self.bias
        shares = np.exp(scores - scores.max())
        return dict(zip(self.labels, (shares / shares.sum()).tolist(), strict=True))


@cache
def classifier() -> Classifier:
    """As trained and shipped."""
    with np.load(WEIGHTS) as stored:
        return Classifier(
            tuple(stored["labels"].tolist()),
            stored["weights"].astype(np.float32),
            stored["bias"].astype(np.float32),
            str(stored["trained_on"]),
        )
