"""The estimators' first use by several threads at once, in new processes."""

import pickle
import subprocess
import sys
from pathlib import Path

from helpers.sklearn_pairs import UNFINISHED, task

pytestmark = UNFINISHED

SEARCH = """
import sys, warnings
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn import neural_network
from xpnet import estimators
warnings.simplefilter("ignore")
sys.setswitchinterval(1e-6)
X, y = (each[:300] for each in load_digits(return_X_y=True))
chosen = []
for library in (estimators, neural_network):
    mlp = library.MLPClassifier((20,), max_iter=10, random_state=0, learning_rate_init=0.01)
    with parallel_config(backend="threading", n_jobs=4):
        search = GridSearchCV(mlp, {"alpha": [10.0, 1e-4, 1.0, 1e-2]}, cv=3, error_score="raise").fit(X, y)
    chosen.append((search.best_params_, search.cv_results_["mean_test_score"].round(9).tolist()))
print(chosen[0] == chosen[1] or chosen)
"""

SERVE = """
import pickle, sys, threading
import numpy as np
sys.setswitchinterval(1e-6)
with open(sys.argv[1], "rb") as file:
    model, X, expected = pickle.load(file)
begin, failed = threading.Barrier(8), []

def serve():
    begin.wait()
    try:
        np.testing.assert_array_equal(model.predict(X), expected)
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=serve) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(not failed or failed)
"""


def run(program: str, *arguments: str) -> str:
    """What a new process prints."""
    call = [sys.executable, "-c", program, *arguments]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()


def test_a_search_on_threads() -> None:
    """It is the first that a process does, and chooses as scikit-learn's perceptron does."""
    for _ in range(2):
        assert run(SEARCH) == "True"


def test_a_server(tmp_path: Path) -> None:
    """A pickled model is read, and asked by eight threads at once before anything else."""
    problem = task("two classes")
    model = problem.pair(max_iter=3)[0].fit(problem.X, problem.y)
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((model, problem.X, model.predict(problem.X))))
    for _ in range(3):
        assert run(SERVE, str(path)) == "True"
