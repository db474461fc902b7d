"""What the product does, one module per use case. Handlers call these; these call adapters and the domain.

A service gets its clients from `functions.dependencies`. The database and its library are imported inside the methods
that need them: most messages are answered from the cache, and the import costs 235 ms of a cold start.
"""
