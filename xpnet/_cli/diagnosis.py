"""Diagnosis: which backends can be used on this machine, and how far their numbers are from the right ones."""

import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.equations.optimizers import adam
from xpnet.errors import DeviceError, EngineWarning
from xpnet.training.epochs import epochs
from xpnet.training.network import Network

NETWORK = Network((12, 9, 4), "tanh")
"""Network to check with: smooth, so that no difference comes from the side of a kink that z is on."""

ROWS = 40
BATCH_SIZE = 16
"""Rows per step: two whole batches and a short one are three steps."""

L2 = 0.01

STEP = 1e-5
"""Step h of central differences."""

GRADIENT = {"float64": 1e-7, "float32": 1e-5}
"""Largest difference of gradients from central differences, by the dtype that they are computed in."""

TRAINING = 1e-5
"""Largest difference of a training in float32 from NumPy's in float64."""


class Candidate(NamedTuple):
    """Backend on a device.

    Attributes:
        name: Name of the backend.
        version: Version of its library, or None if that is not installed.
        device: Device as `--device` names it.
        usable: The backend with each engine that works; empty if it cannot compute on the device.
        note: What is missing and how to install it, or nothing.
    """

    name: str
    version: str | None
    device: str
    usable: tuple[Backend, ...]
    note: str


class Check(NamedTuple):
    """Check of a candidate, made when `difference` is called.

    Attributes:
        what: Quantity that is checked, and its dtype.
        tolerance: Largest difference at which it passes.
        difference: Function that returns ‖a − b‖ / ‖b‖ of the computed and the right arrays, the largest of all.
    """

    what: str
    tolerance: float
    difference: Callable[[], float]


def candidates(backend: str | None = None, device: str | None = None) -> Iterator[Candidate]:
    """Backends on each of their devices, imported and tried one by one.

    Args:
        backend: Only this backend.
        device: Only this device; the note of a backend that does not have it says why.
    """
    for row in backends.installed():
        if backend not in (None, row.name):
            continue
        for place in (device,) if device else row.devices or (None,):
            try:
                target = backends.resolve(row.name, place)
            except DeviceError as error:
                yield Candidate(row.name, row.version, place or "-", (), str(error))
                continue
            usable, notes = [], [row.note] if row.note else []
            for engine in target.engines:
                try:
                    usable.append(target.with_engine(engine))
                except DeviceError as error:
                    notes.append(str(error))
            yield Candidate(row.name, target.version, target.device_name, tuple(usable), "; ".join(notes))


def checks(candidate: Candidate) -> Iterator[Check]:
    """Checks of a candidate: gradients once, and a training with each engine."""
    for backend in candidate.usable[:1]:
        dtype = widest(backend)
        yield Check(f"gradient, {dtype}", GRADIENT[dtype], partial(gradient_difference, backend, dtype))
    for backend in candidate.usable:
        yield Check(f"training, {backend.engine}, float32", TRAINING, partial(training_difference, backend))


def gradient_difference(backend: Backend, dtype: str) -> float:
    """Difference of the hand-derived gradients from central differences of the cost."""
    x, y, weight = sample_rows()
    with backend.current():
        params, x, weight = map_arrays(lambda array: backend.asarray(array.astype(dtype)), (sample_params(), x, weight))
        gradients = NETWORK.gradients(params, x, backend.asarray(y), weight=weight, l2=L2)
        return largest_difference(map_arrays(backend.to_host, gradients), central_differences())


def training_difference(backend: Backend) -> float:
    """Difference of three steps in float32, run by the backend's engine, from NumPy's in float64, run one by one.

    Raises:
        EngineWarning: The engine could not run them, another one did.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", EngineWarning)
        result = training_result(backend.name, backend.device_name, backend.engine, "float32")
    return largest_difference(result, reference_result())


def training_result(backend: str, device: str, engine: str, dtype: str) -> Any:
    """Parameters and optimizer state after three steps of Adam, and their mean cost, on the host."""
    x, y, weight = sample_rows()
    settings = dict(batch_size=BATCH_SIZE, epochs=1, weight=weight, l2=L2)
    where = dict(backend=backend, device=device, engine=engine, dtype=dtype)
    epoch = next(epochs(NETWORK, (x, y), adam(0.01), **settings, **where))  # type: ignore[arg-type]
    arrays = (epoch.params, epoch.checkpoint.slots)
    return *map_arrays(backends.of(epoch.params[0].w).to_host, arrays), np.asarray(epoch.cost)


@cache
def reference_result() -> Any:
    """Result of the training that every other is compared with."""
    return training_result("numpy", "cpu", "plain", "float64")


@cache
def central_differences() -> Params:
    """∂C/∂w and ∂C/∂b of every layer, number by number: (C(w + h) − C(w − h)) / 2h, in NumPy's float64."""
    x, y, weight = sample_rows()

    def cost(index: int, **moved: Array) -> float:
        params = list(sample_params())
        params[index] = params[index]._replace(**moved)
        return NETWORK.cost(tuple(params), x, y, weight=weight, l2=L2)

    def along(index: int, field: str) -> np.ndarray:
        at: np.ndarray = getattr(sample_params()[index], field)
        slope = np.empty_like(at)
        for place in np.ndindex(at.shape):
            step = np.zeros_like(at)
            step[place] = STEP
            ahead, behind = cost(index, **{field: at + step}), cost(index, **{field: at - step})
            slope[place] = (ahead - behind) / (2 * STEP)
        return slope

    return tuple(Layer(along(i, "w"), along(i, "b")) for i in range(len(sample_params())))


@cache
def sample_params() -> Params:
    """Parameters at which gradients are checked."""
    return NETWORK.init(0, dtype="float64")


@cache
def sample_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, classes and sample weights; float32 holds them exactly."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, NETWORK.sizes[0])).astype("float32")
    y = rng.integers(NETWORK.sizes[-1], size=ROWS).astype("int32")
    return x, y, rng.uniform(0.5, 2.0, ROWS).astype("float32")


def widest(backend: Backend) -> str:
    """Widest dtype of a backend: float64 if the device has it, else float32."""
    try:
        with backend.current():
            return dtype_name(backend.asarray(np.zeros(1), "float64"))
    except (TypeError, ValueError):
        return "float32"


def largest_difference(computed: Any, wanted: Any) -> float:
    """Largest ‖a − b‖ / ‖b‖ of all arrays; NaN if anything is NaN."""
    pairs = zip(arrays_in(computed), arrays_in(wanted), strict=True)
    return float(np.max([np.linalg.norm(np.asarray(a, float) - b) / np.linalg.norm(b) for a, b in pairs]))
