"""Writers: several processes that save to one file, of which a reader always finds a whole one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from robustness.campaign import Part, Surprise
from xpnet import Network, serialization

SECONDS = 1.0

WRITER = """
import sys
from xpnet import Network, serialization
network = Network([64, 32, 10])
params = network.init(int(sys.argv[2]))
while True:
    serialization.save(sys.argv[1], network, params)
"""


def case(number: int, folder: Path) -> str:
    """Two writers and a reader for a second; one writer is killed on its way, now and then."""
    rng = random.Random(number)
    path = folder / "m.safetensors"
    network = Network([64, 32, 10])
    serialization.save(path, network, network.init(9))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seed)], stderr=subprocess.PIPE, text=True)
        for seed in range(2)
    ]
    end = time.monotonic() + SECONDS + 0.5
    killed = rng.random() < 0.5
    reads = 0
    try:
        while time.monotonic() < end:
            serialization.load(path)
            reads += 1
            if killed and writers[0].poll() is None and time.monotonic() > end - rng.random():
                writers[0].send_signal(signal.SIGKILL)
    finally:
        alive = [writer.poll() is None for writer in writers]
        for writer in writers:
            writer.kill()
    messages = [writer.communicate()[1] for writer in writers]
    if not alive[1] or not (killed or alive[0]):
        raise Surprise(f"a writer ended by itself: {messages}")
    if not reads:
        raise Surprise("the file could not be read once")
    return "whole at every read"


PART = Part("pairs of processes that save to one file, beside a reader", case, quick=3, normal=10, long=100)
