"""scikit-learn's names."""

from xpnet._support import sklearn_names
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES


def test_the_tables_cover_the_registries() -> None:
    """Each of xpnet's activations and losses has one name of scikit-learn's."""
    assert sorted(sklearn_names.ACTIVATIONS.values()) == sorted(ACTIVATIONS)
    assert set(sklearn_names.OUTPUTS) == set(LOSSES)
    assert len(set(sklearn_names.OUTPUTS.values())) == len(LOSSES)
