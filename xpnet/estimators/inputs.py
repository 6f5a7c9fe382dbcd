"""What users hand in, checked as scikit-learn checks it, on the device where it is computed with."""

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
from xpnet.data import check_features, check_finite, check_same_rows, check_weights
from xpnet.training import sparse

DTYPES = ("float64", "float32")
SPARSE = ("csr", "csc")


class Rows(NamedTuple):
    """Rows in their place.

    Attributes:
        x: Inputs (n, d_in), where they are computed with, or sparse on the host.
        y: Targets as the network learns them, there too.
        weight: Sample weights (n,), there too, or None.
        given: The targets as they came, on the host.
    """

    x: Array
    y: Array
    weight: Array | None
    given: np.ndarray

    def subset(self, rows: np.ndarray, backend: Backend) -> "Rows":
        """Some of them; sparse ones stay sparse."""
        there = backend.asarray(rows)
        x = self.x[rows] if sparse.is_sparse(self.x) else backend.take(self.x, there)
        y, weight = backend.take((self.y, self.weight), there)
        return Rows(x, y, weight, self.given[rows])


class Place(NamedTuple):
    """Where arrays come from and go back to, and where they are computed with.

    Attributes:
        home: The backend of X.
        backend: The same, unless NumPy's rows are sent to a device.
    """

    home: Backend
    backend: Backend

    def back(self, array: Array) -> Array:
        """An array that was computed, of X's kind."""
        return array if self.home is self.backend else self.backend.to_host(array)


def place(X: Any, device: str | None, **others: Any) -> Place:
    """Where X is; what else there is must be there too.

    Within `sklearn.config_context(array_api_dispatch=True)` all follows X, as scikit-learn has it.

    Raises:
        InputError: They are of two kinds; the message names both.
        ValueError: A device is named for rows that have one.
    """
    X, *rest = (np.empty(0) if sparse.is_sparse(array) else array for array in (X, *others.values()))
    home = backends.of(X=X)
    if rest and not get_config()["array_api_dispatch"]:
        # Strings are NumPy's whatever X is: no other library has them.
        backends.of(X=X, **{name: a for name, a in zip(others, rest, strict=True) if not _holds_strings(a)})
    if device is None:
        return Place(home, home)
    if home.name != "numpy":
        raise ValueError(
            f"device={device!r} is for rows of NumPy's, but X is of {home.name} on {home.device_name}; "
            "leave device out, or move X."
        )
    return Place(home, backends.resolve(None, device))


def features(estimator: Any, X: Any, place: Place) -> Array:
    """X alone, checked to be like the rows that were fitted on, and where it is computed with."""
    if place.home.name != "numpy":
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return _floating(X, place.backend)
    return _finite(validate_data(estimator, X, reset=False, accept_sparse=SPARSE, ensure_all_finite=False), place)


def features_and_targets(
    estimator: Any, X: Any, y: Any, place: Place, *, reset: bool, numbers: bool
) -> tuple[Array, np.ndarray]:
    """X, checked and where it is computed with, and y, checked and on the host."""
    if place.home.name != "numpy":
        validate_data(estimator, X, y, reset=reset, skip_check_array=True)
        x, y = _floating(X, place.backend), on_host(y)
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
        x, y = _finite(x, place), y.toarray() if sparse.is_sparse(y) else y
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=4,
        )
        y = y[:, 0]
    return x, y


def weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Sample weights on the host, checked; one number is every sample's."""
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
    """An array of any library as NumPy's; anything else as it came."""
    if not array_api_compat.is_array_api_obj(array) or sparse.is_sparse(array):
        return array
    return backends.of(array).to_host(array)


def same_kind(now: Backend, fitted: Array, method: str) -> None:
    """Refuse rows of another kind than an estimator was fitted on."""
    then = backends.of(fitted)
    if (now.name, now.device_name) != (then.name, then.device_name):
        raise ValueError(
            f"Inputs passed to {method}() must use the same namespace and the same device as those passed to fit(): "
            f"these are of {now.name} on {now.device_name}, those were of {then.name} on {then.device_name}; "
            "move them, or take the estimator that to_host() gives for arrays of NumPy's."
        )


def _holds_strings(array: Any) -> bool:
    if array is None or (array_api_compat.is_array_api_obj(array) and not isinstance(array, np.ndarray)):
        return False
    return np.asarray(array).dtype.kind in "OSU"


def _finite(x: Any, place: Place) -> Array:
    """NumPy's rows, or sparse ones, where they are computed with; refused with the place of what is not finite."""
    if sparse.is_sparse(x):
        return sparse.checked(x, name="X")
    check_finite(x, name="X", xp=np)
    return place.backend.asarray(x)


def _floating(x: Array, backend: Backend) -> Array:
    """Rows in the floating dtype that they have, or else the widest one there is."""
    check_features(x, name="X", xp=backend.xp)
    if dtype_name(x) in DTYPES:
        return backend.asarray(x)
    there = backend.xp.__array_namespace_info__().dtypes(device=backend.device, kind="real floating")
    return backend.xp.astype(x, backend.dtype("float64" if "float64" in there else "float32"))
