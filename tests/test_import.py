"""What `import xpnet` loads."""

import subprocess
import sys

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
