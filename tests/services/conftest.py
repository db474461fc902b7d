"""The fixtures of the handlers' tests."""

from tests.functions.conftest import approve, cached, counts

__all__ = ["approve", "cached", "counts"]
