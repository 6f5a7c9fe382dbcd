"""Validation: rows held out for it, and the score on them."""

import copy
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, r2_score
from sklearn.model_selection import train_test_split

from xpnet._support.typing import Params
from xpnet.backends import Backend
from xpnet.equations.step import answers
from xpnet.estimators.inputs import Samples
from xpnet.training.placement import chunk_rows
from xpnet.training.sparse import is_sparse, map_rows

TOO_FEW = "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."


def split_rows(
    n: int, fraction: float, stratify: np.ndarray | None, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to train on and of those held out, drawn as scikit-learn draws them."""
    training, held_out = train_test_split(
        np.arange(n), test_size=fraction, stratify=stratify, random_state=random_state
    )
    if len(held_out) < 2:
        raise ValueError(TOO_FEW)
    return training, held_out


def validation_score(mlp: Any, backend: Backend, params: Params, validation: Samples) -> float:
    """Score of these parameters: accuracy, the mean R² of the outputs, or that of the estimator's `scoring`."""
    weight = None if validation.weight is None else backend.to_host(validation.weight)
    if mlp.scoring is not None:
        return _scored(mlp, backend, params, validation, weight)
    with backend.current():
        a = map_rows(backend, answers(mlp.network_.model), params, validation.x, chunk_rows(mlp.network_))
        targets, decisions = validation.targets, backend.to_host(mlp._decisions(a, backend))
    if mlp.network_.model.loss.regression:
        return float(r2_score(targets, decisions, sample_weight=weight))
    right = backend.to_host(validation.y).reshape(decisions.shape) == decisions
    return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=weight))


def _scored(mlp: Any, backend: Backend, params: Params, validation: Samples, weight: np.ndarray | None) -> float:
    """Score by the estimator's `scoring`, on the host."""
    candidate = copy.copy(mlp)
    candidate.coefs_, candidate.intercepts_ = [w.T for w, _ in params], [b for _, b in params]
    candidate = candidate.to_host()
    # The rows are arrays by now, even if the user passed a data frame.
    vars(candidate).pop("feature_names_in_", None)
    x = validation.x if is_sparse(validation.x) else backend.to_host(validation.x)
    scorer = check_scoring(candidate, mlp.scoring)
    return float(scorer(candidate, x, validation.targets, **({} if weight is None else {"sample_weight": weight})))
