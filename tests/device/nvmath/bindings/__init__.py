"""The bindings."""

from cupy import driver
from helpers.cuda_on_cpu import Cublas


class AnyPrecision(Cublas):
    """cuBLAS, whose TF32 is float32: what it rounds is not imitated."""

    def gemm_ex(self, *arguments):
        """A product."""
        *rest, how, algorithm = arguments
        tf32, single = self.ComputeType.COMPUTE_32F_FAST_TF32, self.ComputeType.COMPUTE_32F
        super().gemm_ex(*rest, single if how == tf32 else how, algorithm)


cublas = AnyPrecision(driver)
