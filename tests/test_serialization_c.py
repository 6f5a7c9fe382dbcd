"""C headers: compiled, they predict what the network does, and they build without a warning."""

import shutil
import subprocess

import numpy as np
import pytest

from xpnet import Network
from xpnet.data import load
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import InputError
from xpnet.serialization import to_c

PROGRAM = """#include <stdio.h>
#include "model.h"
int main(void)
{
    {type} x[MODEL_INPUTS], a[MODEL_OUTPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {
        model_predict(x, a);
        fwrite(a, sizeof a, 1, stdout);
    }
    return 0;
}
"""


@pytest.fixture
def compiled(tmp_path):
    """Function that compiles a header and runs it on rows."""
    if (gcc := shutil.which("gcc")) is None:
        pytest.skip("needs gcc")

    def run(source, x, outputs, language="c"):
        kind = "float" if x.dtype == np.float32 else "double"
        (tmp_path / "model.h").write_text(source, encoding="utf-8")
        (tmp_path / "main.c").write_text(PROGRAM.replace("{type}", kind))
        standard = "-std=c99" if language == "c" else "-std=c++11"
        flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", standard, "-x", language, "-O2"]
        subprocess.run([gcc, *flags, "main.c", "-o", "main", "-lm"], cwd=tmp_path, check=True)
        answer = subprocess.run([tmp_path / "main"], input=x.tobytes(), capture_output=True, check=True)
        return np.frombuffer(answer.stdout, x.dtype).reshape(len(x), outputs)

    return run


def drawn(network, dtype):
    """Parameters with biases that are not 0."""
    rng = np.random.default_rng(1)
    return [(w, rng.normal(size=b.shape).astype(dtype)) for w, b in network.init(dtype=dtype)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_predicts_alike(compiled, activation, dtype):
    """Up to 1e-6 in float32, and to 1e-12 in float64, through three hidden layers of different sizes."""
    network = Network([5, 7, 4, 6, 3], activation, input_scale=2.0)
    params, x = drawn(network, dtype), np.random.default_rng(0).normal(size=(50, 5)).astype(dtype)
    a = compiled(to_c(network, params), x, 3)
    np.testing.assert_allclose(a, network.predict(params, x), rtol=0, atol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_predicts_alike(compiled, loss):
    """With its output activation, far from 0 too; there is a network without hidden layers as well."""
    x = np.random.default_rng(0).normal(0, 20, size=(50, 4))
    for sizes in ([4, 2], [4, 3, 2]):
        network = Network(sizes, "tanh", loss)
        params = drawn(network, "float64")
        np.testing.assert_allclose(compiled(to_c(network, params), x, 2), network.predict(params, x), rtol=1e-12)


def test_digits_predict_alike(compiled):
    """Pixels as the data hold them, with the probabilities of the model to 1e-6; C++ takes it too."""
    x = load("digits").x_test
    network = Network([64, 32, 10], input_scale=16.0)
    params = network.init(seed=3)
    source = to_c(network, params, labels=[f'digit "{i}" \\ ü' for i in range(10)])
    for language in ("c", "c++"):
        a = compiled(source, x.astype(np.float32), 10, language)
        np.testing.assert_allclose(a, network.predict(params, x), rtol=0, atol=1e-6)


def test_names_are_those_of_c():
    """Letters that C does not take in a name become underscores, a digit at the beginning gets one before it."""
    network = Network([1, 2])
    assert "static void _2_digits__predict(" in to_c(network, network.init(), "2-digits ")
    assert "#define _2_DIGITS__INPUTS 1" in to_c(network, network.init(), "2-digits ")


def test_labels_are_one_per_output():
    """Too many names are refused."""
    network = Network([1, 2])
    with pytest.raises(InputError, match=r"labels has 3 entries, but the network 1-2 .* has 2 outputs"):
        to_c(network, network.init(), labels="abc")
