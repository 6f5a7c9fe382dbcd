"""Photos: what is written on a sheet, without the sheet; of SciPy's routines those of `scipy.ndimage`."""

import numpy as np

from xpnet._support.optional import needed

with needed("reading a picture", "scipy"):
    from scipy import ndimage

DEGREE = 2
"""Degree of the polynomial in rows and columns that the light on the paper follows."""

FITS = 8
"""Fits of the paper; each leaves out what the one before found to be ink."""

OUTLIER = 3.0
"""Standard deviations from the paper beyond which a pixel takes no part in the next fit."""

NOISE = 5.0
"""Standard deviations of the paper's grain that ink differs from it at least."""

SPECK = 0.05
"""Fraction of the largest stroke's area, below which a spot is a speck."""

PIXELS = 5000
"""Pixels that the paper is fitted to, about."""

GRAIN, GRAIN_PIXELS = 0.004, 0.7
"""Width of the smoothing that takes grain away, as a fraction of the longer side and at least in pixels."""

STROKE = 0.3
"""Width, as a fraction of the longer side, beyond which something is no stroke."""

FULL = 0.9
"""Quantile of the ink that becomes white; some of it is darker by chance."""

FLOOR = 1 / 255
"""Least difference between levels of grey."""


def ink(grey: np.ndarray) -> np.ndarray:
    """What is written on a sheet, from 0, where nothing is, to 1; it may be darker or lighter than the sheet.

    The light on the paper is taken away twice: a polynomial of the place, fitted to the picture's own pixels without
    the ink's, then whatever is too wide for a stroke, as a shadow is. Ink is what is left beyond the picture's own
    threshold (Otsu's) and the grain of its paper, without specks and what touches the border, as a table's edge does.

    Args:
        grey: Lightness (height, width).

    Source: N. Otsu, "A Threshold Selection Method from Gray-Level Histograms" (1979).
    """
    difference = without_light(grey)
    # The ink's pixels are fewer than the paper's, so that their side is that of the longer tail.
    difference = without_shadows(difference * (np.sign(np.sum(difference**3)) or 1.0))
    threshold = max(otsu(difference), NOISE * spread(difference), FLOOR)
    written = strokes(difference > threshold)
    if not written.any():
        return np.zeros(grey.shape)
    full = np.quantile(difference[written], FULL)
    # The pixels around a stroke are partly ink.
    return np.where(ndimage.binary_dilation(written), np.clip(difference / full, 0, 1), 0.0)


def without_light(grey: np.ndarray) -> np.ndarray:
    """Difference from a paper whose lightness is a polynomial of the place."""
    every = max(1, round((grey.size / PIXELS) ** 0.5))
    light = grey[::every, ::every]
    basis, difference = polynomials(grey.shape), light - np.median(light)
    for _ in range(FITS):
        grain = max(spread(difference), FLOOR)
        paper = np.abs(difference) <= OUTLIER * grain
        factors = np.linalg.lstsq(basis[::every, ::every][paper], light[paper], rcond=None)[0]
        difference = light - basis[::every, ::every] @ factors
    return np.asarray(grey - basis @ factors)


def without_shadows(difference: np.ndarray) -> np.ndarray:
    """Difference from what is left where all strokes are opened, and grain is smoothed away."""
    side = max(difference.shape)
    paper = ndimage.gaussian_filter(difference, max(GRAIN_PIXELS, GRAIN * side))
    paper = ndimage.grey_opening(paper, size=max(3, round(STROKE * side)))
    difference = difference - ndimage.gaussian_filter(paper, 1)
    return np.asarray(difference - np.median(difference))


def polynomials(shape: tuple[int, ...]) -> np.ndarray:
    """Polynomials of the place, along the last axis."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    powers = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    return np.stack([rows**i * columns**j for i, j in powers], axis=-1)


def spread(difference: np.ndarray) -> float:
    """Standard deviation of most values, whatever the few others are, from their median distance."""
    return 1.4826 * float(np.median(np.abs(difference)))


def otsu(values: np.ndarray) -> float:
    """Threshold between two classes of values, at which the variance between them is largest."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + np.argmax(np.nan_to_num(between))])


def strokes(mask: np.ndarray) -> np.ndarray:
    """Connected parts of a mask that are strokes: neither specks nor, if there are others, parts at the border."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return mask
    areas = np.bincount(labels.reshape(-1), minlength=count + 1)
    areas[0] = 0
    inner = areas.copy()
    inner[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
    if inner.max() > SPECK * areas.max():
        areas = inner
    return np.isin(labels, np.flatnonzero(areas > SPECK * areas.max()))
