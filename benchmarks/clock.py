"""Clock of the processor's time, which other programs on the machine hardly lengthen."""

from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage


def processor_seconds() -> float:
    """Time that this process and those that it has waited for have spent on processors."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))
