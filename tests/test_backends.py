"""What every backend can do, whatever library and device it is."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from xpnet import backends
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Batch, Namespace
from xpnet.backends import Backend, dtype_name
from xpnet.errors import DeviceError, InputError

pytestmark = pytest.mark.current

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


class Fit(NamedTuple):
    """A toy carry: weights, and how many steps were done."""

    w: Array
    count: Array


def descent(carry: Fit, batch: Batch, *, xp: Namespace) -> tuple[Fit, tuple[Array, Array]]:
    """Gradient descent on a weighted linear fit; the metrics are the batch's squared error and its largest."""
    error = batch.x @ carry.w - batch.y
    if batch.weight is not None:
        error = error * batch.weight[:, None]
    w = carry.w - 0.1 * (xp.matrix_transpose(batch.x) @ error)
    return Fit(w, carry.count + 1), (xp.sum(error * error), xp.max(xp.abs(error)))


def times(params: Array, x: Array, *, xp: Namespace) -> Array:
    """A product of rows."""
    return xp.matmul(x, params)


def problem(backend: Backend, dtype: str, weighted: bool = False) -> tuple[Fit, Batch]:
    """A carry and seven rows for it, on the backend."""
    rng = np.random.default_rng(7)
    weight = backend.asarray(rng.random(7).astype(dtype)) if weighted else None
    x, y = (backend.asarray(rng.normal(size=(7, d)).astype(dtype)) for d in (3, 2))
    return Fit(backend.asarray(np.zeros((3, 2), dtype)), backend.asarray(np.asarray(0, "int32"))), Batch(x, y, weight)


def by_hand(backend: Backend, carry: Fit, data: Batch, rows: np.ndarray) -> tuple[Fit, list[tuple[Any, ...]]]:
    """The same steps in NumPy, one after another."""
    host, carry = map_arrays(backend.to_host, (data, carry))
    measured = []
    for line in rows:
        carry, metrics = descent(carry, map_arrays(lambda array, line=line: array[line], host), xp=np)
        measured.append(metrics)
    return carry, measured


def distance(result: Array, wanted: Any, backend: Backend) -> float:
    """‖a − b‖ / ‖b‖."""
    return float(np.linalg.norm(backend.to_host(result) - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool", "int32"])
def test_arrays_come_back_from_the_device_as_they_went(backend: Backend, dtype: str) -> None:
    """An array's values, shape and dtype survive the way to the device and back."""
    sent = np.arange(12).reshape(3, 4).astype(dtype)
    back = backend.to_host(backend.asarray(sent))
    assert back.dtype == sent.dtype
    np.testing.assert_array_equal(back, sent)


def test_the_widest_float_comes_back_exactly(backend: Backend, float_dtype: str) -> None:
    """No backend rounds its widest floating dtype on the way."""
    sent = np.asarray([1 / 3, 1e-30, 2 / 7], float_dtype)
    assert dtype_name(backend.asarray(sent)) == float_dtype
    np.testing.assert_array_equal(backend.to_host(backend.asarray(sent)), sent)


@pytest.mark.parametrize("layout", ["read-only", "backwards", "transposed", "empty", "0-d"])
def test_unusual_host_arrays_are_taken(backend: Backend, layout: str) -> None:
    """Read-only arrays, views of any stride, empty arrays and 0-d arrays are taken, without a warning."""
    base = np.arange(6, dtype="float32").reshape(2, 3)
    frozen = np.frombuffer(base.tobytes(), "float32")
    turned = {"backwards": base[::-1], "transposed": base.T}
    views = {"read-only": frozen, "empty": base[:0], "0-d": base[1, 2, ...], **turned}
    np.testing.assert_array_equal(backend.to_host(backend.asarray(views[layout])), views[layout])


def test_asarray_converts_to_a_named_dtype(backend: Backend) -> None:
    """A dtype is asked for by its name in the standard."""
    assert dtype_name(backend.asarray(np.arange(3), "float32")) == "float32"


def test_asarray_leaves_its_own_arrays_where_they_are(backend: Backend) -> None:
    """An array that is already on the device stays of that library and device."""
    array = backend.asarray(np.ones(3, "float32"))
    assert backends.of(backend.asarray(array)).device == backends.of(array).device


def test_a_copy_is_independent(backend: Backend) -> None:
    """A copy shares no memory with what it was made of, where arrays can be written to at all."""
    array = backend.asarray(np.ones(3, "float32"))
    copied = backend.copy(Fit(array, None))
    assert type(copied) is Fit
    assert copied.count is None
    assert backends.of(copied.w).device == backends.of(array).device
    if backend.name in ("numpy", "torch"):
        copied.w[0] = 5
    assert backend.to_host(array)[0] == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("steps", "batch"), [(5, 3), (1, 3), (4, 1), (2, 7)])
def test_a_block_is_its_steps_one_after_another(
    backend: Backend, float_dtype: str, steps: int, batch: int, weighted: bool
) -> None:
    """A block gives the carry and the metrics of a plain loop over its steps, with any number of steps and rows."""
    carry, data = problem(backend, float_dtype, weighted)
    rows = np.random.default_rng(3).integers(0, 7, (steps, batch))
    wanted, measured = by_hand(backend, carry, data, rows)

    after, metrics = backend.run_block(descent, carry, data, rows)

    assert type(after) is Fit
    assert int(after.count) == steps
    assert dtype_name(after.w) == float_dtype
    assert distance(after.w, wanted.w, backend) < TOLERANCE[float_dtype]
    assert len(metrics) == 2
    for result, column in zip(metrics, zip(*measured, strict=True), strict=True):
        assert tuple(result.shape) == (steps,)
        assert distance(result, np.stack(column), backend) < TOLERANCE[float_dtype]


def test_synchronize_returns(backend: Backend) -> None:
    """Waiting for a device that has nothing to do ends."""
    backend.synchronize()


def test_a_block_leaves_copies_and_data_alone(backend: Backend, float_dtype: str) -> None:
    """It may overwrite its carry, but no copy of it, no row and no earlier result."""
    carry, data = problem(backend, float_dtype)
    rows, before = np.asarray([[0, 1], [2, 3]]), np.copy(backend.to_host(data.x))
    first, _ = backend.run_block(descent, backend.copy(carry), data, rows)
    result = np.copy(backend.to_host(first.w))
    second, _ = backend.run_block(descent, backend.copy(carry), data, rows)
    for array in (first.w, second.w):
        np.testing.assert_array_equal(backend.to_host(array), result)
    assert not backend.to_host(carry.w).any()
    np.testing.assert_array_equal(backend.to_host(data.x), before)


def test_a_block_follows_the_block_before(backend: Backend, float_dtype: str) -> None:
    """Two blocks of two steps are one block of four."""
    carry, data = problem(backend, float_dtype)
    rows = np.asarray([[0, 1], [2, 3], [4, 5], [6, 0]])
    whole, _ = backend.run_block(descent, backend.copy(carry), data, rows)
    half, _ = backend.run_block(descent, carry, data, rows[:2])
    halves, _ = backend.run_block(descent, half, data, rows[2:])
    assert distance(halves.w, backend.to_host(whole.w), backend) < TOLERANCE[float_dtype]


@pytest.mark.parametrize("chunk", [1, 3, 7, 4, 100])
def test_mapped_chunks_are_one_call(backend: Backend, float_dtype: str, chunk: int) -> None:
    """A function of rows gives the same in chunks, whether they divide the rows evenly or not."""
    _, data = problem(backend, float_dtype)
    params = backend.asarray(np.arange(6, dtype=float_dtype).reshape(3, 2) + 1)
    whole = backend.to_host(data.x) @ backend.to_host(params)
    mapped = backend.map_rows(times, params, data.x, chunk)
    assert distance(mapped, whole, backend) < TOLERANCE[float_dtype]


def test_mapped_tuples_stay_tuples(backend: Backend, float_dtype: str) -> None:
    """Rows can be of several arrays, and results nested tuples of arrays, each joined for itself."""
    fit, data = problem(backend, float_dtype)

    def both(fit: Fit, rows: Batch, *, xp: Namespace) -> tuple[Array, Fit]:
        return rows.y, Fit(rows.x @ fit.w, rows.x)

    y, nested = backend.map_rows(both, fit, data, 3)
    assert type(nested) is Fit
    np.testing.assert_array_equal(backend.to_host(y), backend.to_host(data.y))
    np.testing.assert_array_equal(backend.to_host(nested.count), backend.to_host(data.x))


def test_no_rows_give_an_empty_result(backend: Backend, float_dtype: str) -> None:
    """Mapping an empty data set gives an empty array of the right shape and dtype."""
    params, x = (backend.asarray(np.ones(shape, float_dtype)) for shape in ((3, 2), (0, 3)))
    mapped = backend.map_rows(times, params, x, 5)
    assert tuple(mapped.shape) == (0, 2)
    assert dtype_name(mapped) == float_dtype


def test_every_engine_runs_and_maps_the_same(backend: Backend, float_dtype: str) -> None:
    """Each engine that a library has gives the same block and the same map, and leaves the backend itself as it was."""
    carry, data = problem(backend, float_dtype, weighted=True)
    rows, default = np.asarray([[0, 1], [2, 3], [4, 5]]), backend.engine
    wanted, _ = by_hand(backend, carry, data, rows)
    assert default in backend.engines
    for engine in backend.engines:
        try:
            target = backend.with_engine(engine)
        except DeviceError as error:
            assert "pip install" in str(error)  # noqa: PT017 (its packages need not be installed)
            continue
        after, _ = target.run_block(descent, target.copy(carry), data, rows)
        mapped = target.map_rows(times, after.w, data.x, 3)
        assert (target.engine, backend.engine) == (engine, default)
        assert (type(target), target.name, target.xp, target.device) == (
            type(backend),
            backend.name,
            backend.xp,
            backend.device,
        )
        assert distance(after.w, wanted.w, backend) < TOLERANCE[float_dtype]
        assert distance(mapped, backend.to_host(data.x) @ wanted.w, backend) < TOLERANCE[float_dtype]


def test_the_engine_chosen_can_be_had(backend: Backend, float_dtype: str) -> None:
    """What auto is for a training is the same each time and can be had; choosing and preparing change no array."""
    carry, data = problem(backend, float_dtype)
    chosen = {backend.choose(descent, carry, data, 2, 100) for _ in range(2)}
    target = backend.with_engine(*chosen)
    target.prepare(descent, carry, data, 2)
    assert not backend.to_host(carry.w).any()
    assert int(carry.count) == 0


def test_an_engine_that_a_library_lacks_is_refused(backend: Backend) -> None:
    """The sentence names those that it has."""
    with pytest.raises(InputError, match=f"^{backend.name} has no engine turbo: use ") as refused:
        backend.with_engine("turbo")
    assert all(engine in str(refused.value) for engine in backend.engines)


def test_float32_is_full_unless_a_gpu_is_asked_otherwise(backend: Backend) -> None:
    """Full precision is everyone's, TF32 a GPU's alone; a misspelt one is refused with those that exist."""
    assert (backend.precision, backend.with_precision("fp32").precision) == ("fp32", "fp32")
    with pytest.raises(InputError, match=r"^precision is 'bf16'; it can be fp32 or tf32\.$"):
        backend.with_precision("bf16")
    if not backend.device_name.startswith("cuda"):
        with pytest.raises(InputError, match=r"tf32 needs a GPU, but .*: use device cuda, or precision fp32"):
            backend.with_precision("tf32")


def test_a_backend_says_what_and_where_it_is(backend: Backend) -> None:
    """The first line of a training names library, version, engine and device."""
    assert str(backend) == f"{backend.name} {backend.version} ({backend.engine}) on {backend.device_name}"
    assert backend.version[0].isdigit()
