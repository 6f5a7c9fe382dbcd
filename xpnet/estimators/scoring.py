"""Rows that a training is judged on: held back, or the user's own."""

import copy
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, r2_score
from sklearn.model_selection import train_test_split

from xpnet._support.typing import Params
from xpnet.backends import Backend
from xpnet.equations.step import answers
from xpnet.estimators.inputs import Rows
from xpnet.training.placement import chunk_rows
from xpnet.training.sparse import is_sparse, map_rows

TOO_FEW = "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."


def split(
    rows: Rows, backend: Backend, fraction: float, stratify: np.ndarray | None, random_state: np.random.RandomState
) -> tuple[Rows, Rows]:
    """The rows to train on and those held back, drawn as scikit-learn draws them."""
    numbers = np.arange(rows.x.shape[0])
    kept, held = train_test_split(numbers, test_size=fraction, stratify=stratify, random_state=random_state)
    if len(held) < 2:
        raise ValueError(TOO_FEW)
    return rows.subset(kept, backend), rows.subset(held, backend)


def score(mlp: Any, backend: Backend, params: Params, held: Rows) -> float:
    """The accuracy, or the mean R² of the outputs, or what the estimator's `scoring` says of these parameters."""
    weight = None if held.weight is None else backend.to_host(held.weight)
    if mlp.scoring is not None:
        return _scored(mlp, backend, params, held, weight)
    with backend.current():
        a = map_rows(backend, answers(mlp.network_.model), params, held.x, chunk_rows(mlp.network_))
        given, decided = held.given, backend.to_host(mlp._decided(a, backend))
    if mlp.network_.model.loss.regression:
        return float(r2_score(given, decided, sample_weight=weight))
    right = backend.to_host(held.y).reshape(decided.shape) == decided
    return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=weight))


def _scored(mlp: Any, backend: Backend, params: Params, held: Rows, weight: np.ndarray | None) -> float:
    """A scorer's word, on the host."""
    judged = copy.copy(mlp)
    judged.coefs_, judged.intercepts_ = [w.T for w, _ in params], [b for _, b in params]
    judged = judged.to_host()
    # The rows are arrays by now, whatever they were.
    vars(judged).pop("feature_names_in_", None)
    x = held.x if is_sparse(held.x) else backend.to_host(held.x)
    scorer = check_scoring(judged, mlp.scoring)
    return float(scorer(judged, x, held.given, **({} if weight is None else {"sample_weight": weight})))
