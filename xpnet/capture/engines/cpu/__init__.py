"""Plans as machine code for the CPU: fused, written as source, compiled by numba, and run by one thread or several."""
