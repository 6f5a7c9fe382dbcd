"""Precision of float32 products on a GPU: each library is switched within the context, and switched back after it."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.fake_machines import Machine

import xpnet
from xpnet import backends
from xpnet.backends import Backend
from xpnet.errors import InputError


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """CuPy with TF32 already switched on."""
    library = Machine(monkeypatch).cupy(13)
    library.compute_type = "TF32"
    return library


def test_cupy_is_switched_within_the_context(cupy: Any) -> None:
    """CuPy multiplies in the backend's precision, on its device, and as before afterwards, after an error too."""
    backend = backends.resolve("cupy")
    for precision, wanted in (("fp32", "DEFAULT"), ("tf32", "TF32")):
        cupy.compute_type = "PEDANTIC"
        with suppress(KeyError), backend.with_precision(precision).current():
            assert (cupy.compute_type, cupy.current.id) == (wanted, 0)
            raise KeyError
        assert (cupy.compute_type, cupy.current) == ("PEDANTIC", None)


@pytest.mark.parametrize("before", ["none", "ieee", "tf32"])
def test_torch_is_switched_within_the_context(before: str) -> None:
    """The setting of the process is what it was afterwards, whatever it was."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("xpnet.backends.torch")
    products, first = torch.backends.cuda.matmul, torch.backends.cuda.matmul.fp32_precision
    backend = module.TorchBackend(torch.device("cuda", 0))
    products.fp32_precision = before
    try:
        for precision, wanted in (("fp32", "ieee"), ("tf32", "tf32")):
            with suppress(KeyError), backend.with_precision(precision).current():
                assert products.fp32_precision == wanted
                raise KeyError
            assert products.fp32_precision == before
    finally:
        products.fp32_precision = first


def test_jax_is_switched_within_the_context() -> None:
    """JAX has a context of its own for it."""
    jax = pytest.importorskip("jax")
    module = pytest.importorskip("xpnet.backends.jax")
    backend = module.JaxBackend(SimpleNamespace(platform="gpu", id=1))
    for precision, wanted in (("fp32", "highest"), ("tf32", "tensorfloat32")):
        with backend.with_precision(precision).current():
            assert jax.config.jax_default_matmul_precision == wanted
        assert jax.config.jax_default_matmul_precision is None


def test_the_first_line_shows_tf32(cupy: Any) -> None:
    """It stands beside the engine; full precision goes without saying, and an engine keeps the precision."""
    backend: Backend = backends.resolve("cupy").with_precision("tf32")
    assert str(backend) == str(backend.with_engine("plain"))
    assert str(backend).startswith("cupy 14.2.0 (plain, tf32) on cuda:0")
    assert str(backend.with_precision("fp32")).startswith("cupy 14.2.0 (plain) on cuda:0")


def test_tf32_is_for_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another dtype it would change nothing, so it is refused."""
    backend = backends.resolve("numpy")
    monkeypatch.setattr(type(backend), "device_name", "cuda:0")
    data = (np.eye(4), np.asarray([0, 1, 2, 0]))
    settings = dict(batch_size=2, epochs=1, precision="tf32")
    with pytest.raises(InputError, match="precision tf32 is for dtype float32, but the dtype is float64"):
        xpnet.epochs(xpnet.Network([4, 3]), data, xpnet.sgd(), **settings)
    assert (
        xpnet.epochs(xpnet.Network([4, 3]), data, xpnet.sgd(), dtype="float32", **settings).training.backend.precision
        == "tf32"
    )
