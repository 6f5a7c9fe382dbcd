"""Warnings point at the line outside the package."""

import pytest

from xpnet._support.warn import warn_user


def test_the_line_is_the_users():
    """However deep in the package the warning is raised, it names the line that called in."""
    inner = eval("lambda call: call()", {"__name__": "xpnet.inner"})
    with pytest.warns(UserWarning, match="something") as warned:
        inner(lambda: warn_user("something", UserWarning))
    assert warned[0].filename == __file__
    outer = eval("lambda: call('deep', UserWarning)", {"__name__": "xpnet.inner", "call": warn_user})
    with pytest.warns(UserWarning, match="deep") as warned:
        outer()
    assert warned[0].filename == __file__
