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
    closed: _Int64,
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
def neighbour_lists(
    step: list[Adjacency], spans: _Int64, order: _Int64, places: _Int64, neighbours: _Int32
) -> None: ...
def breadth_first(
    indptr: _Int64, neighbours: _Int32, hops: int, queue: _Int32, reached: int, distance: npt.NDArray[np.int16]
) -> None: ...
def group_by_end(ends: _Int32, places: _Int32, first: int, order: _Int32) -> None: ...
