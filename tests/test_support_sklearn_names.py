"""scikit-learn's names."""

from xpnet._support import sklearn_names
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES


def test_the_tables_cover_the_registries() -> None:
    """Each of xpnet's activations and losses has one name of scikit-learn's, or is one that scikit-learn lacks."""
    assert sorted(sklearn_names.NAMED.values()) == sorted(ACTIVATIONS)
    assert set(sklearn_names.OUTPUTS) == set(LOSSES)
    theirs = [output for loss, output in sklearn_names.OUTPUTS.items() if loss not in sklearn_names.OWN_LOSSES]
    assert len(set(theirs)) == len(theirs)
