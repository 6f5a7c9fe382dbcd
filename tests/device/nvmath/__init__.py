"""A stand-in for nvmath-python: cuBLAS on the stand-in for a device."""
