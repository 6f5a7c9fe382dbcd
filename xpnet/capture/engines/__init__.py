"""Third stage: a plan is run, by NumPy's calls, by machine code or on a CUDA device."""
