"""Growth: the memory of a process that trains one shape after another stays flat."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from robustness.campaign import Part, Surprise

ALLOWED = 50
"""Megabytes that a process may grow between a tenth of its shapes and the last."""

SHAPES = {"replay": 500, "plain": 200, "estimator": 200} | ({"compiled": 500} if find_spec("llvmlite") else {})
"""Shapes by what trains them."""

PROGRAM = """
import gc, sys
from pathlib import Path
import numpy as np
import xpnet

kind, shapes = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 50)).astype("float32"), np.arange(64) % 4

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

def train(width):
    if kind == "estimator":
        from xpnet.estimators import MLPClassifier
        import warnings
        warnings.simplefilter("ignore")
        MLPClassifier((width,), max_iter=2, random_state=0).fit(x, y).predict_proba(x)
        return
    network = xpnet.Network([50, width, 4])
    for epoch in xpnet.epochs(network, (x, y), xpnet.adam(), batch_size=32, epochs=1, engine=kind):
        network.predict(epoch.params, x)

for shape in range(shapes):
    train(20 + shape)
    if shape == shapes // 10:
        before = resident()
print(resident() - before)
"""


def case(number: int, folder: Path) -> str:
    """Many shapes in one new process."""
    kind = list(SHAPES)[number % len(SHAPES)]
    if kind == "estimator" and not find_spec("sklearn"):
        return "left out"
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, str(SHAPES[kind])], capture_output=True, text=True, check=True
    )
    grown = float(answer.stdout)
    if grown > ALLOWED:
        raise Surprise(f"{kind}: {SHAPES[kind]} shapes, {grown:.0f} MB more")
    return "flat"


PART = Part(
    "processes that meet one shape after another", case, quick=1, normal=len(SHAPES), long=len(SHAPES), limit=600
)
