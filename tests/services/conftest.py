"""The fixtures of the handlers' tests."""

from tests.functions.conftest import approve, cached

__all__ = ["approve", "cached"]
