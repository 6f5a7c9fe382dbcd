"""What is particular to one array library."""

import os
import subprocess
import sys

import numpy as np
import pytest

from xpnet import backends
from xpnet._support.typing import Array, Batch, Namespace
from xpnet.backends import Backend
from xpnet.errors import DeviceError, InputError

ROWS = np.asarray([[0, 1], [2, 0]])


@pytest.fixture
def jax() -> Backend:
    """JAX on the CPU."""
    pytest.importorskip("jax")
    return backends.resolve("jax")


@pytest.fixture
def torch() -> Backend:
    """PyTorch on the CPU."""
    pytest.importorskip("torch")
    return backends.resolve("torch")


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints, with every warning an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_importing_backends_imports_no_array_library() -> None:
    """Only NumPy is loaded before a backend is asked for, and even for the listing of what is installed."""
    code = (
        "import sys, xpnet.backends as b; b.installed(); b.of([1]); b.resolve();"
        "print(*{'torch', 'jax', 'cupy', 'array_api_compat.numpy'} & set(sys.modules))"
    )
    assert run_python(code) == ""


def test_numpy_shares_memory_with_what_it_is_given() -> None:
    """A NumPy array is taken as it is, without a copy, and returned so."""
    array, backend = np.ones(3), backends.resolve("numpy")
    assert backend.asarray(array) is array
    assert backend.to_host(array) is array


def test_numpy_copies_can_be_written_to_in_c_order() -> None:
    """Whatever the strides and flags of an array are, its copy is writable and in C order."""
    frozen = np.frombuffer(np.arange(6.0).tobytes()).reshape(2, 3)
    for array in (frozen, frozen.T, frozen[:, ::-1], frozen[0, 0]):
        (copied,) = backends.resolve("numpy").copy((array,))
        assert copied.flags.c_contiguous
        assert copied.flags.writeable
        np.testing.assert_array_equal(copied, array)


def test_numpy_says_what_compiling_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without llvmlite, the sentence holds the command that installs it; the other engines need nothing."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    backend = backends.resolve("numpy")
    with pytest.raises(DeviceError, match=r"^engine compiled needs llvmlite; run pip install llvmlite\.$"):
        backend.with_engine("compiled")
    assert [backend.with_engine(engine).engine for engine in ("plain", "replay")] == ["plain", "replay"]


def test_the_engines_of_each_library(jax: Backend) -> None:
    """A library offers what it has, on the CPU NumPy's engines too; JAX alone has a compiler of its own there."""
    assert backends.resolve("numpy").engines == ("plain", "replay", "compiled")
    assert (jax.engines, jax.engine) == (("plain", "jit", "replay", "compiled"), "replay")
    with pytest.raises(InputError, match=r"^numpy has no engine jit: use plain, replay or compiled\.$"):
        backends.resolve("numpy").with_engine("jit")


def test_jax_is_waited_for(jax: Backend) -> None:
    """Results of a block, which JAX returns before they are computed, are complete once the backend is synchronized."""

    def multiply(carry: Array, batch: Batch, *, xp: Namespace) -> tuple[Array, tuple[Array]]:
        return xp.tanh(carry @ carry), (xp.sum(batch.x),)

    carry, data = jax.asarray(np.ones((1000, 1000), "float32")), Batch(jax.asarray(np.ones((3, 2), "float32")), None)
    jit = jax.with_engine("jit")
    jit.run_block(multiply, carry, data, ROWS)
    after, (metric,) = jit.run_block(multiply, carry, data, ROWS)
    jit.synchronize()
    assert after.is_ready()
    assert metric.is_ready()


def test_jax_compiles_nothing_with_the_plain_engine(jax: Backend) -> None:
    """Each step and each chunk is a call of its own, with arrays whose values can be read."""
    read = []

    def step(carry: Array, batch: Batch, *, xp: Namespace) -> tuple[Array, tuple[Array]]:
        read.append(float(carry))
        return carry + batch.x[0, 0], (carry,)

    def double(params: None, x: Array, *, xp: Namespace) -> Array:
        read.append(float(x[0, 0]))
        return 2 * x

    plain, x = jax.with_engine("plain"), jax.asarray(np.ones((3, 2), "float32"))
    after, (metric,) = plain.run_block(step, np.float32(0), Batch(x, None), ROWS)
    assert float(after) == 2
    assert plain.to_host(metric).tolist() == [0, 1]
    np.testing.assert_array_equal(plain.map_rows(double, None, x, 2), 2 * np.ones((3, 2)))
    assert read == [0, 1, 1, 1]


def test_jax_traces_a_step_once_for_equal_blocks(jax: Backend) -> None:
    """Blocks of one shape are compiled once, whatever arrays they come with; another shape once more."""
    traced = []

    def step(carry: Array, batch: Batch, *, xp: Namespace) -> tuple[Array, tuple[Array]]:
        traced.append(batch.x.shape)
        return carry + batch.x[0, 0], (carry,)

    data = Batch(jax.asarray(np.ones((3, 2), "float32")), None)
    carry = jax.xp.asarray(np.float32(0))
    for _ in range(3):
        # A new backend each time, as each call of the library finds its own.
        carry, _ = backends.of(data.x).with_engine("jit").run_block(step, carry, data, ROWS)
    assert traced == [(2, 2)]
    jax.with_engine("jit").run_block(step, carry, data, ROWS[:, :1])
    assert traced == [(2, 2), (1, 2)]
    assert float(carry) == 6


def test_jax_compiles_a_block_once(jax: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """A first carry that lies on no particular device, or on the host, does not cost a second compilation."""

    def step(carry: tuple[Array, Array], batch: Batch, *, xp: Namespace) -> tuple[tuple[Array, Array], tuple[Array]]:
        return (carry[0] + batch.x[0, 0], carry[1]), (carry[0],)

    library = pytest.importorskip("jax")
    data = Batch(jax.asarray(np.ones((3, 2), "float32")), None)
    carry = library.numpy.zeros(()), np.float32(1)
    with library.log_compiles():
        for _ in range(3):
            carry, _ = jax.with_engine("jit").run_block(step, carry, data, ROWS)
    assert len([line for line in caplog.messages if "Finished XLA compilation of jit(scan)" in line]) == 1


def test_jax_traces_a_mapped_function_once_a_shape(jax: Backend) -> None:
    """All full chunks share one compiled function, and the short last one has another."""
    traced = []

    def double(params: None, x: Array, *, xp: Namespace) -> Array:
        traced.append(x.shape)
        return 2 * x

    x = jax.asarray(np.arange(8, dtype="float32"))
    for _ in range(2):
        np.testing.assert_array_equal(jax.with_engine("jit").map_rows(double, None, x, 3), 2 * np.arange(8))
    assert traced == [(3,), (2,)]


def test_jax_multiplies_in_full_precision(jax: Backend) -> None:
    """A block or a map within `current()` asks for the highest precision, so that float32 is that on a GPU too."""
    asked = []

    def step(carry: Array, batch: Batch, *, xp: Namespace) -> tuple[Array, tuple[Array]]:
        asked.append(config.jax_default_matmul_precision)
        return carry, (carry,)

    def same(params: None, x: Array, *, xp: Namespace) -> Array:
        asked.append(config.jax_default_matmul_precision)
        return x

    config = pytest.importorskip("jax").config
    x = jax.asarray(np.ones((3, 2), "float32"))
    jit = jax.with_engine("jit")
    with jit.current():
        jit.run_block(step, jax.asarray(np.float32(0)), Batch(x, None), ROWS)
        jit.map_rows(same, None, x, 3)
    assert asked == ["highest", "highest"]


@pytest.mark.parametrize(
    ("ask", "dtype"),
    [
        ("backend.asarray(np.ones(3))", "float64"),
        ("backend.asarray([1.0], 'float64')", "float64"),
        ("backend.asarray(np.arange(3))", "int32"),
        ("backend.asarray(np.arange(3) + 2**40)", "float32"),
        ("backend.asarray(np.arange(3), 'int64')", "int64"),
    ],
)
def test_jax_keeps_the_numbers_and_the_process_its_bits(jax: Backend, ask: str, dtype: str) -> None:
    """Floats stay float64, integers that fit get 32 bits and none wraps; JAX's switch for 64 bits is left as it is."""
    code = (
        f"import jax, numpy as np, xpnet.backends as b; backend = b.resolve('jax'); print({ask}.dtype);"
        "assert not jax.config.jax_enable_x64"
    )
    assert run_python(code) == dtype


def test_what_jax_trains_does_not_depend_on_what_it_trained_before(jax: Backend) -> None:
    """A training in float64 gives float64 and leaves the process in 32 bits; one in float32 is the same after it."""
    code = """
import jax, numpy as np, xpnet
network, x, y = xpnet.Network([2, 3, 2]), np.arange(8).reshape(4, 2) * 2**40, np.arange(4) % 2

def trained(dtype):
    given = dict(batch_size=2, epochs=1, backend="jax", engine="plain", dtype=dtype)
    *_, epoch = xpnet.epochs(xpnet.Network([2, 3, 2], input_scale=2.0**40), (x, y), xpnet.sgd(0.1), **given)
    assert not jax.config.jax_enable_x64
    return [np.asarray(array) for layer in epoch.params for array in layer], epoch

before, _ = trained("float32")
wide, epoch = trained("float64")
after, _ = trained("float32")
assert {array.dtype.name for array in wide} == {"float64"}
assert network.predict(epoch.params, jax.numpy.ones((3, 2))).dtype == "float64"
assert all(np.array_equal(a, b) for a, b in zip(before, after))
assert all(np.abs(a - b).max() < 1e-6 for a, b in zip(before, wide))
"""
    run_python(code)


def test_jax_computes_on_the_device_of_its_arrays(jax: Backend) -> None:
    """Arrays, blocks and maps stay on a device that is not JAX's default."""
    code = """
import jax, numpy as np, xpnet.backends as b
from xpnet._support.typing import Batch
x = jax.device_put(np.ones((3, 2), "float32"), jax.devices()[1])
backend = b.of(x)
carry, (metric,) = backend.run_block(lambda c, batch, xp: (c + 1, (c,)), backend.asarray(np.float32(0)), Batch(x, None),
                                  np.asarray([[0, 1]]))
mapped = backend.map_rows(lambda params, x, xp: x, None, x, 2)
print(backend.device_name, *{a.device.id for a in (carry, metric, mapped, backend.copy(x))})
"""
    assert run_python(code, XLA_FLAGS="--xla_force_host_platform_device_count=2") == "cpu:1 1"


def test_jax_arrays_decide_inside_a_traced_function(jax: Backend) -> None:
    """The library can be called inside `jax.jit`, where an array has no device."""
    library = pytest.importorskip("jax")

    def total(x: Array) -> Array:
        backend = backends.of(x=x)
        return backend.xp.sum(backend.map_rows(lambda params, x, xp: 2 * x, None, x, 2))

    assert float(library.jit(total)(jax.asarray(np.ones(3, "float32")))) == 6


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_torch_steps_do_not_require_gradients(torch: Backend, engine: str) -> None:
    """Tensors that require a gradient are taken, and what a step computes of them has no history."""
    library, torch = pytest.importorskip("torch"), torch.with_engine(engine)
    w = library.ones(2, requires_grad=True)
    x = library.ones((3, 2), requires_grad=True)

    def step(carry: tuple[Array, Array], batch: Batch, *, xp: Namespace) -> tuple[tuple[Array, Array], tuple[Array]]:
        return (carry[0] - 1, carry[1]), (xp.sum(batch.x * carry[0]),)

    after, metrics = torch.run_block(step, (w, w), Batch(x, None), ROWS)

    results = [*after, *metrics, torch.detached(w), torch.copy(w)]
    assert not any(result.requires_grad for result in results)
    assert w.requires_grad
    np.testing.assert_array_equal(torch.to_host(w), [1, 1])


def test_torch_does_not_write_to_read_only_memory(torch: Backend) -> None:
    """A read-only NumPy array is copied, a writable one shared."""
    array = np.ones(3)
    torch.asarray(array)[0] = 2
    assert array[0] == 2
    array.flags.writeable = False
    torch.asarray(array)[0] = 3
    assert array[0] == 2
