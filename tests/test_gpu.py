"""What can only be seen on a GPU: that it computes right, in the precision that is asked for, and where it is asked."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import distance, host

import xpnet
from xpnet import Network, backends
from xpnet._cli import diagnosis
from xpnet.backends import Backend, cuda
from xpnet.data import load
from xpnet.errors import DeviceError

pytestmark = pytest.mark.gpu

CAPTURED = 1e-5
"""How far a hundred steps in float32 may be apart that are run one by one and as a graph."""


@pytest.fixture(params=["cupy", "torch", "jax"])
def gpu(request: pytest.FixtureRequest) -> Backend:
    """Each library on its first CUDA device; one that finds none skips, and says what is missing."""
    try:
        return backends.resolve(request.param, "cuda")
    except DeviceError as error:
        pytest.skip(str(error))


def test_every_device_is_well(gpu: Backend) -> None:
    """Gradients and a training on each GPU hold with each engine that can be had."""
    candidates = [candidate for candidate in diagnosis.candidates(gpu.name) if candidate.device != "cpu"]
    assert all(candidate.usable for candidate in candidates), [candidate.note for candidate in candidates]
    for candidate in candidates:
        for check in diagnosis.checks(candidate):
            assert check.difference() <= check.tolerance, (candidate.device, check.what)


def product(backend: Backend) -> np.ndarray:
    """A product of random matrices."""
    rng = np.random.default_rng(0)
    a, b = (backend.asarray(rng.normal(size=(512, 512)).astype("float32")) for _ in range(2))
    with backend.current():
        return backend.to_host(a @ b)


def test_precision_is_what_is_asked_for(gpu: Backend) -> None:
    """float32 products are exact to rounding, TF32's to three digits where there is TF32, then float32's again."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(512, 512)).astype("float32").astype("float64") for _ in range(2))
    tf32 = gpu.with_precision("tf32")
    off = [distance(product(backend), a @ b) for backend in (gpu, tf32, gpu)]
    assert max(off[0], off[2]) < 1e-5
    assert off[1] < 1e-2
    # What is older than Ampere multiplies float32 as it is, whatever is asked for.
    assert off[1] > 1e-5 or (cuda.compute_capability() or (8, 0)) < (8, 0)


def test_engines_come_to_the_same(gpu: Backend) -> None:
    """A hundred steps of a smooth network, with a short last batch, are the same however they are run."""
    network, data = Network([64, 32, 10], "tanh", input_scale=16.0), load("digits")
    epochs = {}
    (candidate,) = diagnosis.candidates(gpu.name, "cuda")
    for engine in (backend.engine for backend in candidate.usable):
        settings = dict(backend=gpu.name, device="cuda", engine=engine, batch_size=30, epochs=2)
        epochs[engine] = list(xpnet.epochs(network, data, xpnet.adam(), **settings))[-1]
    plain = host(gpu, epochs["plain"].params)
    for engine, epoch in epochs.items():
        assert epoch.checkpoint.engine == engine
        assert distance(host(gpu, epoch.params), plain) < CAPTURED


def test_a_training_in_tf32_learns(gpu: Backend) -> None:
    """It comes to about the same accuracy, and its checkpoint goes on."""
    settings = dict(backend=gpu.name, device="cuda", batch_size=32)
    accuracies = []
    for precision in ("fp32", "tf32"):
        network = Network([64, 128, 10], input_scale=16.0)
        epochs = xpnet.epochs(network, load("digits"), xpnet.adam(3e-3), epochs=8, precision=precision, **settings)
        accuracies.append(list(epochs)[-1].test_accuracy)
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)


def test_rows_on_disk_come_to_the_device(gpu: Backend, tmp_path) -> None:
    """Chunk by chunk, on a stream of their own, they train to what rows on NumPy's host do."""
    data, network = load("digits"), Network([64, 32, 10], "tanh", input_scale=16.0)
    for name in ("x_train", "y_train"):
        np.save(tmp_path / f"{name}.npy", getattr(data, name))
    stored = load(tmp_path)._replace(input_scale=16.0)
    settings = dict(batch_size=30, epochs=2, chunk_size=0.02, dtype="float32")
    epochs = [
        list(xpnet.epochs(network, stored, xpnet.adam(), backend=name, device=device, **settings))[-1]
        for name, device in ((gpu.name, "cuda"), ("numpy", "cpu"))
    ]
    assert distance(host(gpu, epochs[0].params), epochs[1].params) < CAPTURED


def test_sums_travel_through_a_pinned_buffer(gpu: Backend) -> None:
    """A training whose sums are brought to the host and back in every step is the same training."""
    data, network = load("digits"), Network([64, 32, 10], "tanh", input_scale=16.0)

    class Alone:
        """A member without others, whose sums take the way of those that have some."""

        buffer = None

        def share(self, n: int) -> slice:
            """All."""
            return slice(n)

        def agree(self, about: object) -> None:
            """Agreed."""

        def __call__(self, sums: Any) -> Any:
            """Down and up."""
            if isinstance(sums, np.ndarray):
                return sums
            if self.buffer is None:
                self.buffer = gpu.buffer(tuple(sums.shape), "float32")
            gpu.download(sums, self.buffer)
            return gpu.upload(self.buffer)

    settings = dict(batch_size=30, epochs=2, backend=gpu.name, device="cuda", dtype="float32")
    epochs = [list(xpnet.epochs(network, data, xpnet.adam(), average=way, **settings))[-1] for way in (None, Alone())]
    assert distance(host(gpu, epochs[0].params), host(gpu, epochs[1].params)) < CAPTURED
