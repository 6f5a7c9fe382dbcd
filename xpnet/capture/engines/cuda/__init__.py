"""Captured functions on a CUDA device: fused kernels as C++, matrix products by cuBLAS, many steps as one graph."""
