"""What a network took for what, counted."""

import numpy as np

from xpnet.training.evaluation import confusion_counts, outcome_counts


def test_a_confusion_matrix_has_a_row_for_each_label() -> None:
    """Row i holds how often label i was taken for each other, in as many columns as labels occur or are asked for."""
    y, guess = np.array([0, 0, 1, 2, 2, 2], np.uint8), np.array([0, 1, 1, 2, 2, 0])
    assert confusion_counts(y, guess).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert confusion_counts(y, guess, 4).shape == (4, 4)


def test_outcomes_are_counted_label_by_label() -> None:
    """Of each label the four outcomes add up to the number of rows, and bear the field's names in its order."""
    y, guess = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [1, 1]]), np.array([[1, 1], [0, 0], [1, 1], [0, 1], [1, 1]])
    counts = outcome_counts(y, guess)
    assert {name: column.tolist() for name, column in counts.items()} == {
        "true positives": [2, 2],
        "false negatives": [1, 0],
        "false positives": [1, 2],
        "true negatives": [1, 1],
    }
    assert list(counts) == ["true positives", "false negatives", "false positives", "true negatives"]
    assert sum(counts.values()).tolist() == [5, 5]
