"""Cache of object code on disk, in a folder of the user's own: what was compiled once is loaded from then on.

A file has a name that its source, the CPU and the versions give it, and begins with a digest of that name and the code,
so that what is damaged, or belongs elsewhere, is compiled anew.
"""

import ctypes
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

VARIABLE = "XPNET_CACHE_DIR"
"""Environment variable that names the folder, instead of the user's cache."""

OPTIMIZATION = 2
"""LLVM's level of code generation, from 0 to 3; no passes are run before."""

SEAL = 32
"""Bytes of the digest at the beginning of a file."""

ENGINE = 2**18
"""Bytes that LLVM takes for an engine beside its code, about."""


class Code:
    """Machine code in this process, unloaded with this object.

    Args:
        texts: Modules, each a function; equal ones are loaded once.
        on_disk: Whether the code is read from the folder, and written to it.

    Attributes:
        loaded: Functions that were read from the folder instead of compiled.
        nbytes: Bytes of the object code and of the engine around it.
    """

    def __init__(self, texts: Iterable[str], *, on_disk: bool = True) -> None:
        import llvmlite.binding

        _add_symbols()
        # The engine owns a machine of its own, and the code of all that is added.
        self._engine = llvmlite.binding.create_mcjit_compiler(llvmlite.binding.parse_assembly(""), _new_machine())
        self.loaded, self.nbytes = 0, ENGINE
        for text in dict.fromkeys(texts):
            code = read_code(text) if on_disk else None
            if code is None:
                code = compiled(text)
                if on_disk:
                    write(text, code)
            else:
                self.loaded += 1
            self.nbytes += len(code)
            self._engine.add_object_file(llvmlite.binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Address of a function."""
        return int(self._engine.get_function_address(name))


def compiled(text: str) -> bytes:
    """Object code of a module, for this CPU."""
    import llvmlite.binding

    return bytes(_machine().emit_object(llvmlite.binding.parse_assembly(text)))


def read_code(text: str) -> bytes | None:
    """Object code of a module from the folder; None where there is none, or it is damaged."""
    name, place = _name(text), folder()
    try:
        content = b"" if place is None else (place / name).read_bytes()
    except OSError:
        return None
    seal, code = content[:SEAL], content[SEAL:]
    return code if seal == _seal(name, code) else None


def write(text: str, code: bytes) -> None:
    """Write a module's object code to the folder, whole or not at all: the next process compiles what is missing."""
    name, place = _name(text), folder()
    if place is None:
        return
    path, content = place / name, _seal(name, code) + code
    try:
        handle, temporary = tempfile.mkstemp(dir=place)
    except OSError:
        return
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)


def _name(text: str) -> str:
    """Name of a module's file: a digest of the module and of all else that its object code depends on."""
    digest = sha256(f"{_circumstances()}\n{text}".encode()).hexdigest()
    return f"{digest}.o"


def _seal(name: str, code: bytes) -> bytes:
    """First bytes of a file, which another file's code or a damaged one does not have."""
    return sha256(name.encode() + code).digest()


@cache
def folder() -> Path | None:
    """Folder that only its owner can use; None, with one warning, where there can be none."""
    path = Path(os.environ.get(VARIABLE) or platformdirs.user_cache_dir("xpnet")) / "compiled"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = path.stat()
        if os.name == "posix" and about.st_uid != os.getuid():
            why = "it belongs to somebody else"
        elif os.name == "posix" and about.st_mode & 0o077:
            why = f"others may use it too (its mode is {about.st_mode & 0o777:o}); run chmod 700 on it"
        else:
            return path
    except OSError as error:
        why = str(error.strerror)
    warnings.warn(f"Compiled code is not kept in {path}: {why}.", RuntimeWarning, stacklevel=2)
    return None


@cache
def _machine() -> Any:
    """Target machine that emits code; every engine has one of its own, which it frees."""
    return _new_machine()


def _new_machine() -> Any:
    """Target machine of this CPU with all its features."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    about = {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}
    return llvm.Target.from_default_triple().create_target_machine(**about, opt=OPTIMIZATION, jit=True)


@cache
def _circumstances() -> str:
    """Versions, CPU and features: all that object code depends on beside its source."""
    import llvmlite.binding as llvm

    versions = (version("llvmlite"), *llvm.llvm_version_info, OPTIMIZATION, sys.platform)
    return f"{versions} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@cache
def _add_symbols() -> None:
    """Register the system's function that yields to other threads, which the driver calls."""
    import llvmlite.binding

    windows = getattr(ctypes, "windll", None)
    yields = windows.kernel32.SwitchToThread if windows else ctypes.CDLL(None).sched_yield
    llvmlite.binding.add_symbol("xpnet_yield", ctypes.cast(yields, ctypes.c_void_p).value)
