"""C: a network as a header of constant arrays and two loops, for machines without Python or memory to allocate."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from xpnet import __version__, backends
from xpnet._support.tables import lookup
from xpnet._support.typing import Params
from xpnet.equations.losses import STRAIGHT
from xpnet.errors import InputError
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

TYPES = {"float32": ("float", "f"), "float64": ("double", "")}
"""C's type for a dtype, and the suffix of its literals and of the functions in math.h."""

FUNCTIONS = {
    "sigmoid": "1.0@ / (1.0@ + exp@(fmin@(-z, 80.0@)))",
    "tanh": "tanh@(z)",
    "relu": "fmax@(z, 0.0@)",
    "identity": "z",
    "exp": f"exp@(fmin@(z, {STRAIGHT}@))",
    "leaky_relu": "fmax@(z, {number}@ * z)",
    "elu": "z > 0 ? z : {number}@ * (exp@(fmin@(z, 0.0@)) - 1)",
    "softplus": "fmax@(z, 0.0@) + log1p@(exp@(-fabs@(z)))",
    "hard_sigmoid": "fmin@(fmax@(z / 6 + 0.5@, 0.0@), 1.0@)",
}
"""Activations of one number, of hidden layers and of outputs; @ stands for the type's suffix."""

SOFTMAX = """\
    {type} largest = a[0], sum = 0.0@;
    for (int i = 1; i < {outputs}; ++i)
        largest = fmax@(largest, a[i]);
    for (int i = 0; i < {outputs}; ++i)
        sum += a[i] = exp@(a[i] - largest);
    for (int i = 0; i < {outputs}; ++i)
        a[i] /= sum;
"""
"""Activation of all outputs together."""

HEADER = """\
/* {network}, by xpnet {version}: C99 and C++, no allocation, {size} of constants. Link with -lm.

       {type} x[{macro}_INPUTS], a[{macro}_OUTPUTS];
       {name}_predict(x, a);                            a: {meaning} */
#ifndef {macro}_H
#define {macro}_H

#include <math.h>

#define {macro}_INPUTS {inputs}
#define {macro}_OUTPUTS {outputs}

{constants}
static void {name}_layer(const {type} *w, const {type} *b, int inputs, int outputs, const {type} *x, {type} *z)
{{
    for (int i = 0; i < outputs; ++i) {{
        {type} sum = b[i];
        for (int j = 0; j < inputs; ++j)
            sum += w[i * inputs + j] * x[j];
        z[i] = sum;
    }}
}}

static void {name}_predict(const {type} *x, {type} *a)
{{
{body}}}

#endif
"""


def to_c(network: Network, params: Params, name: str = "model", *, labels: Sequence[Any] | None = None) -> str:
    """C header with a function that predicts one row, as `Network.predict` does.

    It has constant arrays for the parameters, a function of two loops for a layer, and no memory but two arrays on the
    stack. The first weights are divided by the input scale: a network that divides by 255 takes pixels from 0 to 255.

    Args:
        network: The network.
        params: Its parameters, of any library, in float32 or float64, which become C's float or double.
        name: Beginning of the names in C; letters that C does not take become underscores.
        labels: Names of the classes, which become an array of strings, of one output those of 0 and 1; None takes the
            network's own, and leaves the array out where it has none.

    Raises:
        InputError: params or labels do not fit the network.

    Example:
        >>> print(to_c(Network([1, 1], loss="squared_error"), [(np.ones((1, 1)), np.zeros(1))]).splitlines()[3].strip())
        model_predict(x, a);                            a: 1 prediction */
    """
    name = re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII)
    network, layers = network.folded(backends.moved(checked_params(network, params), backends.resolve("numpy")))
    outputs = network.sizes[-1]
    labels = network.classes if labels is None else labels
    if labels is not None and len(labels) not in (outputs, len(network.class_names) or outputs):
        raise InputError(f"labels has {len(labels)} entries, but the network {network} has {outputs} outputs.")
    kind, suffix = lookup(TYPES, "dtype", str(layers[0].w.dtype), "type in C")
    constants = []
    for number, (w, b) in enumerate(layers, 1):
        scaled = w / (network.input_scale or 1.0) if number == 1 else w
        constants += [_constant(f"{name}_w{number}", scaled, kind, suffix)]
        constants += [_constant(f"{name}_b{number}", b, kind, suffix)]
    if labels is not None:
        strings = ", ".join(map(_string, labels))
        constants.append(f"static const char *const {name}_labels[{len(labels)}] = {{{strings}}};\n")
    return HEADER.format(
        network=network,
        version=__version__,
        size=f"{network.parameter_count * layers[0].w.itemsize:,} bytes",
        type=kind,
        macro=name.upper(),
        name=name,
        meaning=_meaning(network),
        inputs=network.sizes[0],
        outputs=outputs,
        constants="\n".join(constants),
        body=_body(network, name).replace("@", suffix).replace("{type}", kind),
    )


def _meaning(network: Network) -> str:
    """What the outputs are, in words."""
    if not network.model.loss.regression:
        return "probabilities"
    return f"{network.sizes[-1]} prediction{'s' * (network.sizes[-1] > 1)}"


def _body(network: Network, name: str) -> str:
    """Statements from x to a, by way of two arrays that take turns."""
    hidden, lines = network.sizes[1:-1], []
    if hidden:
        lines.append(
            f"    {{type}} {', '.join(f'{array}[{max(hidden)}]' for array in ('even', 'odd')[: len(hidden)])};"
        )
    targets = [("even", "odd")[layer % 2] for layer in range(len(hidden))] + ["a"]
    activations = [(each.name, each.number) for each in network.model.hidden]
    activations.append((network.model.loss.activation.__name__, None))
    layers = zip(["x", *targets], network.sizes, network.sizes[1:], targets, activations, strict=False)
    for number, (source, inputs, outputs, target, (activation, own)) in enumerate(layers, 1):
        lines.append(f"    {name}_layer({name}_w{number}, {name}_b{number}, {inputs}, {outputs}, {source}, {target});")
        if activation == "softmax":
            lines.append(SOFTMAX.replace("{outputs}", str(outputs)).rstrip("\n"))
        elif activation != "identity":
            code = lookup(FUNCTIONS, "activation", activation, "C code").replace("{number}", repr(own))
            lines.append(f"    for (int i = 0; i < {outputs}; ++i) {{")
            lines.append(f"        const {{type}} z = {target}[i];\n        {target}[i] = {code};\n    }}")
    return "\n".join(lines) + "\n"


def _constant(name: str, array: np.ndarray, kind: str, suffix: str) -> str:
    """Definition of an array, a few numbers in each line."""
    numbers = [str(number) + suffix for number in array.reshape(-1)]
    lines = [", ".join(numbers[start : start + 8]) for start in range(0, len(numbers), 8)]
    return f"static const {kind} {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"


def _string(label: Any) -> str:
    """String in C, in UTF-8."""
    letters = "".join(letter if letter.isprintable() else "?" for letter in str(label))
    return '"' + letters.replace("\\", "\\\\").replace('"', '\\"') + '"'
