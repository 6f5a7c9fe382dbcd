"""Evaluation: cost and accuracy of parameters on rows, and what was taken for what."""

import numpy as np
from jaxtyping import Integer, Shaped

from xpnet._support.typing import Batch, Params
from xpnet.backends import Backend
from xpnet.equations.losses import accuracy
from xpnet.equations.step import measures
from xpnet.training.data_parallel import DataParallel
from xpnet.training.network import Network
from xpnet.training.placement import chunk_rows
from xpnet.training.rows import Rows


def evaluate(
    backend: Backend, network: Network, params: Params, rows: Rows, data_parallel: DataParallel | None = None
) -> tuple[float, float]:
    """Mean cost, without L2, and accuracy; of rows that several processes share, over all of them."""
    share = (lambda n: slice(0, n)) if data_parallel is None else data_parallel.share
    sums = np.sum([sums_over(backend, network, params, part) for part in rows.parts(share)], axis=0)
    weight, cost, error = sums if data_parallel is None else data_parallel(sums)
    return float(cost / weight), accuracy(float(error), rows.total_error(network.model.loss))


def sums_over(backend: Backend, network: Network, params: Params, rows: Batch) -> np.ndarray:
    """Sums over rows: of sᵢ, of sᵢ Cᵢ and of the errors; waits for the device."""
    xp, measure = backend.xp, measures(network.model)
    cost, error = backend.map_rows(measure, params, (rows.x, rows.y), chunk_rows(network))
    weight = xp.ones_like(cost) if rows.weight is None else rows.weight
    return np.asarray([float(xp.sum(array)) for array in (weight, weight * cost, error)])


def confusion_counts(
    y: Integer[np.ndarray, " n"], guess: Integer[np.ndarray, " n"], k: int | None = None
) -> Integer[np.ndarray, "k k"]:
    """Confusion matrix: how often label i, a row, was taken for label j, a column; k None is as many as occur."""
    k = int(max(y.max(), guess.max())) + 1 if k is None else k
    return np.bincount(y.astype(np.int64) * k + guess, minlength=k * k).reshape(k, k)


def outcome_counts(
    y: Shaped[np.ndarray, "n k"], guess: Shaped[np.ndarray, "n k"]
) -> dict[str, Integer[np.ndarray, " k"]]:
    """True and false positives and negatives of each of several labels, which are 0 or 1 in each row."""
    actual, predicted = y > 0, guess > 0
    outcomes = {
        "true positives": actual & predicted,
        "false negatives": actual & ~predicted,
        "false positives": ~actual & predicted,
        "true negatives": ~actual & ~predicted,
    }
    return {name: np.sum(rows, axis=0) for name, rows in outcomes.items()}
