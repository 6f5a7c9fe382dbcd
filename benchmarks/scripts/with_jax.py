"""A training as JAX's users write it, with a jitted step: FILE HIDDEN BATCH EPOCHS RATE."""

import sys
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

source, (hidden, batch, epochs), rate = sys.argv[1], map(int, sys.argv[2:5]), float(sys.argv[5])
data = np.load(source)
x, y = jnp.asarray(data["x_train"]), jnp.asarray(data["y_train"])
rng = np.random.default_rng()
sizes = (x.shape[1], hidden, 10)
params = [
    (rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in pairwise(sizes)
]


def cost(params, x, y):
    """Cross-entropy."""
    (w1, b1), (w2, b2) = params
    z = jax.nn.relu(x @ w1 + b1) @ w2 + b2
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


@jax.jit
def step(params, m, v, t, rows):
    """Adam."""
    gradients = jax.grad(cost)(params, x[rows], y[rows])
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    params = jax.tree.map(
        lambda p, m, v: p - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), params, m, v
    )
    return params, m, v


m = jax.tree.map(jnp.zeros_like, params)
v, t = m, 0
for _ in range(epochs):
    order = rng.permutation(len(x))
    for i in range(0, len(x), batch):
        t += 1
        params, m, v = step(params, m, v, float(t), order[i : i + batch])
jax.block_until_ready(params)
