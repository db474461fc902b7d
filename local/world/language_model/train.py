"""`python -m local.world.language_model.train`: learn from examples.txt anew and write weights.npz.

`--check` instead learns from four fifths and reads the rest, five times over, and prints what was read wrong.
"""

import argparse
from typing import Final

import numpy as np
from numpy.typing import NDArray

from local.world.language_model.classifier import WEIGHTS, Matrix, examples, features, fingerprint

DECAY: Final = 3e-4
STEPS: Final = 150
FOLDS: Final = 5


def fit(inputs: Matrix, targets: NDArray[np.intp], labels: int) -> tuple[Matrix, Matrix]:
    """Multinomial logistic regression by accelerated gradient descent on the weights of the examples."""
    count = len(inputs)
    alike = inputs @ inputs.T
    wanted = np.eye(labels, dtype=np.float32)[targets]
    steepest = np.linalg.norm(alike, 2) / count / 2 + DECAY
    found = np.zeros((count, labels), np.float32)
    ahead, bias = found.copy(), np.zeros(labels, np.float32)
    for step in range(STEPS):
        scores = alike @ ahead + bias
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        wrong = shares / shares.sum(axis=1, keepdims=True) - wanted
        moved = ahead - (wrong / count + DECAY * ahead) / steepest
        bias -= 0.6 * wrong.mean(axis=0)
        ahead, found = moved + step / (step + 3) * (moved - found), moved
    return inputs.T @ found, bias


def _centred(inputs: Matrix) -> tuple[Matrix, Matrix]:
    """Embeddings lie close together: their mean is taken off."""
    mean = inputs.mean(axis=0)
    return inputs - mean, mean


def _train() -> None:
    rows = examples()
    labels = sorted({row.label for row in rows})
    inputs, mean = _centred(np.stack([features(row.text) for row in rows]))
    weights, bias = fit(inputs, np.array([labels.index(row.label) for row in rows]), len(labels))
    np.savez_compressed(
        WEIGHTS,
        labels=np.array(labels),
        weights=weights.astype(np.float16),
        bias=(bias - mean @ weights).astype(np.float32),
        trained_on=np.array(fingerprint()),
    )
    print(f"{len(rows)} examples of {len(labels)} labels: {WEIGHTS.name}, {WEIGHTS.stat().st_size // 1024} KB")


def _check() -> None:
    rows = examples()
    labels = sorted({row.label for row in rows})
    targets = np.array([labels.index(row.label) for row in rows])
    inputs, _ = _centred(np.stack([features(row.text) for row in rows]))
    order = np.random.default_rng(0).permutation(len(rows))
    read = np.zeros_like(targets)
    for fold in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, fold)
        weights, bias = fit(inputs[rest], targets[rest], len(labels))
        read[fold] = (inputs[fold] @ weights + bias).argmax(axis=1)
    for place in np.flatnonzero(read != targets):
        print(f"{rows[place].label} read as {labels[read[place]]}: {rows[place].text}")
    for number, label in enumerate(labels):
        own = targets == number
        print(f"{label:10} {(read[own] == number).mean():5.0%} of {own.sum()}")
    print(f"right: {(read == targets).mean():.1%} of {len(rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.world.language_model.train", description=__doc__)
    parser.add_argument("--check", action="store_true", help="print how well it reads lines that it has not learned")
    _check() if parser.parse_args().check else _train()
