import numpy as np
import numpy.typing as npt

_Int64 = npt.NDArray[np.int64]

def choose(
    near: npt.NDArray[np.int32],
    same: _Int64,
    begins: _Int64,
    answers: _Int64,
    anchors: _Int64,
    places: _Int64,
    gold_state: int,
    wrong_state: int,
    right: int,
    wrong: int,
    pool: int,
) -> tuple[_Int64, _Int64]: ...
