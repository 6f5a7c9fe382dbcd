"""The examples in docstrings are what happens."""

import doctest
from importlib import import_module

import numpy as np
import pytest

import xpnet


@pytest.mark.parametrize(("module", "least"), [("network", 9), ("epochs", 1), ("loop", 3)])
def test_examples(module: str, least: int) -> None:
    """Each example prints what stands below it; none has gone missing."""
    known = {"np": np, "sgd": xpnet.sgd, "xpnet": xpnet}
    failed, tried = doctest.testmod(import_module(f"xpnet.training.{module}"), extraglobs=known)
    assert failed == 0
    assert tried >= least
