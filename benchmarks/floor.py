"""Floor of all times: the matrix products of a step alone, or of the forward pass, into memory that exists already."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from configurations import Problem
from contender import Contender, Unavailable, on_gpu_only


class Floor(Contender):
    """NumPy's matmul, on a GPU CuPy's or torch's; weights as the post has them, (d_out, d_in)."""

    def __init__(self, problem: Problem, device: str, precision: str = "fp32") -> None:
        super().__init__(problem, device)
        if precision != "fp32":
            on_gpu_only(device)
        xp, to_device, self.synchronize = library(device)
        self.matmul, self.precise = xp.matmul, partial(in_precision, xp, precision)
        self.x, self.asked = to_device(problem.x), to_device(problem.asked)
        self.w = [to_device(w) for w, _ in problem.start]
        self.grads = [xp.empty_like(w) for w in self.w]
        self.rooms: dict[int, tuple[list[Any], list[Any]]] = {}
        self.to_device = to_device

    def room(self, rows: int) -> tuple[list[Any], list[Any]]:
        """Memory for so many rows' activations and ∂C/∂z, a layer each; allocated once."""
        if rows not in self.rooms:
            rng = np.random.default_rng(0)
            sizes = self.problem.configuration.sizes[1:]
            # Like a training's in size, so that nothing is subnormal.
            pair = [[self.to_device(rng.random((rows, size), np.float32)) for size in sizes] for _ in "az"]
            self.rooms[rows] = (pair[0], pair[1])
        return self.rooms[rows]

    def block(self, rows: np.ndarray) -> None:
        """Forward products, then ∂C/∂w and ∂C/∂a from the last layer to the first; no batch is gathered."""
        steps, size = rows.shape
        first = 0
        with self.precise():
            for _ in range(steps):
                first = first if first + size <= len(self.x) else 0
                self.step(self.x[first : first + size])
                first += size
            self.synchronize()

    def step(self, x: Any) -> None:
        """The products of one step."""
        activations, deltas = self.room(len(x))
        a = [x, *activations]
        self.forward(a)
        for layer in reversed(range(len(self.w))):
            self.matmul(deltas[layer].T, a[layer], out=self.grads[layer])
            if layer:
                self.matmul(deltas[layer], self.w[layer], out=deltas[layer - 1])

    def forward(self, a: list[Any]) -> None:
        """Each layer's product, from the input to the output."""
        for w, (a_prev, z) in zip(self.w, pairwise(a), strict=True):
            self.matmul(a_prev, w.T, out=z)

    def predict(self) -> np.ndarray:
        """All rows at once; what comes out are no probabilities."""
        with self.precise():
            self.forward([self.asked, *self.room(len(self.asked))[0]])
            self.synchronize()
        return np.empty(0)


@contextmanager
def in_precision(xp: Any, precision: str) -> Iterator[None]:
    """A context in which a library's products have a precision; NumPy's have theirs."""
    if precision == "fp32":
        yield
        return
    try:
        import cupy

        core = cupy._core
        before = core.get_compute_type("float32")
        core.set_compute_type("float32", core._routines_linalg.COMPUTE_TYPE_TF32)
        yield
        core.set_compute_type("float32", before)
    except ImportError:
        products = xp.backends.cuda.matmul
        before, products.fp32_precision = products.fp32_precision, "tf32"
        yield
        products.fp32_precision = before


def library(device: str) -> tuple[Any, Any, Any]:
    """A namespace, a function that brings an array to the device, and one that waits for it."""
    if device == "cpu":
        return np, np.asarray, lambda: None
    number = int(device.partition(":")[2] or 0)
    try:
        import cupy

        chosen = cupy.cuda.Device(number)
        chosen.use()
        return cupy, cupy.asarray, chosen.synchronize
    except ImportError:
        pass
    except RuntimeError as error:
        raise Unavailable(f"CuPy finds no device {device} ({error})") from error
    try:
        import torch
    except ImportError as error:
        raise Unavailable("needs CuPy or torch on a GPU") from error
    if not torch.cuda.is_available():
        raise Unavailable("torch finds no CUDA device")
    return torch, lambda array: torch.asarray(array, device=device), torch.cuda.synchronize
