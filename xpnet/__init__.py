"""xpnet: dense neural networks trained by hand-derived backpropagation, on the arrays you have."""

__version__ = "0.1.0"
