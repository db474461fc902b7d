"""The school as a graph: an Apollo Federation v2 subgraph, published as docs/school.graphql."""
