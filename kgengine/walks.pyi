import numpy as np
import numpy.typing as npt

_Int32 = npt.NDArray[np.int32]
_Int64 = npt.NDArray[np.int64]
_Float = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.uint8]

class Adjacency:
    def __init__(self, indptr: _Int32, indices: _Int32, entry_factor: _Float, exit_factor: _Float) -> None: ...

def spread(edges: Adjacency, first: int, rows: _Int64, vector: _Float, longer: _Float) -> None: ...
def take_returns(
    there: list[Adjacency],
    home: list[Adjacency],
    rows: _Int64,
    vector: _Float,
    open_nodes: _Flags,
    marks: _Float,
    longer: _Float,
) -> None: ...
def take_triangles(
    away: list[Adjacency],
    across: list[Adjacency],
    home: list[Adjacency],
    rows: _Int64,
    vector: _Float,
    open_middle: _Flags,
    open_last: _Flags,
    marks: _Float,
    longer: _Float,
) -> None: ...
def add_to_and_fro(
    there: list[Adjacency],
    home: list[Adjacency],
    again: list[Adjacency],
    rows: _Int64,
    vector: _Float,
    open_nodes: _Flags,
    marks: _Float,
    longer: _Float,
) -> None: ...
def reach(edges: Adjacency, rows: _Int64, seen: _Flags, reached: _Flags) -> None: ...
def reach_from_unseen(edges: Adjacency, rows: _Int64, frontier: _Flags, reached: _Flags) -> None: ...
def group_by_end(ends: _Int32, places: _Int32, first: int, order: _Int32) -> None: ...
