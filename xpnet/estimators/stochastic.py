"""Solvers sgd and adam: scikit-learn's rules around the training loop."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from xpnet._support.typing import Params
from xpnet.backends import Backend, dtype_name
from xpnet.equations.optimizers import Optimizer, adam, momentum, nesterov
from xpnet.estimators.callbacks import FitTasks
from xpnet.estimators.inputs import Samples
from xpnet.estimators.random_state import EpochOrders
from xpnet.estimators.scoring import validation_score
from xpnet.estimators.sklearn_losses import loss_conversion
from xpnet.estimators.stopping import Improvement, LearningRate
from xpnet.estimators.verbose import reporting
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.epochs import epochs

CLIPPED = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
UNFINISHED = "Stochastic Optimizer: Maximum iterations ({}) reached and the optimization hasn't converged yet."
DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
    "preprocessed: {}"
)


@dataclass
class Progress:
    """Progress that one fit hands on to the next: all of it to `partial_fit`, `watch` alone with a warm start.

    Attributes:
        solver: Solver whose state the checkpoint holds.
        watch: Improvement of the training loss, or with early stopping of the negated validation score.
        rate: Learning rate, or None before the first fit.
        checkpoint: Checkpoint that the training loop resumes from, or None.
    """

    solver: str = ""
    watch: Improvement = field(default_factory=Improvement)
    rate: LearningRate | None = None
    checkpoint: Checkpoint | None = None


def train_epochs(
    mlp: Any,
    backend: Backend,
    samples: Samples,
    validation: Samples | None,
    params: Params,
    random_state: np.random.RandomState,
    tasks: FitTasks,
    *,
    incremental: bool,
) -> Params:
    """Train an estimator's network epoch by epoch, and record every epoch in the estimator.

    Args:
        mlp: Estimator, whose `loss_curve_`, `n_iter_` and other attributes are updated.
        backend: Backend of the samples.
        samples: Samples to train on.
        validation: Samples to validate on, or None.
        params: Parameters to start from.
        random_state: Source of the orders.
        tasks: Tasks that callbacks follow, of which each epoch is one.
        incremental: Whether to train one epoch more with the optimizer's state of the last one.

    Returns:
        The last epoch's parameters, or with early stopping the best epoch's.

    Raises:
        DivergenceError: The cost is no longer finite.
    """
    n, progress = samples.x.shape[0], mlp._progress
    if not incremental or progress.solver != mlp.solver:
        progress.solver, progress.rate, progress.checkpoint = mlp.solver, None, None
    if mlp.early_stopping != (mlp.best_validation_score_ is not None):
        # The last fit watched the loss and this one watches the score, or the other way round.
        progress.watch = Improvement()
    done, watch = progress.checkpoint, progress.watch
    rate = progress.rate = progress.rate or LearningRate(_rule(mlp), mlp.learning_rate_init, mlp.power_t)
    size, orders = batch_size(mlp.batch_size, n), EpochOrders(n, random_state)
    conversion, validation_conversion = (
        loss_conversion(mlp.network_.loss, part or samples, backend) for part in (samples, validation)
    )
    if validation is not None and mlp.validation_scores_ is None:
        mlp.validation_scores_ = []
    records = epochs(
        mlp.network_,
        (samples.x, samples.y),
        optimizer(mlp, rate),
        params=params,
        # Drawn only where it is needed, so that everything else is drawn as scikit-learn does.
        seed=int(random_state.randint(2**31 - 1)) if mlp.network_.dropout else 0,
        batch_size=size,
        epochs=1 + (done.epoch if done else 0) if incremental else mlp.max_iter,
        engine="auto",
        dtype=dtype_name(params[0].w),
        weight=samples.weight,
        l2=mlp.alpha * samples.scale,
        l2_of="sum",
        shuffle=mlp.shuffle,
        order=orders,
        validation=validation and validation[: 2 if validation.weight is None else 3],
        # As in scikit-learn, a momentum that was changed meanwhile goes on from the state that is there.
        resume=done and done._replace(params=params, best_params=params, optimizer=""),
    )
    mlp.n_iter_, best = 0, params
    most = 1 if incremental else mlp.max_iter
    try:
        with reporting(most, type(mlp).__name__, bool(mlp.verbose)) as report:
            tasks.begin()
            for epoch in records:
                params, progress.checkpoint = epoch.params, epoch.checkpoint
                mlp.n_iter_ += 1
                mlp.t_ += n
                mlp.loss_ = conversion.epoch(epoch.cost, epoch.penalty, orders.last, size)
                mlp.loss_curve_.append(mlp.loss_)
                report.iteration(mlp.n_iter_, mlp.loss_)
                if validation is not None and epoch.validation_cost is not None:
                    mlp.validation_loss_curve_.append(validation_conversion.loss(epoch.validation_cost))
                    mlp.validation_scores_.append(validation_score(mlp, backend, params, validation))
                    report.score(mlp.validation_scores_[-1])
                if watch.update(-mlp.validation_scores_[-1] if mlp.early_stopping else mlp.loss_, mlp.tol):
                    best = params
                if mlp.early_stopping:
                    mlp.best_validation_score_ = -watch.best
                else:
                    mlp.best_loss_ = watch.best
                rate.after_epoch(mlp.t_)
                asked_to_stop = tasks.end(params)
                if watch.waited > mlp.n_iter_no_change:
                    lowered = rate.lower()
                    what = "Validation score" if mlp.early_stopping else "Training loss"
                    report.stalled(what, mlp.tol, mlp.n_iter_no_change, rate.verdict(lowered))
                    if not lowered:
                        break
                    watch.waited = 0
                if asked_to_stop:
                    break
                if mlp.n_iter_ < most:
                    tasks.begin()
                elif not incremental:
                    warnings.warn(UNFINISHED.format(mlp.max_iter), ConvergenceWarning, stacklevel=6)
    except KeyboardInterrupt:
        tasks.end()
        warnings.warn("Training interrupted by user.", stacklevel=6)
    return best if mlp.early_stopping else params


def optimizer(mlp: Any, rate: LearningRate) -> Optimizer:
    """Optimizer of an estimator's solver; Adam is the ε̂ form."""
    if mlp.solver == "adam":
        return adam(rate, mlp.beta_1, mlp.beta_2, mlp.epsilon, epsilon_hat=True)
    return (nesterov if mlp.nesterovs_momentum else momentum)(rate, mlp.momentum)


def batch_size(asked: str | int, n: int) -> int:
    """Rows per step, at most all."""
    if asked == "auto":
        return min(200, n)
    if int(asked) > n:
        warnings.warn(CLIPPED, stacklevel=7)
    return min(int(asked), n)


def _rule(mlp: Any) -> Any:
    """Rule of the learning rate; scikit-learn's rules apply to sgd only."""
    return mlp.learning_rate if mlp.solver == "sgd" or callable(mlp.learning_rate) else "constant"
