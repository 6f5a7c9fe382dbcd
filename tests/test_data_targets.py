"""What labels and other targets must be, on NumPy arrays and on those of stricter libraries."""

import numpy as np
import pytest

from xpnet.data import check_complete_labels, check_labels, check_targets, loss_for
from xpnet.errors import InputError


@pytest.fixture
def library(backend):
    """A namespace and a function that makes its arrays, on the device that the backend has."""
    return backend.xp, lambda values, dtype=None: backend.xp.asarray(values, dtype=dtype, device=backend.device)


@pytest.mark.parametrize(
    ("values", "loss"),
    [
        ([0, 1, 2], "cross_entropy"),
        ([[0, 1], [1, 1]], "binary_cross_entropy"),
        ([[0.0, 1.0], [1.0, 1.0]], "binary_cross_entropy"),
        ([[False], [True]], "binary_cross_entropy"),
        ([0.0, 1.0], "squared_error"),
        ([[0.5], [1.0]], "squared_error"),
    ],
)
def test_targets_say_which_loss_they_ask_for(library, values, loss):
    """Labels ask for softmax, matrices of 0 and 1 for sigmoid, other floating-point numbers for identity."""
    xp, asarray = library
    assert loss_for(asarray(values), xp=xp) == loss


@pytest.mark.parametrize("values", [[[0, 1], [2, 1]], [True, False], [[[1.0]]], 1])
def test_targets_that_fit_no_loss_are_refused(library, values):
    """Integer matrices beyond 0 and 1, vectors of booleans, and too many or too few axes leave nothing to guess."""
    xp, asarray = library
    with pytest.raises(InputError, match=r"y_train holds \w+ of shape .*, which fits no loss: labels are a vector"):
        loss_for(asarray(values), name="y_train", xp=xp)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "uint16", "uint32"])
def test_labels_of_any_integer_type_pass(library, dtype):
    """Labels up to the number of classes less one pass, the unsigned types that PyTorch hardly knows among them."""
    xp, asarray = library
    check_labels(asarray([9, 0, 9], dtype=getattr(xp, dtype)), classes=10, xp=xp)
    check_targets(asarray([9, 0, 9], dtype=getattr(xp, dtype)), loss="cross_entropy", outputs=10, xp=xp)


def test_labels_that_more_classes_than_their_type_holds_pass(library):
    """A thousand classes do not overflow labels of bytes."""
    xp, asarray = library
    check_labels(asarray([255, 0], dtype=xp.uint8), classes=1000, xp=xp)


@pytest.mark.parametrize(("values", "label"), [([1, 10, 3], 10), ([1, -2, 10], -2)])
def test_a_label_out_of_range_is_named_with_the_range(library, values, label):
    """The message gives the label and what would have been allowed."""
    xp, asarray = library
    with pytest.raises(InputError, match=rf"y holds the label {label}; labels of 10 classes are 0 … 9\."):
        check_labels(asarray(values), classes=10, xp=xp)


def test_labels_of_unknown_classes_start_at_0(library):
    """Without a number of classes only negative labels are out of range."""
    xp, asarray = library
    check_labels(asarray([0, 1000]), xp=xp)
    with pytest.raises(InputError, match=r"the label -1; labels start at 0: number them as names, y = np\.unique\("):
        check_labels(asarray([0, -1]), xp=xp)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.0, 1.0], "holds float.* but needs integers"),
        ([True, False], "holds bool but needs integers"),
        ([[0], [1]], r"labels are a vector\. Use y\.reshape\(-1\)"),
        ([], "y holds float.* but needs integers"),
    ],
)
def test_labels_are_a_vector_of_integers(library, values, sentence):
    """Anything else is told what it is."""
    xp, asarray = library
    with pytest.raises(InputError, match=sentence):
        check_labels(asarray(values), classes=3, xp=xp)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0, 1, 3, 3], "label 2 never occurs in y_train, whose largest is 3"),
        ([1, 2, 3], "label 0 never occurs in y_train"),
        ([2, 2], "y_train holds only the label 2; a classifier needs two classes or more"),
        ([0, -1], "y_train holds the label -1; labels start at 0"),
        ([0, 10**15], "label 1 never occurs in y_train"),
    ],
)
def test_training_labels_leave_no_class_out(values, sentence):
    """Every class up to the largest label occurs, and there are two or more."""
    check_complete_labels(np.array([2, 0, 1]))
    with pytest.raises(InputError, match=sentence):
        check_complete_labels(np.array(values))


@pytest.mark.parametrize(
    ("loss", "outputs", "values"),
    [
        ("binary_cross_entropy", 2, [[0, 1], [1, 1]]),
        ("binary_cross_entropy", 1, [True, False]),
        ("binary_cross_entropy", 1, [[0.0], [1.0]]),
        ("squared_error", 1, [0.5, -1.5]),
        ("squared_error", 2, [[1, -2]]),
        ("poisson", 1, [0, 3]),
        ("poisson", 2, [[0.0, 2.5]]),
    ],
)
def test_targets_of_each_loss_pass(library, loss, outputs, values):
    """A matrix has a column for each output; one output also takes a vector."""
    xp, asarray = library
    check_targets(asarray(values), loss=loss, outputs=outputs, xp=xp)


def test_unsigned_counts_pass(library):
    """Unsigned integers are counts in every library."""
    xp, asarray = library
    check_targets(asarray([0, 3], dtype=xp.uint16), loss="poisson", outputs=1, xp=xp)


@pytest.mark.parametrize(
    ("loss", "outputs", "values", "sentence"),
    [
        (
            "binary_cross_entropy",
            2,
            [[0.0, 1.0], [1.0, 0.5]],
            r"y holds 0\.5 in row 1, column 1 .* 'binary_cross_entropy' needs 0 or 1",
        ),
        ("binary_cross_entropy", 1, [0, 2], r"y holds 2 in row 1 \(counted from 0\)"),
        ("binary_cross_entropy", 3, [[0, 1]], r"y has shape \(1, 2\) but needs 3 columns, one per output"),
        ("squared_error", 2, [1.0, 2.0], r"y has shape \(2,\) but needs 2 columns"),
        ("squared_error", 1, [[[1.0]]], "needs 1 column, one per output"),
        ("squared_error", 1, [1.0, float("nan")], r"y holds NaN in row 1 \(counted from 0\)"),
        ("squared_error", 1, [True], "y holds bool but needs integers or real floating-point numbers"),
        ("poisson", 1, [1, -2], "y holds -2 in row 1 .*'poisson' needs counts, none below 0"),
        ("poisson", 1, [float("inf")], "y holds infinity in row 0"),
    ],
)
def test_targets_that_do_not_fit_their_loss_are_refused(library, loss, outputs, values, sentence):
    """The message says which value or which shape was needed."""
    xp, asarray = library
    with pytest.raises(InputError, match=sentence):
        check_targets(asarray(values), loss=loss, outputs=outputs, xp=xp)
