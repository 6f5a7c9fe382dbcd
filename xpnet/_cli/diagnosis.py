"""Which backends can be had here, and how far their numbers are from what they must be."""

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
"""It is smooth, so that a difference is one of arithmetic, not of the side of a kink that z is on."""

ROWS = 40
BATCH_SIZE = 16
"""Two whole batches and a short one are three steps."""

L2 = 0.01

STEP = 1e-5
"""The step of central differences."""

GRADIENT = {"float64": 1e-7, "float32": 1e-5}
"""How far gradients may be from central differences, by the dtype that they are computed in."""

TRAINING = 1e-5
"""How far a training in float32 may be from NumPy's in float64."""


class Candidate(NamedTuple):
    """A backend on a device.

    Attributes:
        name: The backend's.
        version: Its library's, or None where that is not installed.
        device: As `--device` spells it.
        usable: The backend with each engine that can be had; empty where it cannot compute on the device.
        note: What is missing and how to get it, or nothing.
    """

    name: str
    version: str | None
    device: str
    usable: tuple[Backend, ...]
    note: str


class Check(NamedTuple):
    """A check of a candidate that is still to be made.

    Attributes:
        what: What is checked, in which dtype.
        tolerance: The largest difference at which it holds.
        difference: Makes the check: ‖a − b‖ / ‖b‖ of what is computed and what it must be, the largest of all arrays.
    """

    what: str
    tolerance: float
    difference: Callable[[], float]


def candidates(backend: str | None = None, device: str | None = None) -> Iterator[Candidate]:
    """Each backend on each of its devices, imported and tried when its turn comes.

    Args:
        backend: This one alone.
        device: This one alone, for backends that do not have it too: their note says why.
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
    """Gradients once, a training with each engine."""
    for backend in candidate.usable[:1]:
        dtype = widest(backend)
        yield Check(f"gradient, {dtype}", GRADIENT[dtype], partial(gradient, backend, dtype))
    for backend in candidate.usable:
        yield Check(f"training, {backend.engine}, float32", TRAINING, partial(training, backend))


def gradient(backend: Backend, dtype: str) -> float:
    """How far the hand-derived gradients are from central differences of the cost."""
    x, y, weight = rows()
    with backend.current():
        params, x, weight = map_arrays(lambda array: backend.asarray(array.astype(dtype)), (initial(), x, weight))
        found = NETWORK.gradients(params, x, backend.asarray(y), weight=weight, l2=L2)
        return largest_difference(map_arrays(backend.to_host, found), central_differences())


def training(backend: Backend) -> float:
    """How far three steps in float32, run as the backend's engine does, are from NumPy's in float64, one by one.

    Raises:
        EngineWarning: The engine does not serve here, another ran them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", EngineWarning)
        found = trained(backend.name, backend.device_name, backend.engine, "float32")
    return largest_difference(found, reference())


def trained(backend: str, device: str, engine: str, dtype: str) -> Any:
    """The parameters after three steps of Adam, its memory, and the mean cost; on the host."""
    x, y, weight = rows()
    given = dict(batch_size=BATCH_SIZE, epochs=1, weight=weight, l2=L2)
    where = dict(backend=backend, device=device, engine=engine, dtype=dtype)
    epoch = next(epochs(NETWORK, (x, y), adam(0.01), **given, **where))  # type: ignore[arg-type]
    arrays = (epoch.params, epoch.checkpoint.slots)
    return *map_arrays(backends.of(epoch.params[0].w).to_host, arrays), np.asarray(epoch.cost)


@cache
def reference() -> Any:
    """What every training is held to."""
    return trained("numpy", "cpu", "plain", "float64")


@cache
def central_differences() -> Params:
    """∂C/∂w and ∂C/∂b of every layer, number by number: (C(w + h) − C(w − h)) / 2h, in NumPy's float64."""
    x, y, weight = rows()

    def cost(index: int, **moved: Array) -> float:
        params = list(initial())
        params[index] = params[index]._replace(**moved)
        return NETWORK.cost(tuple(params), x, y, weight=weight, l2=L2)

    def along(index: int, field: str) -> np.ndarray:
        at: np.ndarray = getattr(initial()[index], field)
        found = np.empty_like(at)
        for place in np.ndindex(at.shape):
            step = np.zeros_like(at)
            step[place] = STEP
            ahead, behind = cost(index, **{field: at + step}), cost(index, **{field: at - step})
            found[place] = (ahead - behind) / (2 * STEP)
        return found

    return tuple(Layer(along(i, "w"), along(i, "b")) for i in range(len(initial())))


@cache
def initial() -> Params:
    """The parameters that gradients are checked at."""
    return NETWORK.init(0, dtype="float64")


@cache
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, classes and sample weights; float32 holds them exactly."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, NETWORK.sizes[0])).astype("float32")
    y = rng.integers(NETWORK.sizes[-1], size=ROWS).astype("int32")
    return x, y, rng.uniform(0.5, 2.0, ROWS).astype("float32")


def widest(backend: Backend) -> str:
    """float64 where the device has it, else float32."""
    try:
        with backend.current():
            return dtype_name(backend.asarray(np.zeros(1), "float64"))
    except (TypeError, ValueError):
        return "float32"


def largest_difference(found: Any, wanted: Any) -> float:
    """‖a − b‖ / ‖b‖ of the array that is furthest off; NaN where anything is NaN."""
    pairs = zip(arrays_in(found), arrays_in(wanted), strict=True)
    return float(np.max([np.linalg.norm(np.asarray(a, float) - b) / np.linalg.norm(b) for a, b in pairs]))
