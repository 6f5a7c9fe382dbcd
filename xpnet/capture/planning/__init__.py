"""Second stage: a graph becomes a plan, with a place for every value, and the kernels that are run together."""
