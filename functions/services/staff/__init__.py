"""Commands of the school's staff: one module for each use case."""
