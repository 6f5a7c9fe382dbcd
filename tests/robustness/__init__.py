"""Trials of robustness: kills, faults of the file system, damaged files, engines against each other, extreme numbers.

`python -m robustness --help` (with `tests` on the path) runs them; `nox -s faults` does so in its own environment. Each
part is a series of numbered cases; a case is repeatable by its number alone, and ends in an outcome that is counted or
in a surprise: a traceback, another result without a message, a file that is lost or half-written, a hang, or memory
beyond its bound.
"""
