"""What the classifier and the regressor share: the way of a fit, and what becomes of it."""

import copy
from abc import ABC, abstractmethod
from dataclasses import replace
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
from xpnet.equations.step import answers
from xpnet.estimators import lbfgs, stochastic
from xpnet.estimators.inputs import Place, Rows, features, features_and_targets, on_host, place, same_kind, weights
from xpnet.estimators.parameters import STOCHASTIC, Parameters
from xpnet.estimators.random_state import initial_params
from xpnet.estimators.scoring import split
from xpnet.estimators.sklearn_losses import reported
from xpnet.training.placement import chunk_rows, encoded
from xpnet.training.progress import iterating
from xpnet.training.sparse import map_rows

VALIDATION = ("validation_data's X", "validation_data's y", "validation_data's sample_weight")


class MLP(Parameters, ABC):
    """A multi-layer perceptron of either kind."""

    _numbers: ClassVar[bool]
    """Whether targets are numbers."""

    @property
    def params_(self) -> Params:
        """The parameters as the rest of xpnet takes them: weights (d_out, d_in) and biases (d_out,) of each layer."""
        return tuple(Layer(w.T, b) for w, b in zip(self.coefs_, self.intercepts_, strict=True))

    def to_host(self) -> Self:
        """The same estimator with its arrays on the host, as NumPy's, where it computes from then on."""
        made = copy.copy(self)
        parameters = self.get_params(deep=False)
        for name, value in vars(self).items():
            if isinstance(value, stochastic.Progress):
                setattr(made, name, replace(value, checkpoint=_on_host(value.checkpoint)))
            elif name not in parameters:
                setattr(made, name, _on_host(value))
        made.device = None
        return made

    @abstractmethod
    def _learn(self, given: np.ndarray, at: Place, *, incremental: bool) -> None:
        """Take what targets there are, or refuse them where others were learnt before."""

    @abstractmethod
    def _check_held(self, given: np.ndarray) -> None:
        """Refuse targets of the user's that what was learnt cannot be judged by."""

    @abstractmethod
    def _task(self, given: np.ndarray) -> tuple[str, int]:
        """The loss, and how many outputs."""

    @abstractmethod
    def _targets(self, given: np.ndarray, dtype: str) -> np.ndarray:
        """Targets as the network learns them, in that dtype if they are numbers."""

    @abstractmethod
    def _weighed(self, weight: np.ndarray | None, given: np.ndarray) -> np.ndarray | None:
        """Sample weights with what else weighs."""

    @abstractmethod
    def _strata(self, rows: Rows) -> np.ndarray | None:
        """What rows that are held back are to have in proportion."""

    @abstractmethod
    def _decided(self, a: Array, backend: Backend) -> Array:
        """What output activations come to, as targets are."""

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, *, incremental: bool = False
    ) -> Self:
        """Fit anew, or from where the last fit ended: with a warm start, or incrementally by one epoch."""
        self._check_parameters(incremental)
        if validation_data is not None:
            self._check_validation(validation_data)
        named = dict(zip(VALIDATION, validation_data or (), strict=False))
        at = place(X, self.device, y=y, sample_weight=sample_weight, **named)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        if not first:
            self._check_home(at, "partial_fit" if incremental else "fit")
        with at.backend.current():
            x, given = features_and_targets(self, X, y, at, reset=first, numbers=self._numbers)
            self._learn(given, at, incremental=incremental)
            rows = self._rows(x, given, sample_weight, at)
            random_state = check_random_state(self.random_state)
            params = backends.moved(self._begin(rows, random_state) if first else self.params_, at.backend)
            held = None
            if validation_data is not None:
                held = self._rows_held(*validation_data, at=at)
            elif self.early_stopping and self.solver in STOCHASTIC:
                rows, held = split(rows, at.backend, self.validation_fraction, self._strata(rows), random_state)
            params = self._train(at.backend, rows, held, params, random_state, incremental)
            if not all(bool(at.backend.xp.all(at.backend.xp.isfinite(array))) for layer in params for array in layer):
                raise ValueError(stochastic.DIVERGED.format("lower learning_rate_init, or scale X to about 1."))
        self._keep(params, at)
        return self

    def _check_validation(self, validation_data: Any) -> None:
        if not (isinstance(validation_data, tuple | list) and len(validation_data) in (2, 3)):
            held = f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
            raise ValueError(
                f"validation_data is a {type(validation_data).__name__}{held}; "
                "give a tuple, (X, y) or (X, y, sample_weight)."
            )
        if self.solver not in STOCHASTIC:
            raise ValueError(
                f"validation_data is for the solvers {' and '.join(STOCHASTIC)}, which go epoch by epoch; "
                f"{self.solver} does not."
            )

    def _rows(self, x: Array, given: np.ndarray, sample_weight: Any, at: Place) -> Rows:
        """Checked rows in their place, with targets and weights."""
        weight, dtype = self._weighed(weights(sample_weight, x.shape[0]), given), dtype_name(x)
        target = at.backend.asarray(np.ascontiguousarray(self._targets(given, dtype)))
        return Rows(x, target, None if weight is None else at.backend.asarray(weight.astype(dtype)), given)

    def _rows_held(self, X: Any, y: Any, sample_weight: Any = None, *, at: Place) -> Rows:
        """Rows of the user's to validate on."""
        try:
            x, given = features_and_targets(self, X, y, at, reset=False, numbers=self._numbers)
            self._check_held(given)
            return self._rows(x, given, sample_weight, at)
        except ValueError as error:
            raise ValueError(f"In validation_data: {error}") from error

    def _begin(self, rows: Rows, random_state: np.random.RandomState) -> Params:
        """Forget what was fitted before; a network, with parameters drawn anew."""
        loss, outputs = self._task(rows.given)
        self.network_ = self._network(rows.x.shape[1], outputs, loss)
        self.n_outputs_, self.n_layers_, self.out_activation_ = outputs, len(self.network_.sizes), OUTPUTS[loss]
        self.n_iter_ = self.t_ = 0
        self._progress = stochastic.Progress()
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self.validation_loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None
            self.best_loss_ = None if self.early_stopping else np.inf
        # The output layer is drawn like the layer before it.
        names = self._activations or (self.activation,)
        return initial_params(self.network_.sizes, [*names, names[-1]], random_state, dtype_name(rows.x))

    def _train(
        self,
        backend: Backend,
        rows: Rows,
        held: Rows | None,
        params: Params,
        random_state: np.random.RandomState,
        incremental: bool,
    ) -> Params:
        """The parameters that the solver finds."""
        if self.solver in STOCHASTIC:
            return stochastic.train(self, backend, rows, held, params, random_state, incremental=incremental)
        data = encoded(self.network_, backend, dtype_name(params[0].w), rows.x, rows.y, rows.weight)
        limits = {name: getattr(self, name) for name in ("alpha", "tol", "max_iter", "max_fun")}
        with iterating(self.max_iter, type(self).__name__, bool(self.verbose)) as tell:
            found = lbfgs.train(self.network_, backend, data, params, **limits, tell=tell)
        self.n_iter_ = found.iterations
        self.loss_ = reported(self.network_.loss, rows, backend).loss(found.cost, found.penalty)
        return found.params

    def _keep(self, params: Params, at: Place) -> None:
        """Keep parameters, and what the next fit may go on with, as arrays of X's kind."""
        self.coefs_ = [at.back(w).T for w, _ in params]
        self.intercepts_ = [at.back(b) for _, b in params]
        if (done := self._progress.checkpoint) is not None:
            slots = map_arrays(at.back, done.slots)
            self._progress.checkpoint = done._replace(slots=slots, params=(), best_params=())

    def _check_home(self, at: Place, method: str) -> None:
        same_kind(at.home, self.coefs_[0], f"{type(self).__name__}.{method}")

    def _outputs(self, X: Any, method: str) -> tuple[Array, Place]:
        """The output activations for X, where they are computed."""
        check_is_fitted(self)
        at = place(X, self.device)
        self._check_home(at, method)
        with at.backend.current():
            x = features(self, X, at)
            params = self.params_ if at.backend is at.home else backends.moved(self.params_, at.backend)
            return map_rows(at.backend, answers(self.network_.model), params, x, chunk_rows(self.network_)), at

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _on_host(value: Any) -> Any:
    """Arrays, and those in lists and tuples, as NumPy's; all else as it is."""
    if isinstance(value, list):
        return [_on_host(each) for each in value]
    return map_arrays(lambda each: on_host(each) if array_api_compat.is_array_api_obj(each) else each, value)
