"""What `import xpnet` loads."""

import subprocess
import sys

import pytest

import xpnet

FRAMEWORKS = ("torch", "jax", "cupy", "sklearn", "matplotlib", "onnx", "PIL")
LATER = (*FRAMEWORKS, "pooch", "tqdm", "safetensors", "array_api_compat.numpy")


def test_import_loads_nothing_heavy() -> None:
    """No framework and nothing that only some uses need is loaded before it is used."""
    code = f"import sys, xpnet; print(*sorted(set({LATER}) & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_estimators_name_the_extra_that_they_need() -> None:
    """Without scikit-learn their import fails with the command that installs it."""
    code = "import sys; sys.modules['sklearn'] = None; import xpnet.estimators"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert 'which is not installed; run pip install "xpnet[sklearn]".' in answer.stderr


MODULES = ("serialization", "onnx", "plots", "estimators", "distributed", "capture", "data", "errors", "schedules")


def test_a_module_is_imported_when_it_is_first_named() -> None:
    """`import xpnet` is enough to spell any public module, as the README does; no other name is taken for one."""
    code = f"import xpnet; print(*(getattr(xpnet, name).__name__ for name in {MODULES[:1] + MODULES[4:]}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [f"xpnet.{name}" for name in MODULES[:1] + MODULES[4:]]
    with pytest.raises(AttributeError, match="module 'xpnet' has no attribute 'nets'"):
        xpnet.nets  # noqa: B018 (is to fail)


def test_completion_shows_what_is_public() -> None:
    """`dir` names what `from xpnet import *` gives, the public modules and the version, whatever has been imported."""
    assert set(dir(xpnet)) == {*xpnet.__all__, *MODULES, "backends", "__version__"}
    assert [name for name in dir(xpnet.Network) if not name.startswith("_")] == [
        "activation",
        "class_names",
        "classes",
        "classify",
        "cost",
        "dropout",
        "folded",
        "gradients",
        "init",
        "input_scale",
        "loss",
        "model",
        "parameter_count",
        "per_sample_gradient_norms",
        "per_sample_gradients",
        "predict",
        "predictor",
        "score",
        "target_scale",
    ]
