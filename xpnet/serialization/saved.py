"""Model files: safetensors with the parameters, and in the metadata all that is needed to resume a training."""

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from xpnet import __version__, backends
from xpnet._support.arguments import check_order
from xpnet._support.atomic_write import write_whole
from xpnet._support.regular_file import open_regular
from xpnet._support.typing import Layer, Params
from xpnet.data import Layout, kinds
from xpnet.errors import InputError, ModelFileError, ModelFileWarning
from xpnet.serialization import history as histories
from xpnet.serialization.metadata import FORMAT, TRAINING, damaged, plain, read_metadata
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.network import Network
from xpnet.training.placement import DTYPES, checked_params
from xpnet.training.standardization import Standardization

CHECKSUM = "sha256"
"""Tensor of the 32 bytes of a SHA-256 of the metadata and of all other tensors."""

HISTORY = "history"
"""Tensor of the numbers of the epochs, and the metadata's field for the names of its columns."""


OF_TRAINING_ROWS = ("cost", "train_accuracy")
"""Numbers of an epoch that are computed from the training rows without noise."""


@dataclass(frozen=True)
class SavedModel:
    """A model read from a file.

    Attributes:
        network: What it computes; its input scale is resolved.
        params: The parameters to use, on the host: those of the best epoch where the training stopped early.
        checkpoint: What `epochs(..., resume=...)` resumes from, or None if only parameters were saved.
        configuration: The settings of the command that trained it; empty for a model that was saved without any.
        history: The numbers of its epochs, as `Epoch.numbers` gives them, without times; of a long training some of
            them, and none of a model that was saved without.
        layout: The columns of the table that it was trained on, or None.
    """

    network: Network
    params: Params
    checkpoint: Checkpoint | None
    configuration: dict[str, Any]
    history: Sequence[Mapping[str, Any]] = ()
    layout: Layout | None = None


def save(
    path: str | os.PathLike[str],
    network: Network,
    params: Params,
    checkpoint: Checkpoint | None = None,
    configuration: dict[str, Any] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    layout: Layout | None = None,
) -> None:
    """Write a model to a file, which is complete or not there, whatever happens meanwhile.

    Args:
        path: The file to write; an existing one is replaced.
        network: With an `input_scale` that is a number, if inputs of another dtype are to be predicted on later.
        params: The parameters to predict with, of any library: `epoch.params`.
        checkpoint: `epoch.checkpoint`, to resume the training from later.
        configuration: Anything that JSON can hold.
        history: `epoch.numbers()` of all epochs, for learning curves; of a long training a spread of them is saved.
        layout: The columns of the table that it was trained on, as `xpnet.data.read_table` gives them, for rows to
            predict on.

    Raises:
        InputError: The arguments come in another order, params do not fit the network, or the file cannot be written.
    """
    check_order("save(path, network, params)", (path, (str, os.PathLike)), (network, Network))
    params = checked_params(network, params)
    tensors = _named("", params)
    about: dict[str, Any] = {"format": FORMAT, "xpnet": __version__, "network": asdict(network)}
    if checkpoint is not None:
        if checkpoint.params is not params:
            tensors |= _named("training.", checkpoint.params)
        for i, slot in enumerate(checkpoint.slots):
            tensors |= _named(f"optimizer.{i}.", slot)
        about["training"] = {name: getattr(checkpoint, name) for name in TRAINING if name != "slots"}
        about["training"]["slots"] = len(checkpoint.slots)
    about["configuration"] = configuration or {}
    if layout is not None:
        # The names of the classes are the network's.
        about["layout"] = layout._replace(classes=None)._asdict()
    try:
        _check_tensors(tensors)
    except ValueError as error:
        raise InputError(f"{error}: there is nothing to save in {path}.") from None
    if checkpoint is not None and checkpoint.privacy:
        # Cost and accuracy of private rows are not private.
        history = [{name: record[name] for name in record if name not in OF_TRAINING_ROWS} for record in history]
    if history:
        about[HISTORY], tensors[HISTORY] = histories.columns(history), histories.table(history)
    text = json.dumps(about)
    tensors[CHECKSUM] = _checksum(text, tensors)
    write_whole(path, safetensors.numpy.save(tensors, {"xpnet": text}))


def load(path: str | os.PathLike[str]) -> SavedModel:
    """Read a model from a file.

    A file of version 0.1.0 has no checksum; a warning says that damage to its numbers would not be noticed.

    Raises:
        ModelFileError: There is no such file, it is not a model or a damaged one, or it needs a newer version.
    """
    try:
        # For the system's own words: safetensors has others for a file that may not be read, and for a folder.
        open_regular(path).close()
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            # NumPy lacks types that other programs' tensors may have.
            names = file.keys() if "xpnet" in metadata else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, InputError, safetensors.SafetensorError) as error:
        kind = kinds.named(Path(path)) if isinstance(error, safetensors.SafetensorError) else ""
        if kind not in ("", kinds.TENSORS.name):
            raise ModelFileError(f"{path} is no model: it is {kind}; name a file that --save or save wrote.") from error
        why = error.strerror if isinstance(error, OSError) and error.strerror else plain(error)
        raise ModelFileError(f"{path} is no readable model: {why.rstrip('.')}.") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} is damaged: {plain(error)}.") from error
    if "xpnet" not in metadata:
        raise ModelFileError(f"{path} is a safetensors file, but was not written by xpnet.")
    try:
        about = read_metadata(metadata["xpnet"])
    except ModelFileError as error:
        raise ModelFileError(f"{path} {error}") from error
    try:
        saved = tensors.pop(CHECKSUM, None)
        if saved is not None and not np.array_equal(saved, _checksum(metadata["xpnet"], tensors)):
            raise ValueError("its checksum is not that of its contents")
        history = _history(about, tensors)
        network = Network(**about["network"] | _scales(about["network"]))
        layout = _layout(about["layout"], network)
        _check_tensors(tensors)
        params = _params("", tensors, network)
        checkpoint = _checkpoint(about["training"], tensors, network, params)
        if tensors:
            raise ValueError(f"it holds {', '.join(sorted(tensors))}, which belongs to nothing")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} {damaged(about['xpnet'], error)}") from error
    if saved is None:
        warnings.warn(
            f"{path} was saved without a checksum, by xpnet 0.1.0: damage to its numbers would not be noticed. "
            "To save it again adds one.",
            ModelFileWarning,
            stacklevel=2,
        )
    return SavedModel(network, params, checkpoint, about["configuration"], history, layout)


def _scales(saved: dict[str, Any]) -> dict[str, Any]:
    """Scales of a network, of which objects are standardizations."""
    scales = {name: saved[name] for name in ("input_scale", "target_scale")}
    return {name: Standardization(**scale) if isinstance(scale, dict) else scale for name, scale in scales.items()}


def _layout(saved: dict[str, Any] | None, network: Network) -> Layout | None:
    """Columns of a table, with the network's names of the classes; each column is one or more of its inputs."""
    if saved is None:
        return None
    categories = {name: tuple(of) for name, of in saved["categories"].items()}
    layout = Layout(**{**saved, "inputs": tuple(saved["inputs"]), "categories": categories, "classes": network.classes})
    if layout.width != network.sizes[0]:
        raise ValueError(f"its table has {layout.width} inputs, but its network {network.sizes[0]}")
    return layout


def _checksum(text: str, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """SHA-256 of the metadata, and of the names, dtypes, shapes and numbers of the tensors."""
    whole = sha256(text.encode("utf-8", "surrogatepass"))
    for name, array in sorted(tensors.items()):
        whole.update(f"\0{name}\0{array.dtype.str}{array.shape}\0".encode())
        whole.update(array.tobytes())
    return np.frombuffer(whole.digest(), np.uint8)


def _check_tensors(tensors: dict[str, np.ndarray]) -> None:
    """Refuse tensors that are not of one dtype that parameters can have, and parameters that are not finite."""
    kinds = sorted({array.dtype.name for array in tensors.values()}) or ["nothing"]
    if len(kinds) > 1 or kinds[0] not in DTYPES:
        raise ValueError(f"the parameters are {' and '.join(kinds)}, but must be {' or '.join(DTYPES)} throughout")
    for name, array in tensors.items():
        # Optimizers go on from an infinite mean of squares, by steps of 0.
        if not name.startswith("optimizer.") and not np.isfinite(array).all():
            *_, layer, kind = name.split(".")
            what = "weights" if kind == "w" else "biases"
            raise ValueError(f"the {what} of layer {int(layer) + 1} are not finite, as after a training that diverged")


def _history(about: dict[str, Any], tensors: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Numbers of the epochs, which are taken out of the tensors, if they were saved."""
    if not about[HISTORY]:
        return []
    return histories.records_in(tensors.pop(HISTORY), (about["training"] or {"epoch": 0})["epoch"], about[HISTORY])


def _checkpoint(
    training: dict[str, Any] | None, tensors: dict[str, np.ndarray], network: Network, params: Params
) -> Checkpoint | None:
    """Checkpoint from the metadata and the tensors, if one was saved."""
    if training is None:
        return None
    slots = tuple(_params(f"optimizer.{i}.", tensors, network) for i in range(training["slots"]))
    now = _params("training.", tensors, network) if "training.0.w" in tensors else params
    spent = tuple(map(tuple, training["privacy"]))
    return Checkpoint(**training | {"privacy": spent, "params": now, "slots": slots, "best_params": params})


def _named(prefix: str, params: Params) -> dict[str, np.ndarray]:
    """Host arrays by name, `0.w`, `0.b`, `1.w`, of parameters."""
    return {
        f"{prefix}{i}.{name}": np.ascontiguousarray(backends.of(array).to_host(array))
        for i, layer in enumerate(params)
        for name, array in zip(Layer._fields, layer, strict=True)
    }


def _params(prefix: str, tensors: dict[str, np.ndarray], network: Network) -> Params:
    """Parameters from named host arrays, which are taken out and have the network's shapes."""
    names = [[f"{prefix}{i}.{name}" for name in Layer._fields] for i in range(len(network.sizes) - 1)]
    params = checked_params(network, [[tensors[name] for name in layer] for layer in names])
    for name in chain.from_iterable(names):
        del tensors[name]
    return params
