"""The digits: 1 797 images of 8-by-8 handwritten digits, pixels 0 … 16, inside the package.

Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). These are the
rows of its test partition in the order of scikit-learn's `load_digits`; the values are unchanged, stored as bytes.
"""

from pathlib import Path

import numpy as np

from xpnet.data import npz
from xpnet.data.dataset import Data, assemble

FILE = Path(__file__).with_name("digits.npz")
WHITE = 16.0
TEST_EVERY = 5


def load() -> Data:
    """Every fifth image, from the first on, for the test (360), the others for training (1 437)."""
    x, y = npz.read(FILE, ["x", "y"])
    test = np.arange(len(x)) % TEST_EVERY == 0
    return assemble(x[~test], y[~test], x[test], y[test], origin=FILE, name="digits", input_scale=WHITE)
