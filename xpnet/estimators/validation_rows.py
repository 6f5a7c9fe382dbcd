"""Rows of one's own to validate on, from the arguments of `fit`."""

import warnings
from typing import Any, NamedTuple

DEPRECATED = (
    "validation_data is deprecated: a pipeline does not transform its rows; give X_val, y_val and perhaps "
    'sample_weight_val, and Pipeline(..., transform_input=["X_val"]) does.'
)


class ValidationRows(NamedTuple):
    """Rows to validate on, as the user passed them.

    Attributes:
        X: Rows.
        y: Their targets.
        sample_weight: Their weights, or None.
        name: Name of all three in a message.
        names: Name of each.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    name: str = "X_val and y_val"
    names: tuple[str, ...] = ("X_val", "y_val", "sample_weight_val")

    def by_name(self) -> dict[str, Any]:
        """Rows, targets and weights by their names."""
        return dict(zip(self.names, self[:3], strict=True))


def validation_rows(X_val: Any, y_val: Any, sample_weight_val: Any, validation_data: Any) -> ValidationRows | None:
    """Rows to validate on, if there are any, from scikit-learn's arguments or from the tuple of version 0.1.

    Raises:
        ValueError: Rows come without targets, or the other way round, or by both ways; or the tuple is none.
    """
    passed = dict(X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val)
    passed = {name: array for name, array in passed.items() if array is not None}
    if validation_data is not None:
        if passed:
            raise ValueError(f"{' and '.join(passed)} came beside validation_data; give X_val and y_val alone.")
        return _from_tuple(validation_data)
    missing = [name for name in ("X_val", "y_val") if name not in passed]
    if passed and missing:
        raise ValueError(f"{' and '.join(passed)} came without {' and '.join(missing)}; give both X_val and y_val.")
    return ValidationRows(X_val, y_val, sample_weight_val) if passed else None


def _from_tuple(validation_data: Any) -> ValidationRows:
    """Rows to validate on from version 0.1's tuple."""
    if not (isinstance(validation_data, tuple | list) and len(validation_data) in (2, 3)):
        length = f" and length {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
        raise ValueError(
            f"validation_data is of type {type(validation_data).__name__}{length}; "
            "give X_val and y_val, or a tuple, (X, y) or (X, y, sample_weight)."
        )
    # Blamed on the caller of `fit`.
    warnings.warn(DEPRECATED, FutureWarning, stacklevel=5)
    names = tuple(f"validation_data's {part}" for part in ("X", "y", "sample_weight"))
    X, y, *weight = validation_data
    return ValidationRows(X, y, weight[0] if weight else None, "validation_data", names)
