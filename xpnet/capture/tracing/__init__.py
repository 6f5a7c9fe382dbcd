"""First stage: a function becomes a graph of recorded operations."""
