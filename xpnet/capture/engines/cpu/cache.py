"""Compiled plans on disk, in a folder that is the user's alone: a second run compiles nothing."""

import atexit
import ctypes
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from functools import cache
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import platformdirs

VARIABLE = "XPNET_CACHE_DIR"
"""Where the folder is to be, if not in the user's own cache."""

_loading = threading.Lock()


def load(source: str) -> ModuleType:
    """The module of a source; what was compiled of it before, on a CPU and with versions like these, is used again."""
    import llvmlite.binding

    versions = "\n".join(f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy"))
    cpu = f"{llvmlite.binding.get_host_cpu_name()} {llvmlite.binding.get_host_cpu_features().flatten()}"
    about = "\n".join([source, *called(), versions, cpu, sys.version])
    name = f"xpnet_plan_{hashlib.sha256(about.encode()).hexdigest()[:24]}"
    # A module is among the others before it is whole.
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        _add_symbols()
        path = folder() / f"{name}.py"
        _write(path, source)
        spec = spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        # Where numba looks for what a cached function refers to.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module


@cache
def called() -> list[str]:
    """The text of what a source imports: numba looks at the source alone for what has changed."""
    return [
        Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        for name in ("primitives", "barrier", "tiles")
    ]


@cache
def folder() -> Path:
    """The folder, made with access for its owner only; one of this process alone where that cannot be had."""
    path = Path(os.environ.get(VARIABLE) or platformdirs.user_cache_dir("xpnet")) / "compiled"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = path.stat()
        foreign = os.name == "posix" and (about.st_uid != os.getuid() or about.st_mode & 0o077)
        if not foreign and os.access(path, os.W_OK):
            return path
    except OSError:
        pass
    own = tempfile.mkdtemp(prefix="xpnet-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


def _write(path: Path, source: str) -> None:
    """Leave a file that says so already as it is: numba looks at its date."""
    try:
        if path.read_text(encoding="utf-8") == source:
            return
    except OSError:
        pass
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(source)
    os.replace(temporary, path)


@cache
def _add_symbols() -> None:
    """Name to the process what compiled code calls, so that what is kept on disk finds it wherever it is now."""
    import llvmlite.binding

    windows = getattr(ctypes, "windll", None)
    yields = windows.kernel32.SwitchToThread if windows else ctypes.CDLL(None).sched_yield
    llvmlite.binding.add_symbol("xpnet_yield", ctypes.cast(yields, ctypes.c_void_p).value)
