"""What parameters are worth on rows that they were not trained on."""

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
    """The mean cost, without L2, and the accuracy; of rows that are shared with others, for all of them."""
    share = (lambda n: slice(0, n)) if data_parallel is None else data_parallel.share
    sums = np.sum([sums_over(backend, network, params, part) for part in rows.parts(share)], axis=0)
    weight, cost, error = sums if data_parallel is None else data_parallel(sums)
    return float(cost / weight), accuracy(float(error), rows.total_error(network.model.loss))


def sums_over(backend: Backend, network: Network, params: Params, rows: Batch) -> np.ndarray:
    """Σ sᵢ, Σ sᵢ Cᵢ and the sum of the errors over some rows; waits for the device."""
    xp, measure = backend.xp, measures(network.model)
    cost, error = backend.map_rows(measure, params, (rows.x, rows.y), chunk_rows(network))
    weight = xp.ones_like(cost) if rows.weight is None else rows.weight
    return np.asarray([float(xp.sum(array)) for array in (weight, weight * cost, error)])


def confusion(
    y: Integer[np.ndarray, " n"], guess: Integer[np.ndarray, " n"], k: int | None = None
) -> Integer[np.ndarray, "k k"]:
    """How often label i was taken for label j; of as many labels as occur, if it is not said of how many."""
    k = int(max(y.max(), guess.max())) + 1 if k is None else k
    return np.bincount(y.astype(np.int64) * k + guess, minlength=k * k).reshape(k, k)


def cases(y: Shaped[np.ndarray, "n k"], guess: Shaped[np.ndarray, "n k"]) -> dict[str, Integer[np.ndarray, " k"]]:
    """For each of several labels how often it was found or missed where it was there, or imagined where it was not."""
    there, said = y > 0, guess > 0
    found = {
        "found": there & said,
        "missed": there & ~said,
        "imagined": ~there & said,
        "rightly absent": ~there & ~said,
    }
    return {name: np.sum(which, axis=0) for name, which in found.items()}
