"""Base of the classifier and the regressor: the course of a fit, and what it leaves."""

import copy
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import array_api_compat
import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from xpnet import backends
from xpnet._support.sklearn_names import OUTPUTS
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import scaled_weights
from xpnet.equations.step import answers
from xpnet.errors import DivergenceError
from xpnet.estimators import lbfgs, stochastic
from xpnet.estimators.callbacks import CallbackSupport, FitTasks
from xpnet.estimators.inputs import (
    Placement,
    Samples,
    check_same_kind,
    checked_features,
    checked_features_and_targets,
    checked_sample_weight,
    find_placement,
    on_host,
)
from xpnet.estimators.parameters import STOCHASTIC, Parameters
from xpnet.estimators.random_state import initial_params
from xpnet.estimators.scoring import split_rows
from xpnet.estimators.sklearn_losses import loss_conversion
from xpnet.estimators.validation_rows import ValidationRows
from xpnet.estimators.verbose import reporting
from xpnet.training.mapped import shortcut
from xpnet.training.placement import chunk_rows, encoded
from xpnet.training.rows import check_weights_on_both_sides
from xpnet.training.sparse import map_rows


class MLP(CallbackSupport, Parameters, ABC):
    """Multi-layer perceptron, a classifier or a regressor."""

    _numbers: ClassVar[bool]
    """Whether targets are numbers."""

    _class_names: Any = None
    """Names of the classes that the network keeps."""

    @property
    def params_(self) -> Params:
        """Parameters in xpnet's form: weights (d_out, d_in) and biases (d_out,) of each layer."""
        return tuple(Layer(w.T, b) for w, b in zip(self.coefs_, self.intercepts_, strict=True))

    def to_host(self) -> Self:
        """Copy of the estimator with NumPy arrays on the host, where it computes from then on."""
        copied = copy.copy(self)
        parameters = self.get_params(deep=False)
        for name, value in vars(self).items():
            if isinstance(value, stochastic.Progress):
                setattr(copied, name, replace(value, checkpoint=_on_host(value.checkpoint)))
            elif name not in parameters:
                setattr(copied, name, _on_host(value))
        copied.device = None
        return copied

    @abstractmethod
    def _learn_targets(self, targets: np.ndarray, placement: Placement, *, incremental: bool) -> None:
        """Learn which targets occur, or refuse those that an earlier fit did not learn."""

    @abstractmethod
    def _check_validation_targets(self, targets: np.ndarray) -> None:
        """Refuse validation targets that a fit on the training targets cannot be judged by."""

    @abstractmethod
    def _task(self, targets: np.ndarray) -> tuple[str, int]:
        """Loss, and number of outputs."""

    @abstractmethod
    def _targets(self, targets: np.ndarray, dtype: str) -> np.ndarray:
        """Targets encoded for the network, in that dtype if they are numbers."""

    @abstractmethod
    def _combined_weights(self, weight: np.ndarray | None, targets: np.ndarray) -> np.ndarray | None:
        """Sample weights, multiplied by the weights of the classes."""

    @abstractmethod
    def _strata(self, samples: Samples) -> np.ndarray | None:
        """Classes whose proportions held-out rows keep, or None."""

    @abstractmethod
    def _decisions(self, a: Array, backend: Backend) -> Array:
        """Output activations as predicted targets."""

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validating: ValidationRows | None = None,
        *,
        incremental: bool = False,
    ) -> Self:
        """Fit anew, or continue the last fit: with a warm start, or incrementally for one epoch."""
        self._check_parameters(incremental)
        if validating is not None and self.solver not in STOCHASTIC:
            raise ValueError(
                f"{self.solver} takes no {validating.name}, since it does not go epoch by epoch; "
                f"the solvers {' and '.join(STOCHASTIC)} do."
            )
        others = {"y": y, "sample_weight": sample_weight} | (validating.by_name() if validating else {})
        placement = find_placement(X, self.device, **others)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        if not first:
            self._check_home(placement, "partial_fit" if incremental else "fit")
        with placement.backend.current():
            x, targets = checked_features_and_targets(self, X, y, placement, reset=first, numbers=self._numbers)
            self._learn_targets(targets, placement, incremental=incremental)
            samples = self._samples(x, targets, sample_weight, placement)
            random_state = check_random_state(self.random_state)
            params = backends.moved(self._begin(samples, random_state) if first else self.params_, placement.backend)
            validation = training = None
            if validating is not None:
                validation = self._validation_samples(validating, placement)
            elif self.early_stopping and self.solver in STOCHASTIC:
                n, strata = samples.x.shape[0], self._strata(samples)
                training, held_out = split_rows(n, self.validation_fraction, strata, random_state)
                samples, validation = (samples.subset(rows, placement.backend) for rows in (training, held_out))
                if samples.weight is not None:
                    weights = [placement.backend.to_host(part.weight) for part in (samples, validation)]
                    check_weights_on_both_sides(weights, self.validation_fraction)
            # A single weight of all rows is none to a score.
            data = {"X": X, "y": y, "sample_weight": None if isinstance(sample_weight, int | float) else sample_weight}
            tasks = FitTasks(self, data, training, partial(self._coefficients, placement=placement))
            try:
                params = self._train(placement.backend, samples, validation, params, random_state, tasks, incremental)
            except DivergenceError as error:
                raise ValueError(stochastic.DIVERGED.format(error)) from error
            xp = placement.backend.xp
            if not all(bool(xp.all(xp.isfinite(array))) for layer in params for array in layer):
                raise ValueError(stochastic.DIVERGED.format("lower learning_rate_init, or scale X to about 1."))
        self._keep(params, placement)
        tasks.finish()
        return self

    def _samples(self, x: Array, targets: np.ndarray, sample_weight: Any, placement: Placement) -> Samples:
        """Checked rows with their targets and weights, where they are computed with."""
        weight, dtype = self._combined_weights(checked_sample_weight(sample_weight, x.shape[0]), targets), dtype_name(x)
        target = placement.backend.asarray(np.ascontiguousarray(self._targets(targets, dtype)))
        if weight is None:
            return Samples(x, target, None, targets)
        weight, scale = scaled_weights(weight, xp=np)
        return Samples(x, target, placement.backend.asarray(weight.astype(dtype)), targets, scale)

    def _validation_samples(self, rows: ValidationRows, placement: Placement) -> Samples:
        """Rows of the user's to validate on, checked."""
        try:
            x, targets = checked_features_and_targets(
                self, rows.X, rows.y, placement, reset=False, numbers=self._numbers
            )
            self._check_validation_targets(targets)
            return self._samples(x, targets, rows.sample_weight, placement)
        except ValueError as error:
            raise ValueError(f"In {rows.name}: {error}") from error

    def _begin(self, samples: Samples, random_state: np.random.RandomState) -> Params:
        """Forget earlier fits, and make a network with initial parameters."""
        loss, outputs = self._task(samples.targets)
        self.network_ = self._network(samples.x.shape[1], outputs, loss, self._class_names)
        self.n_outputs_, self.n_layers_ = outputs, len(self.network_.sizes)
        self.out_activation_ = OUTPUTS[self.network_.model.loss.name]
        self.n_iter_ = self.t_ = 0
        self._progress = stochastic.Progress()
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self.validation_loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None
            self.best_loss_ = None if self.early_stopping else np.inf
        # scikit-learn draws the output layer as if it had the activation of the layer before it.
        names = self._activations or (self.activation,)
        return initial_params(self.network_.sizes, [*names, names[-1]], random_state, dtype_name(samples.x))

    def _train(
        self,
        backend: Backend,
        samples: Samples,
        validation: Samples | None,
        params: Params,
        random_state: np.random.RandomState,
        tasks: FitTasks,
        incremental: bool,
    ) -> Params:
        """Parameters at which the solver ends."""
        if self.solver in STOCHASTIC:
            if not incremental:
                tasks.start("epoch", self.max_iter)
            return stochastic.train_epochs(
                self, backend, samples, validation, params, random_state, tasks, incremental=incremental
            )
        # One more than iterations: the last task is empty.
        tasks.start("iteration", self.max_iter + 1)
        data = encoded(self.network_, backend, dtype_name(params[0].w), samples.x, samples.y, samples.weight)
        limits = {name: getattr(self, name) for name in ("tol", "max_iter", "max_fun")}
        # α counts beside Σ s.
        limits["alpha"] = self.alpha * samples.scale
        with reporting(self.max_iter, type(self).__name__, bool(self.verbose)) as report:
            result = lbfgs.train_lbfgs(self.network_, backend, data, params, **limits, report=report, tasks=tasks)
        self.n_iter_ = result.iterations
        self.loss_ = loss_conversion(self.network_.loss, samples, backend).loss(result.cost, result.penalty)
        return result.params

    def _keep(self, params: Params, placement: Placement) -> None:
        """Keep the parameters, and what the next fit may continue with, as arrays of X's kind."""
        self.__dict__.update(self._coefficients(params, placement))
        if (done := self._progress.checkpoint) is not None:
            slots = map_arrays(placement.to_home, done.slots)
            self._progress.checkpoint = done._replace(slots=slots, params=(), best_params=())

    @staticmethod
    def _coefficients(params: Params, placement: Placement) -> dict[str, Any]:
        """Attributes with the parameters, as arrays of X's kind."""
        weights, biases = zip(*params, strict=True)
        return {
            "coefs_": [placement.to_home(w).T for w in weights],
            "intercepts_": [placement.to_home(b) for b in biases],
        }

    def _check_home(self, placement: Placement, method: str) -> None:
        check_same_kind(placement.home, self.coefs_[0], f"{type(self).__name__}.{method}")

    def _outputs(self, X: Any, method: str) -> tuple[Array, Placement]:
        """Output activations for X, where they are computed."""
        if type(X) is np.ndarray and self.device is None and (a := self._outputs_for_numpy(X)) is not None:
            home = backends.of(X)
            return a, Placement(home, home)
        check_is_fitted(self)
        placement = find_placement(X, self.device)
        self._check_home(placement, method)
        with placement.backend.current():
            x = checked_features(self, X, placement)
            params = (
                self.params_ if placement.backend is placement.home else backends.moved(self.params_, placement.backend)
            )
            return map_rows(
                placement.backend, answers(self.network_.model), params, x, chunk_rows(self.network_)
            ), placement

    def _outputs_for_numpy(self, X: np.ndarray) -> np.ndarray | None:
        """Output activations where scikit-learn's checks, which take longer, would change and refuse nothing."""
        fitted = vars(self)
        if "coefs_" not in fitted or "feature_names_in_" in fitted:
            return None
        if X.ndim != 2 or X.shape[1] != self.n_features_in_ or X.dtype.kind not in "fiub":
            return None
        found = shortcut(self.network_, answers, self.params_, X, name="X")
        return None if found is None else found[-1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _on_host(value: Any) -> Any:
    """Copy arrays, also those in lists and tuples, to NumPy; leave everything else as it is."""
    if isinstance(value, list):
        return [_on_host(each) for each in value]
    return map_arrays(lambda each: on_host(each) if array_api_compat.is_array_api_obj(each) else each, value)
