"""The solvers sgd and adam: scikit-learn's rules around the training loop."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from xpnet._support.typing import Params
from xpnet.backends import Backend, dtype_name
from xpnet.equations.optimizers import Optimizer, adam, momentum, nesterov
from xpnet.errors import DivergenceError
from xpnet.estimators.inputs import Rows
from xpnet.estimators.random_state import Orders
from xpnet.estimators.scoring import score
from xpnet.estimators.sklearn_losses import reported
from xpnet.estimators.stopping import Rate, Watch
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.epochs import epochs
from xpnet.training.progress import iterating

CLIPPED = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
UNFINISHED = "Stochastic Optimizer: Maximum iterations ({}) reached and the optimization hasn't converged yet."
DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
    "preprocessed: {}"
)


@dataclass
class Progress:
    """What one fit hands on to the next: all of it to `partial_fit`, with a warm start what is watched.

    Attributes:
        solver: Whose memory the checkpoint holds.
        watch: The training loss, or with early stopping the validation score, negated.
        rate: The learning rate, or None before the first fit.
        checkpoint: Where the training loop goes on from, or None.
    """

    solver: str = ""
    watch: Watch = field(default_factory=Watch)
    rate: Rate | None = None
    checkpoint: Checkpoint | None = None


def train(
    mlp: Any,
    backend: Backend,
    rows: Rows,
    held: Rows | None,
    params: Params,
    random_state: np.random.RandomState,
    *,
    incremental: bool,
) -> Params:
    """Train an estimator's network, and tell the estimator of every epoch.

    Args:
        mlp: The estimator; its `loss_curve_`, `n_iter_` and the like go on.
        backend: Where the rows are.
        rows: To train on.
        held: To validate on, or None.
        params: To start from.
        random_state: What shuffles.
        incremental: Whether to train one epoch that goes on where the last one ended, optimizer and all.

    Returns:
        The last epoch's parameters, or with early stopping those of the best one.

    Raises:
        ValueError: The cost is no longer finite.
    """
    n, progress = rows.x.shape[0], mlp._progress
    if not incremental or progress.solver != mlp.solver:
        progress.solver, progress.rate, progress.checkpoint = mlp.solver, None, None
    if mlp.early_stopping != (mlp.best_validation_score_ is not None):
        # What the last fit watched is not what is watched now.
        progress.watch = Watch()
    done, watch = progress.checkpoint, progress.watch
    rate = progress.rate = progress.rate or Rate(_rule(mlp), mlp.learning_rate_init, mlp.power_t)
    size, orders = batch_size(mlp.batch_size, n), Orders(n, random_state)
    report, report_held = (reported(mlp.network_.loss, found or rows, backend) for found in (rows, held))
    if held is not None and mlp.validation_scores_ is None:
        mlp.validation_scores_ = []
    records = epochs(
        mlp.network_,
        (rows.x, rows.y),
        optimizer(mlp, rate),
        params=params,
        batch_size=size,
        epochs=1 + (done.epoch if done else 0) if incremental else mlp.max_iter,
        engine="auto",
        dtype=dtype_name(params[0].w),
        weight=rows.weight,
        l2=mlp.alpha,
        l2_of="sum",
        shuffle=mlp.shuffle,
        order=orders,
        validation=held and held[: 2 if held.weight is None else 3],
        resume=done and done._replace(params=params, best_params=params),
    )
    mlp.n_iter_, best = 0, params
    try:
        with iterating(1 if incremental else mlp.max_iter, type(mlp).__name__, bool(mlp.verbose)) as tell:
            for epoch in records:
                params, progress.checkpoint = epoch.params, epoch.checkpoint
                mlp.n_iter_ += 1
                mlp.t_ += n
                mlp.loss_ = report.epoch(epoch.cost, epoch.penalty, orders.last, size)
                mlp.loss_curve_.append(mlp.loss_)
                tell(mlp.loss_)
                if held is not None and epoch.validation_cost is not None:
                    mlp.validation_loss_curve_.append(report_held.loss(epoch.validation_cost))
                    mlp.validation_scores_.append(score(mlp, backend, params, held))
                if watch.tell(-mlp.validation_scores_[-1] if mlp.early_stopping else mlp.loss_, mlp.tol):
                    best = params
                if mlp.early_stopping:
                    mlp.best_validation_score_ = -watch.best
                else:
                    mlp.best_loss_ = watch.best
                rate.go_on(mlp.t_)
                if watch.waited > mlp.n_iter_no_change:
                    if not rate.lower():
                        break
                    watch.waited = 0
                if mlp.n_iter_ == mlp.max_iter and not incremental:
                    warnings.warn(UNFINISHED.format(mlp.max_iter), ConvergenceWarning, stacklevel=5)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=5)
    except DivergenceError as error:
        raise ValueError(DIVERGED.format(error)) from error
    return best if mlp.early_stopping else params


def optimizer(mlp: Any, rate: Rate) -> Optimizer:
    """The update rule that an estimator asks for; Adam is the ε̂ form."""
    if mlp.solver == "adam":
        return adam(rate, mlp.beta_1, mlp.beta_2, mlp.epsilon, epsilon_hat=True)
    return (nesterov if mlp.nesterovs_momentum else momentum)(rate, mlp.momentum)


def batch_size(asked: str | int, n: int) -> int:
    """Rows a step, at most all."""
    if asked == "auto":
        return min(200, n)
    if int(asked) > n:
        warnings.warn(CLIPPED, stacklevel=6)
    return min(int(asked), n)


def _rule(mlp: Any) -> Any:
    """What the learning rate goes by; scikit-learn's rules are for sgd alone."""
    return mlp.learning_rate if mlp.solver == "sgd" or callable(mlp.learning_rate) else "constant"
