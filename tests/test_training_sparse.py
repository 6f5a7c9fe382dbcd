"""SciPy's sparse inputs: made dense a few rows at a time, they give what dense ones give."""

import numpy as np
import pytest
from helpers.oracles import distance, host

import xpnet
from xpnet import Network
from xpnet._support.trees import arrays_in
from xpnet.backends.numpy import NumpyBackend
from xpnet.errors import InputError
from xpnet.training import memory_rows

scipy_sparse = pytest.importorskip("scipy.sparse")

NETWORK = Network([30, 6, 3], "tanh")
FORMATS = ("csr_array", "csc_array", "csr_matrix", "csc_matrix")


def rows(n=103):
    """Rows that are mostly zeros, their labels, and weights."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 30)) * (rng.random((n, 30)) < 0.2)
    return x, rng.integers(3, size=n), rng.uniform(0.5, 2, n)


def trained(x, y, weight, **arguments):
    """The last epoch of a short training."""
    given = dict(batch_size=10, epochs=2, weight=weight, l2=0.1, backend="numpy") | arguments
    return list(xpnet.epochs(NETWORK, (x, y), xpnet.adam(), **given))[-1]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dense", [1, 700, 2**22], ids=["a batch at a time", "two", "all at once"])
def test_training_is_that_of_dense_rows(monkeypatch, kind, dense):
    """However many batches are made dense at a time, parameters are the same bit for bit, costs to rounding."""
    monkeypatch.setattr(memory_rows, "DENSE", dense)
    (x, y, weight), make = rows(), getattr(scipy_sparse, kind)
    for held, sparse_held in (
        (dict(validation_fraction=0.2), dict(validation_fraction=0.2)),
        (dict(validation=(x, y, weight)), dict(validation=(make(x), y, weight))),
    ):
        wanted, found = trained(x, y, weight, **held), trained(make(x), y, weight, **sparse_held)
        assert distance(found.params, wanted.params) == 0
        assert found.validation_accuracy == wanted.validation_accuracy
        costs = [(epoch.cost, epoch.validation_cost) for epoch in (found, wanted)]
        assert costs[0] == pytest.approx(costs[1], rel=1e-14)


def test_pieces_take_the_place_of_those_before(monkeypatch):
    """Where a library wants them at one place, as many are held as there are sizes, and what is trained is the same."""
    monkeypatch.setattr(memory_rows, "DENSE", 700)
    (x, y, weight), taken = rows(), []
    wanted = trained(scipy_sparse.csr_array(x), y, weight)

    def take_over(self, held, arrays):
        taken.append(arrays.x.shape)
        if held is None:
            return arrays
        for old, new in zip(arrays_in(held), arrays_in(arrays), strict=True):
            np.copyto(old, new)
        return held

    monkeypatch.setattr(NumpyBackend, "take_over", take_over)
    found = trained(scipy_sparse.csr_array(x), y, weight)
    assert distance(found.params, wanted.params) == 0
    assert set(taken) == {(20, 30), (3, 30)}
    assert len(taken) == 12


def test_on_every_backend(backend, float_dtype):
    """Sparse rows with labels of any library, or a backend that is named, are trained on there."""
    x, y, weight = rows()
    there = (backend.asarray(y), backend.asarray(weight, float_dtype))
    wanted = trained(backend.asarray(x, float_dtype), *there, backend=None).params
    found = trained(scipy_sparse.csr_array(x.astype(float_dtype)), *there, backend=None).params
    assert type(found[0].w) is type(wanted[0].w)
    assert distance(host(backend, found), host(backend, wanted)) == 0


def test_answers_are_those_for_dense_rows(monkeypatch):
    """Predictions, classes and scores of sparse rows are those of dense ones, in chunks too."""
    (x, y, _), params = rows(), NETWORK.init(dtype="float64")
    for chunk in (2**20, 300):
        monkeypatch.setattr("xpnet.training.placement.CHUNK", chunk)
        there = scipy_sparse.csr_array(x)
        assert distance(NETWORK.predict(params, there), NETWORK.predict(params, x)) < 1e-14
        assert (NETWORK.classify(params, there) == NETWORK.classify(params, x)).all()
        assert NETWORK.score(params, there, y) == NETWORK.score(params, x, y)


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (lambda x: x * np.where(np.arange(30) == 4, np.nan, 1), "x holds NaN in row 0, column 4"),
        (lambda x: np.where(np.arange(103)[:, None] == 7, np.inf, x), "x holds infinity in row 7, column 0"),
        (lambda x: x.astype(complex), "x holds complex128 but needs booleans or integers or real"),
        (lambda x: x[:, :7], "x has 7 columns, but the network"),
        (lambda x: x[:0], r"x has shape \(0, 30\) but needs rows"),
    ],
    ids=["NaN", "infinity", "complex", "columns", "empty"],
)
def test_what_does_not_fit_is_refused(spoilt, sentence):
    """Values that are not finite are named with their place, other departures as those of dense rows."""
    x, y, weight = rows()
    x = scipy_sparse.csr_array(spoilt(x))
    with pytest.raises(InputError, match=sentence):
        trained(x, y, weight)
    with pytest.raises(InputError, match=sentence):
        NETWORK.predict(NETWORK.init(), x)


def test_what_is_not_row_by_row_needs_dense_rows():
    """A cost or a gradient of sparse rows is refused with what to give."""
    x, y, _ = rows()
    with pytest.raises(InputError, match=r"x is sparse, a csr_array; give what its toarray\(\) returns"):
        NETWORK.cost(NETWORK.init(), scipy_sparse.csr_array(x), y)
