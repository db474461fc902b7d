"""The fixtures of the handlers' tests."""

from tests.functions.conftest import approve, cached, later

__all__ = ["approve", "cached", "later"]
