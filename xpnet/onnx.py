"""ONNX export: a network as a graph of a few nodes, which any program that reads ONNX can run."""

import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from xpnet import __version__, backends
from xpnet._support.arguments import check_order
from xpnet._support.atomic_write import write_whole
from xpnet._support.optional import needed
from xpnet._support.tables import lookup
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Params
from xpnet.equations.losses import STRAIGHT
from xpnet.errors import InputError
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

with needed("xpnet.onnx", "onnx"):
    from onnx import ModelProto, checker, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""Versions of the graph's operators and of the file: ONNX 1.12 of 2022, so that older runtimes read it too."""

MOST_BYTES = 2**31 - 2**20
"""Limit of the parameters' size: a file is one protocol buffer, which holds less than 2 GiB."""

Steps = Sequence[tuple[str, ...]]
"""Nodes one after another, each an operator and what it takes: z, a constant, or an earlier step's result, as #1."""

ACTIVATIONS: dict[str, Steps] = {
    "sigmoid": [("Sigmoid", "z")],
    "tanh": [("Tanh", "z")],
    "relu": [("Relu", "z")],
    "identity": [],
    "leaky_relu": [("Mul", "z", "number"), ("Max", "z", "#1")],
    "elu": [
        ("Relu", "z"), ("Min", "z", "zero"), ("Exp", "#2"), ("Sub", "#3", "one"), ("Mul", "#4", "number"),
        ("Add", "#1", "#5"),
    ],
    "softplus": [
        ("Relu", "z"), ("Abs", "z"), ("Neg", "#2"), ("Exp", "#3"), ("Add", "#4", "one"), ("Log", "#5"),
        ("Add", "#1", "#6"),
    ],
    "hard_sigmoid": [("Div", "z", "six"), ("Add", "#1", "half"), ("Clip", "#2", "zero", "one")],
}  # fmt: skip
"""Nodes of each hidden activation; ONNX has Elu, Softplus and HardSigmoid too, but onnxruntime not in float64."""

OUTPUTS: dict[str, Steps] = {
    "cross_entropy": [("Softmax", "z")],
    "binary_cross_entropy": [("Sigmoid", "z")],
    "squared_error": [],
    "poisson": [("Min", "z", "straight"), ("Exp", "#1")],
    "absolute_error": [],
    "huber": [],
    "pinball": [],
}
"""Nodes of the output activation that goes with each loss."""

CONSTANTS = {"straight": STRAIGHT, "zero": 0.0, "half": 0.5, "one": 1.0, "six": 6.0}
"""Constants of the steps; an activation's own number is another."""


def export(
    path: str | os.PathLike[str], network: Network, params: Params, *, labels: Sequence[Any] | None = None
) -> None:
    """Write a network to an ONNX file, which is complete or not there.

    The graph's input is `x` (n, d_in) and its output `a` (n, k), both of the parameters' dtype and for any number of
    rows n; it gives what `predict` does. Inputs are scaled in it: a network that divides by 255 takes pixels from 0 to
    255, and one whose `input_scale` is None takes numbers as they are.

    Arguments in the order of version 0.1, `export(network, params, path)`, are still taken, with a DeprecationWarning.

    Args:
        path: The file to write; an existing one is replaced.
        network: The network.
        params: Its parameters, of any library.
        labels: Names of the classes for the metadata, where they are not the network's own; of one output, of 0 and 1.

    Raises:
        InputError: The arguments come in another order, params or labels do not fit the network, or the file cannot be
            written.
    """
    path, network, params = _path_first(path, network, params)
    check_order("export(path, network, params)", (path, (str, os.PathLike)), (network, Network))
    write_whole(path, model(network, params, labels=labels).SerializeToString())


def model(network: Network, params: Params, *, labels: Sequence[Any] | None = None) -> ModelProto:
    """ONNX model that `export` writes, checked by ONNX's own checker."""
    network, params = network.folded(backends.moved(checked_params(network, params), backends.resolve("numpy")))
    size = sum(array.nbytes for array in arrays_in(params))
    if size > MOST_BYTES:
        raise InputError(
            f"the parameters take {size / 2**30:.1f} GiB, but an ONNX file holds less than 2; "
            "use a smaller network, or parameters in float32 if they are float64."
        )
    outputs, dtype = network.sizes[-1], params[0].w.dtype
    if labels is None and not network.model.loss.regression:
        labels = network.classes or range(outputs)
    if labels is not None and len(labels) not in (outputs, len(network.class_names) or outputs):
        raise InputError(f"labels has {len(labels)} entries, but the network {network} has {outputs} outputs.")

    scale = network.input_scale or 1.0
    constants = {name: np.asarray(number, dtype) for name, number in {"scale": scale, **CONSTANTS}.items()}
    for layer, each in enumerate(network.model.hidden, 1):
        constants[f"number{layer}"] = np.asarray(each.number or 0.0, dtype)
    for layer, (w, b) in enumerate(params, 1):
        constants |= {f"w{layer}": w, f"b{layer}": b}
    nodes = _nodes(network, scaled=scale != 1)
    used = list(dict.fromkeys(name for node in nodes for name in node.input if name in constants))
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    graph = helper.make_graph(
        nodes,
        "xpnet",
        [helper.make_tensor_value_info("x", kind, ["n", network.sizes[0]])],
        [helper.make_tensor_value_info("a", kind, ["n", outputs])],
        [numpy_helper.from_array(constants[name], name) for name in used],
    )
    onnx_model: ModelProto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="xpnet",
        producer_version=__version__,
        doc_string=str(network),
    )
    about = {"loss": network.loss} | ({} if labels is None else {"labels": json.dumps(np.asarray(labels).tolist())})
    helper.set_model_props(onnx_model, about)
    checker.check_model(onnx_model, full_check=True)
    return onnx_model


def _path_first(path: Any, network: Any, params: Any) -> tuple[Any, Any, Any]:
    """The arguments of `export` in its order, from its order in version 0.1 too."""
    if not isinstance(path, Network):
        return path, network, params
    message = "the order export(network, params, path) is deprecated; use export(path, network, params), as in save."
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return params, path, network


def _nodes(network: Network, scaled: bool) -> list[Any]:
    """Nodes from `x` to `a`; intermediate results are named as in the post, by layer: z1, a1, z2."""
    nodes, source = [], "x"
    if scaled:
        nodes.append(helper.make_node("Div", ["x", "scale"], ["a0"]))
        source = "a0"
    hidden, loss = network.model.hidden, network.model.loss
    kinds = [lookup(ACTIVATIONS, "activation", each.name, "ONNX node") for each in hidden]
    kinds.append(lookup(OUTPUTS, "loss", loss.name, "ONNX node"))
    for layer, steps in enumerate(kinds, 1):
        z, a = f"z{layer}", "a" if layer == len(kinds) else f"a{layer}"
        names = {"z": z, "number": f"number{layer}", **{f"#{i}": f"{z}.{i}" for i in range(1, len(steps))}}
        gemm = helper.make_node("Gemm", [source, f"w{layer}", f"b{layer}"], [z if steps else a], transB=1)
        targets = [*list(names.values())[2:], a]
        nodes.append(gemm)
        for (kind, *operands), target in zip(steps, targets, strict=False):
            nodes.append(helper.make_node(kind, [names.get(operand, operand) for operand in operands], [target]))
        source = a
    return nodes
