"""The first use by several threads at once."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading
import numpy as np
import xpnet
sys.setswitchinterval(1e-6)
x, y = np.random.default_rng(0).normal(size=(64, 5)).astype("float32"), np.arange(64) % 3
network = xpnet.Network([5, 4, 3])
params, begin, failed = network.init(0), threading.Barrier(6), []

def first():
    begin.wait()
    try:
        {use}
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=first) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""

USES = {
    "predict": "network.predict(params, x)",
    "epochs": "list(xpnet.epochs(network, (x, y), xpnet.adam(), batch_size=16, epochs=2))",
    "score": "network.score(params, x, y)",
}


@pytest.mark.parametrize("use", list(USES))
def test_no_thread_meets_a_module_that_another_imports(use: str) -> None:
    """In a new process, whatever is asked for first; several processes, since it is a matter of chance."""
    program = PROGRAM.format(use=USES[use])
    for _ in range(3):
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "[]"


BESIDE = """
import sys, threading
import numpy as np
import xpnet
network = xpnet.Network([2, 3])
params, failed = network.init(0), []

def predict():
    while importing.is_alive() and not failed:
        try:
            # A class of its own each time: answers about classes are cached.
            network.predict(params, type("Rows", (list,), {{}})([[1.0, 2.0]]))
        except Exception as error:
            failed.append(repr(error))

importing = threading.Thread(target=lambda: xpnet.Network([2, 3]).init(0, backend={library!r}))
predicting = threading.Thread(target=predict)
importing.start()
predicting.start()
importing.join()
predicting.join()
print(failed)
"""


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_lists_are_no_matter_of_a_library_that_another_thread_imports(library: str) -> None:
    """While one thread imports a library, another predicts on what is of no library at all."""
    pytest.importorskip(library)
    answer = subprocess.run(
        [sys.executable, "-c", BESIDE.format(library=library)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
