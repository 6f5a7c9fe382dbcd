"""Data for a training from the shapes in which other libraries hand them over, or the refusal of any other shape."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xpnet.data import Data
from xpnet.errors import InputError

WANTED = "give (x, y), or (x, y, x_test, y_test) with test rows too"

NAMED_PAIRS = (("x", "y"), ("X", "y"), ("x_train", "y_train"), ("data", "target"), ("image", "label"))
"""Names that inputs and targets have in dictionaries."""

TARGETS = ("label", "target", "class", "y")
"""Names that targets have among the columns of data frames; else they are the last column."""


def as_data(data: Any) -> Data:
    """Data set from what is certainly one.

    Taken are a `Data`; `(x, y)`; `(x, y, x_test, y_test)`; `((x, y), (x_test, y_test))`, as Keras' `load_data()`
    returns it; and PyTorch's `TensorDataset` of inputs and targets.

    Raises:
        InputError: It is anything else; the message says how to give it.
    """
    if not isinstance(data, Data):
        data = _tensors(data)
        if _is_nested(data):
            data = (*data[0], *data[1])
        _refuse_others(data)
    result = data if isinstance(data, Data) else Data(*data)
    for part, of in (("test", "_test"), ("validation", "_validation")):
        x, y = getattr(result, f"x{of}"), getattr(result, f"y{of}")
        if (x is None) != (y is None):
            present, missing = (f"x{of}", f"y{of}") if y is None else (f"y{of}", f"x{of}")
            raise InputError(f"{present} comes without {missing}; {part} rows need both, or leave out both.")
    return result


def _tensors(data: Any) -> Any:
    """Arrays of a `TensorDataset`; anything else as it is."""
    tensors = getattr(data, "tensors", None)
    if type(data).__name__ != "TensorDataset" or not isinstance(tensors, tuple):
        return data
    if len(tensors) != 2:
        raise InputError(
            f"data is a TensorDataset of {len(tensors)} tensors; give (x, y) of its tensors: dataset.tensors[0], …"
        )
    return tensors


def _is_nested(data: Any) -> bool:
    """Whether it is `((x, y), (x_test, y_test))`, of arrays."""
    return _is_tuple(data, 2) and all(
        _is_tuple(pair, 2) and _axes(pair[0]) >= 2 and _axes(pair[1]) >= 1 for pair in data
    )


def _refuse_others(data: Any) -> None:
    """Raise what to give instead of anything that is no two or four arrays."""
    if (shape := getattr(data, "shape", None)) and not _column_names(data):
        raise InputError(f"data is one array, of shape {tuple(shape)}, without labels or targets; {WANTED}.")
    if isinstance(data, Mapping):
        raise InputError(f"data is a {type(data).__name__}; {_of_mapping(data)}.")
    if names := _column_names(data):
        raise InputError(f"data is a {type(data).__name__} with the target in it; {_of_frame(data, names)}.")
    if _is_of_torch(data):
        raise InputError(f"data is a {type(data).__name__}; {_of_torch(data)}.")
    if _are_pairs(data):
        raise InputError(
            "data is a list with a pair (row, target) for each sample; give two arrays: "
            "x, y = map(np.asarray, zip(*data))."
        )
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise InputError(f"data is a {type(data).__name__}; {WANTED}.")
    if len(data) == 3:
        raise InputError(f"data is three arrays; {_of_three(data[2])}.")
    if len(data) not in (2, 4):
        raise InputError(f"data is a {type(data).__name__} of {len(data)}; {WANTED}.")


def _of_mapping(data: Mapping[Any, Any]) -> str:
    """Arrays to give of a dictionary."""
    for x, y in NAMED_PAIRS:
        if x in data and y in data:
            return f"give (data[{x!r}], data[{y!r}])"
    return f"{WANTED}, of the arrays in it"


def _of_frame(data: Any, names: Sequence[str]) -> str:
    """Arrays to give of a data frame."""
    target = next((name for name in names if str(name).lower() in TARGETS), names[-1])
    library = type(data).__module__.partition(".")[0]
    drop = {"pandas": f"columns={target!r}"}.get(library, repr(target))
    return f"give inputs and target apart: (data.drop({drop}), data[{target!r}]) if {target!r} is the target"


def _of_torch(data: Any) -> str:
    """Arrays to give of one of PyTorch's data sets or loaders."""
    dataset = getattr(data, "dataset", data)
    name = "data" if dataset is data else "data.dataset"
    if type(dataset).__name__ == "TensorDataset":
        return f"give its data set, {name}: batches and their order are the training's own"
    return (
        "batches and their order are the training's own, so give it as a whole: "
        f"next(iter(torch.utils.data.DataLoader({name}, batch_size=len({name}))))"
    )


def _of_three(third: Any) -> str:
    """What three arrays were probably meant to be."""
    if _axes(third) == 1 or (isinstance(third, Sequence) and not isinstance(third[0], Sequence)):
        return "give (x, y), and the third, if it holds sample weights, as weight="
    return f"x_test comes without y_test; {WANTED}"


def _is_tuple(data: Any, length: int) -> bool:
    return isinstance(data, tuple | list) and len(data) == length


def _axes(array: Any) -> int:
    """Number of axes of an array; -1 of anything else."""
    return len(array.shape) if hasattr(array, "shape") and hasattr(array, "dtype") else -1


def _are_pairs(data: Any) -> bool:
    """Whether it is a list of pairs whose second part is a single number."""
    if isinstance(data, zip):
        return True
    if not isinstance(data, list | tuple) or not data:
        return False
    return all(_is_tuple(pair, 2) and not isinstance(pair[1], Sequence) and _axes(pair[1]) < 1 for pair in data)


def _column_names(data: Any) -> Sequence[str]:
    """Names of a data frame's columns, of any library; none of anything else."""
    names = getattr(data, "column_names", getattr(data, "columns", ()))
    try:
        return list(names)
    except TypeError:
        return ()


def _is_of_torch(data: Any) -> bool:
    """Whether it is one of PyTorch's data sets or loaders."""
    return not isinstance(data, Iterator) and any(
        kind.__module__.startswith("torch.utils.data") for kind in type(data).__mro__
    )
