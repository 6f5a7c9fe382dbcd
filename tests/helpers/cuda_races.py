"""A stand-in for a CUDA device whose kernels are checked: races, accesses out of bounds, barriers that some miss."""

import ctypes
import random
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

from helpers.cuda_on_cpu import HEADER, Driver

RACES = HEADER.with_name("cuda_races.h")


class CheckedDriver(Driver):
    """The stand-in with every access of its kernels checked.

    Attributes:
        strict: Whether shuffles leave memory unordered.
        fault: What is done to the kernels' text, for controls.
        findings: Each kind of finding, once.
        accesses: How many were checked.
    """

    def __init__(self, folder, strict=False, fault=lambda text: text):
        super().__init__(folder)
        self.strict, self.fault, self.random = strict, fault, random.Random(1)
        self.findings, self.accesses = set(), 0

    def module(self, code, options):
        """Compile kernels whose pointers are watched."""
        self.refuse("a compilation")
        self.modules += 1
        changed = self.fault(code)
        names, cases = [], []
        for i, (name, declared) in enumerate(re.findall(r"void __launch_bounds__\(\d+\) (k\d+)\(([^)]*)\)", changed)):
            given = [
                (kind.strip(), pointer) for kind, pointer in re.findall(r"([\w ]+?) \*__restrict__ (\w+)", declared)
            ]
            arguments = (
                f'Pointer<{kind}>{{({kind} *)p[{j}], n[{j}] / (long long)sizeof({kind}), "{pointer}"}}'
                for j, (kind, pointer) in enumerate(given)
            )
            cases.append(f"case {i}: {name}({', '.join(arguments)}); break;")
            names.append(name)
        dispatch = f"static void call(int kernel, void **p, long long *n) {{ switch (kernel) {{ {' '.join(cases)} }} }}"
        source, library = (Path(self.folder) / f"checked{self.modules}.{end}" for end in ("cpp", "so"))
        source.write_text("\n".join([f'#include "{RACES}"', _watched(changed), dispatch]))
        command = ["g++", "-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        loaded = ctypes.CDLL(str(library))
        return SimpleNamespace(get_function=lambda name: self._function(loaded, names.index(name), name))

    def _function(self, loaded, number, name):
        """A kernel that can be launched."""

        def launch(blocks, threads, arguments):
            self.launched.append(name)
            addresses = (ctypes.c_void_p * len(arguments))(*(array.data.ptr for array in arguments))
            sizes = (ctypes.c_longlong * len(arguments))(*(array.nbytes for array in arguments))

            def do():
                told, count = ctypes.create_string_buffer(1000), ctypes.c_ulonglong()
                seed = ctypes.c_ulonglong(self.random.getrandbits(63))
                loaded.launch(
                    number, name.encode(), *blocks, *threads, addresses, sizes, seed, int(self.strict), told,
                    ctypes.byref(count),
                )  # fmt: skip
                self.accesses += count.value
                self.findings |= set(told.value.decode().splitlines())

            self.do(do)

        return launch


def _watched(code):
    """Kernels with pointers that tell of every access; a thread that was preempted finds its own numbers again."""
    code = re.sub(r"([(,]) ?((?:const )?[a-z][a-z ]*?) \*__restrict__ (\w+)", r"\1 Pointer<\2> \3", code)
    code = code.replace('extern "C" __global__', "static").replace("(void)block;", "")
    code = re.sub(r"__shared__ double shared\[\d+\];", "", code)
    code = re.sub(r"([a-z][a-z ]*?) \*kept = \(\1 \*\)shared;", r"Pointer<\1> kept = shared_memory<\1>();", code)
    return code.replace("threadIdx.x", "me->number").replace("blockIdx.x", "me->block")
