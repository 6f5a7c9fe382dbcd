"""One training on many processes, data-parallel and synchronous, over MPI.

with distributed.session() as ranks:
    for epoch in xpnet.epochs(network, data, optimizer, batch_size=512, epochs=10, average=ranks):
        ...
"""

from xpnet.distributed.ranks import Alone, Ranks
from xpnet.distributed.session import joined, session

__all__ = ["Alone", "Ranks", "joined", "session"]
