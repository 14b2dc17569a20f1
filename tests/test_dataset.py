"""A dataset file holds whole lines whatever stops the run and is never replaced unasked.

The stops are an exception of the caller, an interrupt, and a disk that takes half a line (a file size limit
stands in for it).
"""

import json
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.dataset import jsonl_writer, read_jsonl, whole_lines
from kgengine.errors import KGError

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


def test_records_come_back_in_order_and_are_counted(tmp_path):
    path = tmp_path / "deep" / "down" / "notes.jsonl"
    records = [{"id": 1, "text": "боль\nв груди"}, {"id": 2, "text": "«ё»  end"}]
    with jsonl_writer(path, overwrite=False) as writer:
        for record in records:
            writer.write(record)
    assert writer.count == 2
    assert list(read_jsonl(path)) == records
    assert path.read_text(encoding="utf-8").splitlines()[0] == '{"id": 1, "text": "боль\\nв груди"}'


@given(records=st.lists(st.dictionaries(st.text(), JSON), max_size=5))
def test_any_record_is_one_line_that_reads_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    with jsonl_writer(path, overwrite=False) as writer:
        for record in records:
            writer.write(record)
    assert path.read_bytes().count(b"\n") == len(records)
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == records


def _write(path: Path, records: list, stop: BaseException | None = None, keep: bool = False) -> None:
    with jsonl_writer(path, overwrite=True, keep=keep) as writer:
        for record in records:
            writer.write(record)
        if stop is not None:
            raise stop


@pytest.mark.parametrize("stop", [RuntimeError("boom"), KeyboardInterrupt()])
def test_an_exception_passes_through_and_leaves_the_whole_lines_before_it(tmp_path, stop):
    path = tmp_path / "notes.jsonl"
    with pytest.raises(type(stop)):
        _write(path, [{"id": 1}, {"id": 2}], stop)
    assert path.read_bytes() == b'{"id": 1}\n{"id": 2}\n'


def test_a_record_that_is_no_json_leaves_the_whole_lines_before_it(tmp_path):
    path = tmp_path / "notes.jsonl"
    with pytest.raises(TypeError):
        _write(path, [{"id": 1}, {"id": {1, 2}}])
    assert path.read_bytes() == b'{"id": 1}\n'


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path):
    path = tmp_path / "notes.jsonl"
    with jsonl_writer(path, overwrite=False) as writer:
        writer.write({"id": 1})
        assert path.read_bytes() == b'{"id": 1}\n'


def test_a_disk_that_takes_half_a_line_is_one_error_and_leaves_whole_lines(tmp_path):
    path = tmp_path / "notes.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
    try:
        with pytest.raises(KGError) as caught:
            _write(path, [{"id": number} for number in range(5)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"cannot write {path}: ")
    assert path.read_bytes() == b'{"id": 0}\n{"id": 1}\n'


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_one_error():
    with pytest.raises(KGError, match=r"^cannot write /dev/full: "):
        _write(Path("/dev/full"), [{"id": 1}])


def test_an_existing_file_is_kept_unless_replacing_is_asked_for(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text("precious\n", encoding="utf-8")
    with pytest.raises(KGError, match=r"exists; give another --out, or --force"), jsonl_writer(path, overwrite=False):
        pass
    assert path.read_text(encoding="utf-8") == "precious\n"
    with jsonl_writer(path, overwrite=True) as writer:
        writer.write({"id": 1})
    assert path.read_bytes() == b'{"id": 1}\n'


def test_a_place_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "notes.jsonl", tmp_path / "folder"):
        with pytest.raises(KGError) as caught, jsonl_writer(path, overwrite=True):
            pass
        assert str(caught.value).startswith(f"cannot write {path}: ")
        assert "\n" not in str(caught.value)


def test_two_runs_never_write_one_file_at_once(tmp_path):
    with jsonl_writer(tmp_path / "a.jsonl", False) as first:
        first.write({"run": 1})
        with pytest.raises(KGError, match="another run is writing"), jsonl_writer(tmp_path / "a.jsonl", True):
            pass
        first.write({"run": 1})
    assert [record["run"] for record in read_jsonl(tmp_path / "a.jsonl")] == [1, 1]


@given(content=st.binary(max_size=40) | st.lists(st.sampled_from([b"{}", b"\n", b"\0"])).map(b"".join))
def test_whole_lines_end_with_the_last_line_break(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("lines") / "any.jsonl"
    path.write_bytes(content)
    assert whole_lines(path) == len(b"".join(line for line in content.splitlines(True) if line.endswith(b"\n")))


@pytest.mark.parametrize("length", [65535, 65536, 65537, 200_000])
def test_whole_lines_are_found_before_a_long_half_line(tmp_path, length):
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"{}\n" + b"x" * length)
    assert whole_lines(path) == 3
    path.write_bytes(b"x" * length)
    assert whole_lines(path) == 0


@pytest.mark.parametrize("half", ["", '{"id": 3, "te', '{"id": 3}'])
def test_a_kept_file_goes_on_after_its_whole_lines(tmp_path, half):
    """A line without its end is written anew, though it may read well."""
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": 1}\n{"id": 2}\n' + half, encoding="utf-8")
    with jsonl_writer(path, overwrite=False, keep=True) as writer:
        assert writer.count == 0
        assert path.read_bytes() == b'{"id": 1}\n{"id": 2}\n'
        writer.write({"id": 3})
    assert list(read_jsonl(path)) == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_a_kept_file_need_not_be_there(tmp_path):
    with jsonl_writer(tmp_path / "deep" / "notes.jsonl", overwrite=False, keep=True) as writer:
        writer.write({"id": 1})
    assert list(read_jsonl(tmp_path / "deep" / "notes.jsonl")) == [{"id": 1}]


def test_a_full_disk_costs_a_kept_file_nothing(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b'{"id": 0}\n{"i')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
    try:
        with pytest.raises(KGError, match=r"^cannot write "):
            _write(path, [{"id": number} for number in range(1, 5)], keep=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b'{"id": 0}\n{"id": 1}\n'


@pytest.mark.parametrize("damage", [b'{"id": 2', b"", b"\0\0\0", b'{"id": "\xd0"}', b"\xff\xfe{\0}\0"])
def test_a_damaged_line_is_named_and_the_ones_before_are_read(tmp_path, damage):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b'{"id": 1}\n' + damage + b'\n{"id": 3}\n')
    lines = read_jsonl(path)
    assert next(lines) == {"id": 1}
    with pytest.raises(KGError) as caught:
        next(lines)
    assert str(caught.value).startswith(f"{path}, line 2 is damaged (")
    assert "\n" not in str(caught.value)


def test_only_a_line_break_ends_a_line(tmp_path):
    path, text = tmp_path / "notes.jsonl", "a\u2028b\u0085c\x1cd\re"
    with jsonl_writer(path, overwrite=False) as writer:
        writer.write({"text": text})
        writer.write({"text": ""})
    assert [record["text"] for record in read_jsonl(path)] == [text, ""]
