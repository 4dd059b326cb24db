import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from wattswitch.simulate.jobs import NO_GPU, NO_TIME, JobsError, read_jobs

HEADER = "time,duration_s,gpus,virtual_cluster\n"
OFFSETS = "pod,qos,gpus,created_offset_s,scheduled_offset_s,deleted_offset_s\n"


def written(folder: Path, text: str, name: str = "jobs.csv") -> Path:
    file = folder / name
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text)
    return file


def test_jobs_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    rows = "2024-01-02T06:00:00Z,60,2,blue\n2024-01-01T12:00:00Z,3600,1,red\n"
    jobs = read_jobs(written(tmp_path, HEADER + rows, "jobs.csv.gz"))
    assert jobs.run_seconds.tolist() == [3600, 60]
    assert jobs.gpus.tolist() == [1, 2]
    assert jobs.owners == ("red", "blue")
    assert jobs.submitted[0] - jobs.begin == 12 * 3600
    assert jobs.period_seconds == 2 * 86_400
    assert jobs.busy_gpus == pytest.approx((3600 + 120) / (2 * 86_400))


def test_unix_seconds_are_times_too(tmp_path: Path) -> None:
    jobs = read_jobs(written(tmp_path, "time,duration_s,gpus\n1704067200,60,1\n"))
    assert (jobs.submitted.tolist(), jobs.owners) == ([1704067200.0], ("",))


def test_pods_run_from_their_schedule_to_their_end(tmp_path: Path) -> None:
    rows = "a,be,1,0,10,70\nb,be,2,5,,80\nc,ls,1,6,7,900\nd,ls,0,6,7,60\ne,ls,1,6,7,7\n"
    jobs = read_jobs(written(tmp_path, OFFSETS + rows))
    assert (jobs.submitted.tolist(), jobs.run_seconds.tolist()) == ([0], [60])
    assert jobs.left_out == {NO_TIME: 3, NO_GPU: 1}


def test_a_part_of_a_gpu_counts_as_one(tmp_path: Path) -> None:
    assert read_jobs(written(tmp_path, HEADER + "0,60,0.5,x\n")).gpus.tolist() == [1]


def test_one_owner(tmp_path: Path) -> None:
    jobs = read_jobs(written(tmp_path, HEADER + "0,60,1,red\n1,70,1,blue\n2,80,1,red\n"))
    assert jobs.of("red").run_seconds.tolist() == [60, 80]
    assert len(jobs.of("red")) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no column"),
        ("time,gpus\n0,1\n", "no column duration_s"),
        ("duration_s,gpus\n1,1\n", "no column time or created_offset_s"),
        (HEADER + "noon,60,1,x\n", "line 2, column 'time'"),
        (HEADER + "0,60,1,x\n1,long,1,x\n", "line 3, column 'duration_s'"),
        (HEADER + "0,-5,1,x\n", "-5 is below zero"),
        (HEADER + "0,60,nan,x\n", "column 'gpus'"),
        (HEADER + "0,60,0,x\n", "no job with a GPU and a known run time"),
        (OFFSETS + "a,be,1,0,70,10\nb,be,1,0,0,90\n", "deleted_offset_s lies before"),
    ],
)
def test_what_can_not_be_read_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(JobsError, match=complaint):
        read_jobs(written(tmp_path, text))


def test_a_missing_and_a_binary_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(JobsError, match="does not exist"):
        read_jobs(tmp_path / "none.csv")
    broken = tmp_path / "jobs.csv.gz"
    broken.write_bytes(b"\x1f\x8b nothing")
    with pytest.raises(JobsError, match="can't be read"):
        read_jobs(broken)


def test_a_recorded_trace_is_read() -> None:
    folder = os.environ.get("WATTSWITCH_DATA")
    if not folder:
        pytest.skip("WATTSWITCH_DATA names no folder with recorded jobs")
    jobs = read_jobs(Path(folder) / "jobs" / "philly_jobs_2017-10-09_2w.csv.gz")
    assert (len(jobs), jobs.period_seconds, jobs.left_out) == (26_608, 14 * 86_400, {})
    assert np.all(np.diff(jobs.submitted) >= 0)
    assert jobs.busy_gpus == pytest.approx(517.4, abs=0.1)
