"""Tasks that scikit-learn's callbacks follow: a fit, and each of its epochs or iterations."""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.utils import _safe_indexing

from xpnet._support.typing import Params

try:
    from sklearn import callback as framework
except ImportError:
    # scikit-learn has callbacks from version 1.9 on.
    framework = None

Fit = TypeVar("Fit", bound=Callable[..., Any])


class WithoutCallbacks:
    """Base of estimators beside a scikit-learn that has no callbacks."""


CallbackSupport: Any = framework.CallbackSupportMixin if framework else WithoutCallbacks
"""Base that gives an estimator `set_callbacks`, where scikit-learn has it."""


def with_callbacks(fit: Fit) -> Fit:
    """Decorator of `fit` that tears down its callbacks in the end, also after an error."""
    if framework is not None:
        return cast(Fit, framework.with_callbacks(fit))

    @wraps(fit)
    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        # One frame, as scikit-learn's decorator adds it: warnings count the frames up to the caller's line.
        return fit(*arguments, **keywords)

    return cast(Fit, wrapped)


class FitTasks:
    """Tasks of one fit that callbacks hear of; without callbacks nothing is done, and nothing computed for them.

    Args:
        mlp: Estimator that is fitted.
        data: X, y and sample_weight, as the user passed them; a single weight of all rows is None.
        rows: Numbers of the rows to train on, or None for all.
        attributes: Function from parameters to the attributes of an estimator that has them.
    """

    def __init__(
        self,
        mlp: Any,
        data: dict[str, Any],
        rows: np.ndarray | None,
        attributes: Callable[[Params], dict[str, Any]],
    ) -> None:
        self._mlp, self._data, self._rows, self._attributes = mlp, data, rows, attributes
        self._fit: Any = None
        self._task: Any = None

    @property
    def followed(self) -> bool:
        """Whether there are callbacks."""
        return self._fit is not None

    def start(self, name: str, most: int) -> None:
        """Begin the fit, with at most so many tasks of that name."""
        if getattr(self._mlp, "_skl_callbacks", ()):
            self._name, self._fit = name, self._mlp._init_callback_context(max_subtasks=most)
            self._fit.call_on_fit_task_begin(**self._handed_out())

    def begin(self) -> None:
        """Begin a task."""
        if self._fit is not None:
            self._task = self._fit.subcontext(task_name=self._name)
            self._task.call_on_fit_task_begin(**self._handed_out())

    def end(self, params: Params | None = None) -> bool:
        """End the task that was begun, with these parameters; say whether a callback wants the fit to stop."""
        if self._task is None:
            return False
        task, self._task = self._task, None
        # Scores are computed from attributes, and only where a callback asks for them.
        attributes = None if params is None else lambda: self._attributes(params)
        return bool(task.call_on_fit_task_end(**self._handed_out(), reconstruction_attributes=attributes))

    def finish(self) -> None:
        """End the fit of an estimator that has its attributes now."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._handed_out(), reconstruction_attributes={})

    def _handed_out(self) -> dict[str, Any]:
        """Keyword arguments of the hooks; functions are called where a callback asks for what they return."""
        part = {name: lambda name=name: self._trained_on[name] for name in ("X", "y")}
        return {"estimator": self._mlp, **part, "metadata": self._metadata}

    def _metadata(self) -> dict[str, Any] | None:
        weight = self._trained_on["sample_weight"]
        return None if weight is None else {"sample_weight": weight}

    @cached_property
    def _trained_on(self) -> dict[str, Any]:
        """The data without rows that are held out."""
        if self._rows is None:
            return self._data
        parts = {name: array for name, array in self._data.items() if array is not None}
        return self._data | {name: _safe_indexing(array, self._rows) for name, array in parts.items()}
