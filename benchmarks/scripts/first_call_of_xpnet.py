"""A training by one of xpnet's engines, as its users write it: ENGINE FILE."""

import sys

import first_call

import xpnet

x, y, layers, rows = first_call.problem()


def train() -> float:
    """One epoch by Adam."""
    network = xpnet.Network([x.shape[1], *(len(b) for _, b in layers)])
    optimizer, size = xpnet.adam(first_call.RATE), rows.shape[1]
    params = tuple(xpnet.Layer(w, b) for w, b in layers)
    order = iter([rows.ravel()])
    trained = xpnet.epochs(
        network, (x, y), optimizer, batch_size=size, epochs=1, params=params, order=order, engine=sys.argv[1]
    )
    return trained.history().last.cost


first_call.answer(train)
