"""Data-parallel training on many processes and machines, synchronous, over MPI.

    with distributed.session() as ranks:
        for epoch in xpnet.epochs(network, data, optimizer, batch_size=512, epochs=10, average=ranks):
            ...

Every process computes its share of each batch. In every step one Allreduce sums sᵢ · gradient and sᵢ over all samples,
with weights s; the quotient is the gradient of the whole batch, and every process makes the same update. So n
processes give what one gives with the same settings, up to rounding, and any number of them can resume what another
number has saved. Before the training they compare versions, data and settings; if one dies, the others are stopped with
a message that names it.

Each process reads all data, or all chunks of data on disk. `python benchmarks/scaling.py` measures two processes, and
predicts more.
"""

from xpnet.distributed.mpi import processes_started
from xpnet.distributed.ranks import Alone, Ranks
from xpnet.distributed.session import joined, session

__all__ = ["Alone", "Ranks", "joined", "processes_started", "session"]
