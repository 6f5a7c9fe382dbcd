"""Random numbers of a step are Philox's, with the same bits on every backend and engine, and nothing stored."""

import math

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import both, stand_in

from xpnet import backends
from xpnet._support.philox import MASK, MULTIPLIERS, ROUNDS, WEYL, Key, philox, random_bits
from xpnet._support.typing import Batch
from xpnet.equations.randomness import bernoulli, normal, uniform

PLAIN = backends.resolve("numpy")
KNOWN = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Counter, key and words, from the known-answer tests of Random123."""

WORDS = (-5, 77, -2, 9)
"""Both words of a key, the first row and the step, of which two are negative in 32 bits."""

BITS = (32, 31, 24, 23)


def words_of(counter, key):
    """Philox with Python's numbers, written plainly."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(ROUNDS):
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return c0, c1, c2, c3


def placed(backend, *numbers):
    """Numbers as 0-d arrays of int32."""
    return tuple(backend.asarray(np.asarray(number, np.int32)) for number in numbers)


def drawn(backend, shape, dtype="float32", words=WORDS, xp=None):
    """Everything that can be drawn for a matrix: bits of every kind, uniform and normal numbers, yes or no."""
    low, high, first, step = placed(backend, *words)
    return of_a_matrix(Key(low, high, first), step, backend.asarray(np.zeros(shape, dtype)), xp=xp or backend.xp)


def of_a_matrix(key, step, like, *, xp):
    """Bits of every kind, then uniform numbers, yes or no as numbers, and normal numbers."""
    bits = [random_bits(key, step, 2, like, bits=bits, xp=xp) for bits in BITS]
    yes = xp.astype(bernoulli(key, step, 1, like, 0.3, xp=xp), like.dtype)
    return (*bits, uniform(key, step, 0, like, xp=xp), yes, normal(key, step, 3, like, xp=xp))


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
@pytest.mark.parametrize(("wide", "dtype"), [(True, np.int64), (False, np.uint32)])
def test_the_words_are_the_published_ones(counter, key, words, wide, dtype):
    """With products in 64 bits and with products by halves, the known answers of the generator's authors come out."""
    arrays = [tuple(np.asarray([word], dtype) for word in each) for each in (counter, key)]
    assert tuple(int(word[0]) for word in philox(*arrays, wide=wide, xp=np)) == words
    assert words_of(counter, key) == words


def test_each_counter_gives_four_columns_their_numbers():
    """Element (i, j) is word j % 4 of the counter (j // 4, first + i, layer, step), shifted to the bits that count."""
    for bits, found in zip(BITS, drawn(PLAIN, (6, 11)), strict=False):
        for i, j in np.ndindex(6, 11):
            assert int(found[i, j]) == counted(i, j, 2)[j % 4] >> (32 - bits)


def counted(i, j, layer):
    """Words of an element's counter."""
    counter = (j // 4, WORDS[2] + i, layer, WORDS[3])
    return words_of([number & MASK for number in counter], [word & MASK for word in WORDS[:2]])


def test_two_words_give_two_normal_numbers():
    """Of a counter's words the first two are radius and angle of two columns, the last two of the next two."""
    found = drawn(PLAIN, (6, 11), "float64")[-1]
    for i, j in np.ndindex(6, 11):
        u, v = ((word + 0.5) / 2**32 for word in counted(i, j, 3)[j % 4 // 2 * 2 :][:2])
        wanted = math.sqrt(-2 * math.log(u)) * (math.sin if j % 2 else math.cos)(2 * math.pi * v)
        assert abs(found[i, j] - wanted) < 1e-14


@pytest.mark.current
def test_every_backend_has_the_same_bits(backend, float_dtype):
    """Words, uniform numbers, and yes or no are NumPy's to the last bit; normal numbers to 1e-6."""
    for dtype in {"float32", float_dtype}:
        *exact, last = (backend.to_host(array) for array in drawn(backend, (5, 11), dtype))
        *wanted, of_numpy = drawn(PLAIN, (5, 11), dtype)
        assert all(np.array_equal(a.astype(b.dtype), b) for a, b in zip(exact, wanted, strict=True))
        assert np.abs(last - of_numpy).max() < 1e-6


@pytest.mark.parametrize("first", [0, 1, 4])
def test_rows_have_their_numbers_wherever_they_are_drawn(first):
    """Rows from one on are those of the whole batch, so that ranks and chunks that share it agree."""
    low, high, _, step = WORDS
    whole = drawn(PLAIN, (9, 6), words=(low, high, 0, step))
    part = drawn(PLAIN, (9 - first, 6), words=(low, high, first, step))
    assert all(np.array_equal(a, b[first:]) for a, b in zip(part, whole, strict=True))


@pytest.mark.parametrize("at", range(4))
def test_key_and_step_change_everything(at):
    """Another word of the key, another row or another step gives other numbers."""
    other = tuple(number + (i == at) for i, number in enumerate(WORDS))
    assert not np.any(drawn(PLAIN, (1, 8))[0] == drawn(PLAIN, (1, 8), words=other)[0])


def step_of(carry, batch, *, xp):
    """A step that draws for its rows."""
    low, high, first, step = carry
    return (low, high, first, step + 1), of_a_matrix(Key(low, high, first), step, batch.x, xp=xp)


def rows_of(d, dtype="float32"):
    """Rows to draw for, of which only the shape counts."""
    return Batch(np.zeros((10, d), dtype), np.zeros((10, 1), dtype), None)


@pytest.mark.parametrize("engine", ["replay", "compiled"])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 11, 16, 33, 100])
def test_engines_have_the_same_bits(engine, d):
    """Recorded as one operation and as machine code, for any width and step by step, they are the plain ones."""
    if PLAIN.missing(engine):
        pytest.skip("needs llvmlite")
    for n, dtype in ((1, "float64"), (6, "float32")):
        rows = np.random.default_rng(0).integers(10, size=(3, n))
        found, wanted = (
            each.run_block(step_of, placed(each, *WORDS), rows_of(d, dtype), rows)[1]
            for each in (PLAIN.with_engine(engine), PLAIN.with_engine("plain"))
        )
        for a, b in zip(found[:-1], wanted[:-1], strict=True):
            assert np.array_equal(a, b)
        assert np.abs(found[-1] - wanted[-1]).max() <= (0 if engine == "replay" else 1e-6)


@pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")
def test_cudas_kernels_have_the_same_bits(tmp_path, monkeypatch):
    """In registers of the stand-in's threads, forwards and backwards, they are NumPy's."""
    driver = stand_in(tmp_path, monkeypatch)
    rows = np.random.default_rng(0).integers(10, size=(3, 5))
    for d in (1, 2, 7, 40):
        found, wanted = both(driver, step_of, placed(PLAIN, *WORDS), rows_of(d), rows)
        for a, b in zip(found[1][:-1], wanted[1][:-1], strict=True):
            assert np.array_equal(a, b)
        assert np.abs(found[1][-1] - wanted[1][-1]).max() < 1e-6


def test_a_probability_is_met():
    """Of a hundred thousand draws as many are yes as the probability says, 0 and 1 included."""
    low, high, first, step = placed(PLAIN, *WORDS)
    for probability in (0.0, 0.2, 0.5, 0.999, 1.0):
        found = bernoulli(Key(low, high, first), step, 0, np.zeros((1000, 100)), probability, xp=np).mean()
        assert abs(found - probability) <= 4 * math.sqrt(probability * (1 - probability) / 1e5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_uniform_and_normal(dtype):
    """Mean, variance, Kolmogorov and Smirnov's distance and serial correlation of 10⁷ draws pass at 1e-4."""
    stats = pytest.importorskip("scipy.stats")
    low, high, first, step = placed(PLAIN, *WORDS)
    like, n = np.zeros((10_000, 1_000), dtype), 10**7
    far = stats.norm.isf(1e-4 / 2)
    for draw, distribution in ((uniform, stats.uniform()), (normal, stats.norm())):
        x = draw(Key(low, high, first), step, 0, like, xp=np).reshape(-1).astype(np.float64)
        mean, variance, kurtosis = map(float, distribution.stats("mvk"))
        assert abs(x.mean() - mean) < far * math.sqrt(variance / n)
        assert abs(((x - mean) ** 2).mean() - variance) < far * variance * math.sqrt((kurtosis + 2) / n)
        for lag in (1, 2, 3, 4, 1_000):
            assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < far / math.sqrt(n)
        assert stats.kstest(x, distribution.cdf).pvalue > 1e-4
