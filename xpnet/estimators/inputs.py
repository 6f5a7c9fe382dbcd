"""Inputs of the estimators, checked as scikit-learn checks them, on the device where they are computed with."""

import warnings
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from sklearn import get_config
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import check_array, validate_data

from xpnet import backends
from xpnet._support.typing import Array
from xpnet.backends import Backend, dtype_name
from xpnet.data import check_features, check_finite, check_same_rows, check_weights, readable
from xpnet.errors import InputError
from xpnet.training import sparse

DTYPES = ("float64", "float32")
SPARSE = ("csr", "csc")

DISPATCH = (
    "or call sklearn.set_config(array_api_dispatch=True): scikit-learn's tools then leave X in its library, and y and "
    "weights go where X is."
)
"""End of the message about arrays of two libraries, where scikit-learn's dispatch is what decides."""


class Samples(NamedTuple):
    """Samples, checked, where they are computed with.

    Attributes:
        x: Inputs (n, d_in), or sparse ones on the host.
        y: Targets encoded for the network.
        weight: Sample weights (n,), or None.
        targets: Targets as the user passed them, on the host.
        scale: Number that the weights were multiplied by.
    """

    x: Array
    y: Array
    weight: Array | None
    targets: np.ndarray
    scale: float = 1.0

    def subset(self, rows: np.ndarray, backend: Backend) -> "Samples":
        """Samples of some rows; sparse inputs stay sparse."""
        indices = backend.asarray(rows)
        x = self.x[rows] if sparse.is_sparse(self.x) else backend.take(self.x, indices)
        y, weight = backend.take((self.y, self.weight), indices)
        return Samples(x, y, weight, self.targets[rows], self.scale)


class Placement(NamedTuple):
    """Placement of arrays: where they come from and return to, and where they are computed with.

    Attributes:
        home: Backend of X.
        backend: Backend that computes: the same, unless NumPy's rows are sent to a device.
    """

    home: Backend
    backend: Backend

    def to_home(self, array: Array) -> Array:
        """Return an array that was computed as one of X's kind."""
        return array if self.home is self.backend else self.backend.to_host(array)


def find_placement(X: Any, device: str | None, **others: Any) -> Placement:
    """Find the placement of X; the other arrays must be of the same library and on the same device.

    Within `sklearn.config_context(array_api_dispatch=True)` the others are moved to X, as in scikit-learn.

    Args:
        X: Rows.
        device: Device that NumPy's rows are sent to, or None.
        **others: Targets and weights, by the names that a message calls them.

    Raises:
        InputError: Arrays are of two libraries or devices; the message names both.
        ValueError: A device is named for rows that are on one already.
    """
    arrays = ({"X": X} | others).items()
    X, *rest = (np.empty(0) if sparse.is_sparse(array) else readable(array, name=name) for name, array in arrays)
    home = backends.of(X=X)
    if rest and not get_config()["array_api_dispatch"]:
        # Strings are in NumPy arrays whatever X is: no other library has them.
        try:
            backends.of(X=X, **{name: a for name, a in zip(others, rest, strict=True) if not _holds_strings(a)})
        except InputError as error:
            raise InputError(f"{str(error).rstrip('.')}, {DISPATCH}") from None
    if device is None:
        return Placement(home, home)
    if home.name != "numpy":
        raise ValueError(
            f"device={device!r} is for NumPy arrays, but X is of {home.name} on {home.device_name}; "
            "leave device out, or move X."
        )
    return Placement(home, backends.resolve(None, device).with_dtypes(*DTYPES))


def checked_features(estimator: Any, X: Any, placement: Placement) -> Array:
    """Check that X is like the rows of the fit, and place it where it is computed with."""
    if placement.home.name != "numpy":
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return _floating(X, placement.backend)
    return _finite(validate_data(estimator, X, reset=False, accept_sparse=SPARSE, ensure_all_finite=False), placement)


def checked_features_and_targets(
    estimator: Any, X: Any, y: Any, placement: Placement, *, reset: bool, numbers: bool
) -> tuple[Array, np.ndarray]:
    """Check X and y; place X where it is computed with, and y on the host."""
    if placement.home.name != "numpy":
        validate_data(estimator, X, y, reset=reset, skip_check_array=True)
        x, y = _floating(X, placement.backend), on_host(y)
        y = check_array(y, ensure_2d=False, dtype="numeric" if numbers else None, input_name="y")
        check_same_rows(x, y, names=("X", "y"))
    else:
        x, y = validate_data(
            estimator,
            X,
            on_host(y),
            reset=reset,
            accept_sparse=SPARSE,
            dtype=DTYPES,
            multi_output=True,
            y_numeric=numbers,
            ensure_all_finite=False,
        )
        x, y = _finite(x, placement), y.toarray() if sparse.is_sparse(y) else y
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
        y = y[:, 0]
    return x, y


def checked_sample_weight(sample_weight: Any, n: int) -> np.ndarray | None:
    """Check sample weights, and place them on the host; a single number is the weight of every sample."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, int | float):
        sample_weight = np.full(n, sample_weight, np.float64)
    weight: np.ndarray = check_array(
        on_host(sample_weight), ensure_2d=False, dtype=DTYPES, input_name="sample_weight", order="C"
    )
    if weight.shape != (n,):
        raise ValueError(f"sample_weight has shape {weight.shape} but X has {n} rows; every sample needs one weight.")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    check_weights(weight, name="sample_weight", xp=np)
    return weight


def on_host(array: Any) -> Any:
    """Copy an array of any library to NumPy; leave anything else as it is."""
    if not array_api_compat.is_array_api_obj(array) or sparse.is_sparse(array):
        return array
    return backends.of(array).to_host(array)


def check_same_kind(now: Backend, fitted: Array, method: str) -> None:
    """Refuse rows of another library or device than those of the fit."""
    then = backends.of(fitted)
    if (now.name, now.device_name) != (then.name, then.device_name):
        raise ValueError(
            f"Inputs passed to {method}() must use the same namespace and the same device as those passed to fit(): "
            f"these are of {now.name} on {now.device_name}, those were of {then.name} on {then.device_name}; "
            "move them, or use the estimator that to_host() returns, which takes NumPy arrays."
        )


def _holds_strings(array: Any) -> bool:
    """Whether it is an array or a list of strings."""
    if array is None or (array_api_compat.is_array_api_obj(array) and not isinstance(array, np.ndarray)):
        return False
    return np.asarray(array).dtype.kind in "OSU"


def _finite(x: Any, placement: Placement) -> Array:
    """Place NumPy's rows, or check sparse ones; a number that is not finite is refused with its row and column."""
    if sparse.is_sparse(x):
        return sparse.checked(x, name="X")
    check_finite(x, name="X", xp=np)
    return placement.backend.asarray(x)


def _floating(x: Array, backend: Backend) -> Array:
    """Rows in their own floating-point dtype, or otherwise in the widest one of the device."""
    check_features(x, name="X", xp=backend.xp)
    if dtype_name(x) in DTYPES:
        return backend.asarray(x)
    dtypes = backend.xp.__array_namespace_info__().dtypes(device=backend.device, kind="real floating")
    return backend.xp.astype(x, backend.dtype("float64" if "float64" in dtypes else "float32"))
