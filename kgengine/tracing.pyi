import numpy as np
import numpy.typing as npt

_Int32 = npt.NDArray[np.int32]
_Int64 = npt.NDArray[np.int64]
_Float = npt.NDArray[np.float64]

class Tracer:
    def __init__(
        self, steps: list[tuple[_Int64, _Int32, _Int64, _Float, int]], ways: list[int], nodes: int
    ) -> None: ...
    def trace(
        self, anchors: _Int64, lowest: _Int64, order: _Int64, most: int, most_answers: int
    ) -> tuple[_Int64, _Int64, _Int64, _Int64, _Int64, _Int64, _Float]: ...
