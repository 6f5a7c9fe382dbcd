"""Contenders for a private step: each row's gradient clipped, noise added to the sum, and plain SGD.

All take the same batches from the same start. Without noise each is checked against every row's gradient by itself.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from configurations import LEARNING_RATE, Problem
from contender import Contender, Unavailable
from peers import ByHand, Jax, Torch
from xpnet_contender import Xpnet

import xpnet
from xpnet import Privacy
from xpnet._support.typing import Batch
from xpnet.equations import step as steps
from xpnet.equations.private_step import private_step
from xpnet.equations.step import Sums
from xpnet.training.data_parallel import NOTHING
from xpnet.training.privacy import Spent
from xpnet.training.private_batches import PrivateBatches, keys, secret
from xpnet.training.private_rows import Private

CLIP_NORM = 1.0
NOISE = 1.0


class Entry(NamedTuple):
    """Contender in the list.

    Attributes:
        make: `make(problem, noise multiplier)` sets it up, or raises Unavailable.
        checked: Whether its steps without noise are private steps on the rows that it is handed.
    """

    make: Callable[[Problem, float], Contender]
    checked: bool = True


class RowByRow(ByHand):
    """Every row's gradient by itself, in double precision, and no noise."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, "cpu", "float64")

    def block(self, rows: np.ndarray) -> None:
        """Step by step, row by row."""
        for batch in rows:
            sums = [(np.zeros_like(w), np.zeros_like(b)) for w, b in self.layers]
            for row in batch:
                gradient = self.gradient(row)
                norm = np.sqrt(sum(np.sum(array**2) for pair in gradient for array in pair))
                for pair, own in zip(sums, gradient, strict=True):
                    for total, array in zip(pair, own, strict=True):
                        total += min(1, CLIP_NORM / norm) * array
            for (w, b), (dw, db) in zip(self.layers, sums, strict=True):
                w -= LEARNING_RATE * dw / len(batch)
                b -= LEARNING_RATE * db / len(batch)

    def gradient(self, row: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Gradient of one row, layer by layer."""
        *a, output = self.forward(self.x[row : row + 1])
        delta, found = output - self.targets[row : row + 1], []
        for layer in reversed(range(len(self.layers))):
            found.append((delta.T @ a[layer], delta[0]))
            if layer:
                delta = (delta @ self.layers[layer][0]) * a[layer] * (1 - a[layer])
        return found[::-1]


class XpnetPrivate(Xpnet):
    """xpnet's private step, with an engine."""

    def __init__(self, problem: Problem, noise: float, engine: str) -> None:
        super().__init__(problem, "cpu", "numpy", engine)
        size = problem.configuration.batch_size
        params, _ = self.carry
        _, self.key = keys(self.backend, secret(self.backend, 0, None, "float32"))
        zeros = tuple(xpnet.Layer(np.zeros_like(w), np.zeros_like(b)) for w, b in params)
        self.sums = Sums(zeros, np.zeros((), "float32"), np.zeros((), "float32"))
        self.data = Batch(self.data.x, self.data.y, np.ones(len(problem.x), "float32"))
        self.parts = self.settings(noise, size).step

    def settings(self, noise: float, size: int) -> Private:
        """A training with that noise."""
        parts = private_step(self.model, xpnet.sgd(LEARNING_RATE), CLIP_NORM, noise, size)
        spent = Spent(size / len(self.problem.x), noise, 0)
        return Private(Privacy(noise_multiplier=noise, clip_norm=CLIP_NORM, insecure_seed=0), parts, spent)

    def block(self, rows: np.ndarray) -> None:
        """Step by step, each batch in one part."""
        (params, state), sums, key = self.carry, self.sums, self.key
        seen = params, state._replace(slots=()), sums, key
        with (
            self.backend.bound(self.parts.first, seen, self.data, rows.shape[1]) as first,
            self.backend.bound(self.parts.update, (params, state, sums, key), None, 0) as update,
        ):
            for batch in rows:
                (params, _, sums, key), _ = first((params, state._replace(slots=()), sums, key), batch[None])
                (params, state, sums, key), _ = update((params, state, sums, key), NOTHING)
        self.carry, self.sums, self.key = (params, state), sums, key


class XpnetDrawn(XpnetPrivate):
    """The same as a training has it: rows drawn by themselves, in parts that are filled up."""

    def __init__(self, problem: Problem, noise: float, engine: str) -> None:
        super().__init__(problem, noise, engine)
        self.private = PrivateBatches(
            self.backend, self.settings(noise, problem.configuration.batch_size), self.carry[0]
        )
        x, y = (np.concatenate([array, np.zeros_like(array[:1])]) for array in (self.data.x, self.data.y))
        self.data = Batch(x, y, np.append(self.data.weight, np.float32(0)))
        self.private.prepare(self.carry, self.data, problem.configuration.batch_size)

    def block(self, rows: np.ndarray) -> None:
        """As many steps."""
        self.carry, _ = self.private.run_block(self.carry, self.data, rows)


class XpnetClipped(Xpnet):
    """xpnet's step that is not private, with clipping or without."""

    def __init__(self, problem: Problem, noise: float, engine: str, clip_norm: float | None) -> None:
        super().__init__(problem, "cpu", "numpy", engine)
        self.step = steps.training_step(self.model, xpnet.sgd(LEARNING_RATE), "mean", clip_norm)


class Opacus(Torch):
    """Opacus: hooks keep every row's gradient, or two backward passes need its norm alone (ghost clipping)."""

    def __init__(self, problem: Problem, noise: float, ghost: bool) -> None:
        try:
            from opacus import GradSampleModule
            from opacus.grad_sample import GradSampleModuleFastGradientClipping
            from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
            from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
        except ImportError as error:
            raise Unavailable("opacus is not installed; run pip install opacus") from error
        # Its own ways of plain SGD are not tried.
        super().__init__(problem._replace(rows=None), "cpu")
        self.problem = problem
        sgd = self.torch.optim.SGD(self.net.parameters(), LEARNING_RATE)
        size = problem.configuration.batch_size
        how = dict(noise_multiplier=noise, max_grad_norm=CLIP_NORM, expected_batch_size=size)
        if ghost:
            self.net = GradSampleModuleFastGradientClipping(self.net, max_grad_norm=CLIP_NORM, use_ghost_clipping=True)
            self.optimizer: Any = DPOptimizerFastGradientClipping(sgd, **how)
            self.loss: Any = DPLossFastGradientClipping(self.net, self.optimizer, self.loss)
        else:
            self.net = GradSampleModule(self.net)
            self.optimizer = DPOptimizer(sgd, **how)


class PrivateJax(Jax):
    """`vmap` of `grad`, norms, noise and update in one jitted step, in lax.scan."""

    def __init__(self, problem: Problem, noise: float) -> None:
        super().__init__(problem, "cpu")
        jax = self.jax
        jnp = jax.numpy

        def cost(layers: Any, x: Any, targets: Any) -> Any:
            for w, b in layers[:-1]:
                x = jax.nn.sigmoid(w @ x + b)
            w, b = layers[-1]
            return -jnp.sum(targets * jax.nn.log_softmax(w @ x + b))

        def step(carry: Any, batch: Any, x: Any, targets: Any) -> tuple[Any, None]:
            layers, key = carry
            own = jax.vmap(jax.grad(cost), (None, 0, 0))(layers, x[batch], targets[batch])
            squares = sum(jnp.sum(array**2, tuple(range(1, array.ndim))) for array in jax.tree.leaves(own))
            share = jnp.minimum(1, CLIP_NORM / jnp.sqrt(squares))
            sums = jax.tree.map(lambda array: jnp.tensordot(share, array, 1), own)
            if noise:
                key, *keys = jax.random.split(key, 1 + len(jax.tree.leaves(sums)))
                leaves, tree = jax.tree.flatten(sums)
                leaves = [
                    leaf + noise * CLIP_NORM * jax.random.normal(k, leaf.shape)
                    for leaf, k in zip(leaves, keys, strict=True)
                ]
                sums = jax.tree.unflatten(tree, leaves)
            rate = LEARNING_RATE / batch.shape[0]
            return (jax.tree.map(lambda p, g: p - rate * g, layers, sums), key), None

        self.key = jax.random.key(0)
        self.private = jax.jit(
            lambda carry, rows, x, targets: jax.lax.scan(lambda c, batch: step(c, batch, x, targets), carry, rows)[0],
            donate_argnums=0,
        )

    def block(self, rows: np.ndarray) -> None:
        """One call per block."""
        self.layers, self.key = self.private((self.layers, self.key), rows, self.x, self.targets)
        self.jax.block_until_ready(self.layers)


PRIVATE = {
    **{f"xpnet private, {engine}": Entry(partial(XpnetPrivate, engine=engine)) for engine in ("compiled", "replay")},
    "xpnet private, rows drawn": Entry(partial(XpnetDrawn, engine="compiled"), checked=False),
    **{
        f"xpnet {what}, {engine}": Entry(partial(XpnetClipped, engine=engine, clip_norm=clip_norm), checked=False)
        for what, clip_norm in (("clipped", CLIP_NORM), ("plain", None))
        for engine in ("compiled", "replay")
    },
    "Opacus, hooks": Entry(partial(Opacus, ghost=False)),
    "Opacus, ghost clipping": Entry(partial(Opacus, ghost=True)),
    "JAX vmap of grad": Entry(PrivateJax),
}
"""Contenders by name; those of xpnet that are not private show what privacy adds."""
