"""Predictor: a network bound to its parameters, which answers as fast as the arithmetic is done."""

from typing import Any, cast

import numpy as np

from xpnet import backends
from xpnet._support.traced import is_traced
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Array, Params
from xpnet.backends import ENGINES, Backend, dtype_name
from xpnet.backends.base import CAPTURED
from xpnet.data import check_finite
from xpnet.equations import step
from xpnet.errors import CaptureError, InputError
from xpnet.training import sparse
from xpnet.training.placement import checked_params, chunk_rows, placed
from xpnet.training.served import Compiled, Replayed, Served

ON_HOST = ("numpy", "torch", "jax")
"""Libraries whose arrays on the CPU share memory with NumPy's."""


class Predictor:
    """Network with parameters of its own, for one prediction after another: `predictor(x)`.

    The parameters are copied and checked when it is made, and code is compiled then, so that calls do neither: later
    changes of the arrays it was made from do not count. Threads can share it.

    Attributes:
        network: The network.
        engine: Engine that predicts: "plain", "replay", "compiled" or "jit".
    """

    def __init__(self, network: Any, params: Params, engine: str = "auto") -> None:
        if engine not in ("auto", *ENGINES):
            raise InputError(f"engine is {engine!r}; it can be auto, {', '.join(ENGINES[:-1])} or {ENGINES[-1]}.")
        network, layers = network.folded(checked_params(network, params))
        home = backends.of(*arrays_in(layers))
        with home.current():
            layers = home.copy(backends.moved(layers, home))
            for number, layer in enumerate(layers, 1):
                for name, array in layer._asdict().items():
                    check_finite(array, name=f"{name} of layer {number}", xp=home.xp)
        self.network, self._params = network, {_place(home): layers}
        self._asked, self._serve = engine, cast("Served | None", None)
        if home.name in ON_HOST and home.device_name == "cpu" and engine in ("auto", *CAPTURED):
            self.engine, self._serve = _served(network, home, layers, engine)
        else:
            self.engine = home.engine if engine == "auto" else home.with_engine(engine).engine
        self._dtype = np.dtype(dtype_name(layers[0].w))
        self._inputs = network.sizes[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Another one with the same parameters: code and buffers belong to their process."""
        return type(self), (self.network, next(iter(self._params.values())), self._asked)

    def __repr__(self) -> str:
        return f"Predictor({self.network}, engine={self.engine!r})"

    def __call__(self, x: Any) -> Any:
        """Predict rows.

        Args:
            x: As for `Network.predict`, rows of any library; also none.

        Returns:
            What `Network.predict` returns, to rounding: an array of x's kind on x's device.

        Raises:
            InputError: x does not fit the network, or is not finite.
        """
        if type(x) is np.ndarray and (a := self._quick(x)) is not None:
            return a
        backend = None if isinstance(x, np.ndarray) or sparse.is_sparse(x) else backends.of(x)
        if backend is not None and self._serve is not None and (host := backend.view_on_host(x)) is not None:
            a = self._quick(host)
            if a is not None:
                with backend.with_dtypes(str(self._dtype)).current():
                    return backend.asarray(a)
        return self._long_way(x)

    def _quick(self, x: np.ndarray) -> np.ndarray | None:
        """Predictions on the host; None where something about the rows has to be looked at."""
        if self._serve is None or x.ndim != 2 or x.shape[1] != self._inputs or not len(x):
            return None
        if x.dtype == self._dtype and x.flags.c_contiguous:
            return self._serve(x)
        return self._converted(x) if x.dtype.kind in "fiub" and x.dtype.isnative else None

    def _converted(self, x: np.ndarray) -> np.ndarray | None:
        """Predictions for rows of another dtype or layout, a chunk at a time."""
        assert self._serve is not None
        parts, size = [], chunk_rows(self.network)
        is_bytes = self.network.input_scale is None and x.dtype == np.uint8
        for start in range(0, len(x), size):
            with np.errstate(over="ignore"):
                rows = np.ascontiguousarray(x[start : start + size], self._dtype)
            a = self._serve(rows / self._dtype.type(255) if is_bytes else rows)
            if a is None:
                return None
            parts.append(a)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _long_way(self, x: Any) -> Array:
        """Predictions by the backend of the rows, which are checked one thing after another."""
        params = next(iter(self._params.values()))
        backend = backends.of(np.empty(0) if sparse.is_sparse(x) else x)
        if tuple(getattr(x, "shape", ())) == (0, self._inputs):
            return backend.asarray(np.empty((0, self.network.sizes[-1]), self._dtype))
        if not is_traced(x):
            place = _place(backend)
            if place not in self._params:
                self._params[place] = backends.moved(params, backend.with_dtypes(str(self._dtype)))
            params = self._params[place]
        with placed(self.network, params, x, rowwise=True) as (backend, layers, data):
            if self._serve is None and self.engine in backend.engines:
                backend = backend.with_engine(self.engine)
            answer = step.answers(self.network.model)
            return sparse.map_rows(backend, answer, layers, data.x, chunk_rows(self.network))


def _place(backend: Backend) -> tuple[str, str]:
    """Where arrays of a backend are."""
    return backend.name, backend.device_name


def _served(network: Any, home: Backend, params: Params, engine: str) -> tuple[str, Served]:
    """Engine on the host, and its predictions."""
    host = backends.resolve("numpy")
    layers = host.copy(tuple(type(layer)(*map(home.to_host, layer)) for layer in params))
    if engine == "compiled" or (engine == "auto" and not host.missing("compiled")):
        host.with_engine("compiled")
        try:
            return "compiled", Compiled(network.model, layers)
        except CaptureError:
            if engine == "compiled":
                raise
    return "replay", Replayed(network.model, layers, chunk_rows(network))
