"""Doubts about data that are probably not meant as they are understood; judged by some of the rows, and only warned of.

Each warning says what was understood, and how to say otherwise.
"""

import numpy as np

from xpnet._support.warn import warn_user
from xpnet.data.stored import Stored
from xpnet.data.targets import is_one_hot
from xpnet.errors import DataWarning

SAMPLED = 1000
"""Rows that are looked at, spread evenly over all: few enough for data on disk."""

MOST_CLASSES = 100
"""Different whole numbers up to which targets are probably classes."""

FACTOR = 100
"""Factor between the scales of columns from which on a network probably trains badly."""

PIXELS = 16
"""Columns from which on whole numbers 0 … 255 are probably pixels."""

ALIKE = 64
"""Columns from which on many of them that reach as far are measured alike, as an image's pixels are."""


def doubt_targets(y: np.ndarray | Stored, *, name: str) -> None:
    """Warn of classes that were stored as the numbers of a regression, or one-hot."""
    rows = y.spread_rows(SAMPLED) if isinstance(y, Stored) else spread(y)
    if rows.ndim == 2 and rows.shape[1] > 1:
        if is_one_hot(rows, xp=np):
            warn_user(
                f"{name} has a single 1 in each row of {rows.shape[1]}: understood as that many yes-or-no targets. "
                f"If they are classes, store {name}.argmax(axis=1).",
                DataWarning,
            )
        return
    if rows.dtype.kind != "f" or not _is_whole(rows):
        return
    different = len(np.unique(rows))
    if 1 < different <= min(MOST_CLASSES, len(rows) // 2):
        warn_user(
            f"{name} holds {different} different numbers, all whole, as {rows.dtype}: understood as the targets of a "
            f"regression. If they are classes, store integers: {name}.astype(int).",
            DataWarning,
        )


def doubt_inputs(rows: np.ndarray, *, name: str) -> None:
    """Warn of pixels that are not divided by 255, and of columns whose scales differ; never of bytes.

    Args:
        rows: Some of the rows, as `spread` takes them; images may have more than two axes.
        name: Name of the array that they are of.
    """
    rows = rows.reshape(len(rows), -1)
    if rows.dtype == np.uint8 or rows.dtype.kind not in "iuf" or not np.isfinite(rows).all():
        return
    smallest, largest = rows.min(axis=0), rows.max(axis=0)
    if rows.shape[1] >= PIXELS and smallest.min() >= 0 and 127 < largest.max() <= 255 and _is_whole(rows):
        warn_user(
            f"{name} holds whole numbers 0 … 255 as {rows.dtype}: understood as they are. If they are pixels, give "
            f"bytes, {name}.astype('uint8'), which are divided by 255.",
            DataWarning,
        )
        return
    scales = np.maximum(-smallest.astype(float), largest.astype(float))
    if (scales.size >= ALIKE and 4 * np.sum(2 * scales >= scales.max()) >= scales.size) or not scales.any():
        return
    high, low = int(scales.argmax()), int(np.where(scales > 0, scales, np.inf).argmin())
    if scales[high] >= FACTOR * scales[low]:
        warn_user(
            f"the columns of {name} differ in scale by a factor of {scales[high] / scales[low]:,.0f}: column {high} "
            f"reaches {scales[high]:g}, column {low} {scales[low]:g} (counted from 0). Networks train badly on such "
            f"inputs; bring each to about 1 with --standardize (in the library, input_scale=Standardization.of(x)).",
            DataWarning,
        )


def spread(array: np.ndarray) -> np.ndarray:
    """At most about `SAMPLED` rows of an array of any library, spread evenly over all."""
    return array[:: max(1, array.shape[0] // SAMPLED), ...]


def _is_whole(rows: np.ndarray) -> bool:
    """Whether there is no fraction among the numbers."""
    return rows.dtype.kind in "iu" or bool((rows == np.rint(rows)).all())
