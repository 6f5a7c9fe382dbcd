"""The post's equations, for a batch of samples as rows instead of one sample as a column.

Departures from the post: samples are rows, so its w · a is a @ wᵀ. ∂C/∂z has a name, which turns thirteen equations
into five lines: (1)-(6) are the same lines read for single weights. The derivative of σ is a(1 − a); the post prints
σ(a)(1 − σ(a)), which is another function. A batch's cost is the weighted mean of its samples' costs: each sample's
share in the mean scales the sample's last delta, and everything before that layer is linear in it.

Throughout, `a` holds the activations of every layer: a[0] is the input, a[-1] the output.
"""

from collections.abc import Callable, Sequence

from jaxtyping import Float

from xpnet._support.typing import Array, Layer, Namespace, Params
from xpnet.equations.activations import Activation

Deltas = list[Array]
"""∂C/∂z of every layer, (n, d_out) each, the first layer first."""


def forward(
    params: Params,
    x: Float[Array, "n d_in"],
    hidden: Sequence[Activation],
    output: Callable[..., Array],
    *,
    xp: Namespace,
) -> tuple[list[Array], Float[Array, "n k"]]:
    """zˡ = wˡ · aˡ⁻¹ + bˡ and aˡ = σ(zˡ), layer by layer; returns every a, and the last z, which the cost needs."""
    a = [x]
    for (w, b), activation in zip(params, [*(layer.function for layer in hidden), output], strict=True):
        z = a[-1] @ w.T + b
        a.append(activation(z, xp=xp))
    return a, z


def backward(
    params: Params,
    a: list[Array],
    y: Float[Array, "n k"],
    hidden: Sequence[Activation],
    share: Array = 1,
    unmatched: Callable[..., Array] | None = None,
    *,
    xp: Namespace,
) -> Deltas:
    """∂C/∂z of every layer, from the last one back; `share`, a column or a number, is each sample's weight in C.

    The last layer's is (7) for a matched pair; another loss has its own, `unmatched(a, y, xp=xp)`.
    """
    dC_dz = share * (a[-1] - y)  # (7)
    if unmatched is not None:
        dC_dz = share * unmatched(a[-1], y, xp=xp)
    deltas = [dC_dz]
    for layer, activation, a_l in reversed(list(zip(params[1:], hidden, a[1:-1], strict=True))):
        dC_da = dC_dz @ layer.w  # (3), (6), (12), (13)
        dC_dz = activation.derivative(a_l, xp=xp) * dC_da  # within (10), (11)
        deltas.insert(0, dC_dz)
    return deltas


def gradients(deltas: Deltas, a: list[Array], *, xp: Namespace) -> Params:
    """∂C/∂w and ∂C/∂b of the batch: the sums of its samples' own, each with its share."""
    return tuple(
        Layer(
            w=dC_dz.T @ a_prev,  # (1), (4), (8), (10)
            b=xp.sum(dC_dz, axis=0),  # (2), (5), (9), (11)
        )
        for dC_dz, a_prev in zip(deltas, a[:-1], strict=True)
    )


def clipped(deltas: Deltas, a: list[Array], bound: float, share: Array = 1, *, xp: Namespace) -> Deltas:
    """Deltas of gradients that are no longer than `bound`: each sample's, times its share and min(1, bound / ‖g‖).

    ‖g‖² is the sum over the layers of ‖∂C/∂z‖² (‖a‖² + 1), a being the layer before's and 1 the bias's input.
    """
    squares = [(_squared(dC_dz, xp=xp), _squared(a_prev, xp=xp)) for dC_dz, a_prev in zip(deltas, a[:-1], strict=True)]
    total, *others = [of_delta * (of_a + 1) for of_delta, of_a in squares]
    for square in others:
        total = total + square
    share = share * (bound / xp.maximum(xp.sqrt(total), bound))
    return [share * dC_dz for dC_dz in deltas]


def _squared(rows: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n 1"]:
    """Squared norm of each row, as a column."""
    return xp.sum(rows * rows, axis=1, keepdims=True)


def per_sample_gradients(deltas: Deltas, a: list[Array]) -> Params:
    """∂C/∂w of each sample, (n, d_out, d_in), and ∂C/∂b, (n, d_out)."""
    return tuple(
        Layer(
            w=dC_dz[:, :, None] * a_prev[:, None, :],  # (1), (4), (8), (10)
            b=dC_dz,  # (2), (5), (9), (11)
        )
        for dC_dz, a_prev in zip(deltas, a[:-1], strict=True)
    )


def per_sample_gradient_norms(deltas: Deltas, a: list[Array], *, xp: Namespace) -> Params:
    """Norms of each sample's ∂C/∂w and ∂C/∂b, (n,) each; ‖∂C/∂z · aᵀ‖ = ‖∂C/∂z‖ ‖a‖ saves the outer product."""
    norms = [(norm(dC_dz, xp=xp), norm(a_prev, xp=xp)) for dC_dz, a_prev in zip(deltas, a[:-1], strict=True)]
    return tuple(Layer(w=of_delta * of_input, b=of_delta) for of_delta, of_input in norms)


def norm(rows: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, " n"]:
    """‖row‖ of each row."""
    return xp.sqrt(xp.sum(rows * rows, axis=1))
