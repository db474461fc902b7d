"""Everything that touches the outside. Clients are made on first use, one per process, by cached getters."""
