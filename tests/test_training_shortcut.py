"""Predictions for NumPy's rows once their shapes are known."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xpnet import Network
from xpnet.backends.numpy import CHUNK
from xpnet.equations import step
from xpnet.errors import InputError

NETWORK = Network((6, 5, 3))
X = np.random.default_rng(0).normal(size=(CHUNK + 7, 6)).astype("float32")


def plain(params, x):
    """The function's own answers, chunk by chunk."""
    answer = step.answers(NETWORK.model)
    return np.concatenate([answer(params, x[start : start + CHUNK], xp=np) for start in range(0, len(x), CHUNK)])


@pytest.mark.parametrize("n", [1, 2, 7, CHUNK, CHUNK + 1, CHUNK + 7])
def test_same_bits_with_every_call(n):
    """However often it is asked, and for however many rows, the answer is the function's, bit for bit."""
    params = NETWORK.init(2)
    for _ in range(3):
        assert np.array_equal(NETWORK.predict(params, X[:n]), plain(params, X[:n]))


def test_parameters_changed_in_place_count_at_once():
    """Nothing is remembered of the parameters: written to, or replaced by others, they are those of the answer."""
    params = NETWORK.init(2)
    before = NETWORK.predict(params, X[:4])
    params[0].w[...] *= 2
    assert np.array_equal(NETWORK.predict(params, X[:4]), plain(params, X[:4]))
    assert not np.array_equal(NETWORK.predict(params, X[:4]), before)
    assert np.array_equal(NETWORK.predict(NETWORK.init(2), X[:4]), before)


def test_answers_are_arrays_of_their_own():
    """A later call leaves an earlier answer as it is."""
    params = NETWORK.init(2)
    first = NETWORK.predict(params, X[:4])
    copy = first.copy()
    NETWORK.predict(params, X[4:8])
    assert np.array_equal(first, copy)


def test_what_is_wrong_is_said_after_a_right_call_too():
    """Known shapes do not hide rows that are not finite, too few columns, or parameters of another form."""
    params = NETWORK.init(2)
    NETWORK.predict(params, X[:2])
    (w1, b1), (w2, b2) = params
    with pytest.raises(InputError, match="NaN in row 1, column 0"):
        NETWORK.predict(params, np.array([[0.0] * 6, [np.nan] * 6], "float32"))
    with pytest.raises(InputError, match="5 columns"):
        NETWORK.predict(params, X[:2, :5].copy())
    with pytest.raises(InputError, match="it is empty"):
        NETWORK.predict(params, X[:0])
    for wrong in ([(w1, b1, w2, b2)], [w1, b1, w2, b2], [(w1.T, b1), (w2, b2)], [(w1, b1)], 3):
        with pytest.raises(InputError, match="params"):
            NETWORK.predict(wrong, X[:2])


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", "int32", "bool"])
def test_rows_of_every_dtype(dtype):
    """Rows in another dtype are converted as the function does it, call after call."""
    params, x = NETWORK.init(2), (abs(X[:9]) * 3).astype(dtype)
    for _ in range(2):
        assert np.array_equal(NETWORK.predict(params, x), plain(params, x))


def test_large_numbers_pass():
    """Finite numbers are taken where their squares are not, and without a warning."""
    params, x = NETWORK.init(2), np.full((2, 6), 1e30, "float32")
    with np.errstate(all="ignore"):
        assert np.array_equal(NETWORK.predict(params, x), plain(params, x), equal_nan=True)


def test_threads_have_buffers_of_their_own():
    """Many threads that ask at the same time get what one thread gets."""
    params = NETWORK.init(2)
    rows = [X[i : i + 1 + i % 9] for i in range(200)]
    wanted = [plain(params, x) for x in rows]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: NETWORK.predict(params, x), rows))
    assert all(map(np.array_equal, found, wanted))
