"""Attacks, over the real code."""
