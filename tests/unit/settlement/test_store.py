"""The record on disk, and everything that can happen to it."""

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from wattswitch.settlement.eventrecord import EventRecord, OptOut, Skipped
from wattswitch.settlement.intervalbook import IntervalBook, Observation, Part
from wattswitch.settlement.intervals import SITE, Interval, Quality
from wattswitch.settlement.store import Money, Store, Word, budgets_in, path_of, read

QUARTER = 900
DAY = 86_400
EVENT = EventRecord(
    "hot-friday",
    "u1",
    900.0,
    1800.0,
    "ERS-30",
    "1",
    100.0,
    "toWatts",
    5e4,
    "Firm",
    None,
    5e4,
    960.0,
    2000.0,
    4.9e4,
    12.5,
    ("event", "price"),
    (Skipped("MiningPool/m/a", "Paused"),),
    (OptOut("tenant", "maintenance"),),
    "by the utility",
)


def row(i: int, **changed) -> Interval:
    site = Interval(i * QUARTER, QUARTER, SITE, 25.0 + i, 900.0, 26.0, 40.0, 1.04, 2.5, 30.0, 91.0, True, False)
    return replace(site, **changed)


ROWS = [row(i) for i in range(6)]


def all_of(path: Path):
    return read(path, -math.inf, math.inf)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record" / "settlement.sqlite"


@pytest.fixture
def store(path: Path):
    opened = Store(path)
    yield opened
    opened.close()


def written(path: Path, rows=ROWS, events=(EVENT,)) -> None:
    store = Store(path)
    assert store.put(rows, events) is None
    store.close()


def damage(path: Path, at: int, size: int = 2_000) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x5a" * size)


def test_what_is_written_can_be_read_by_another_while_the_writer_goes_on(store, path):
    unknown = Interval(0, QUARTER, "MiningPool/m/a", 0.0, 3.5, quality=Quality.MISSING)
    assert store.put([*ROWS, unknown], [EVENT]) is None
    found = all_of(path)
    assert found.problem is None
    assert set(found.intervals) == {*ROWS, unknown}
    assert found.events == (EVENT,)
    assert store.put([row(6)]) is None
    assert [interval.start for interval in read(path, 5 * QUARTER, 7 * QUARTER).intervals] == [5 * QUARTER, 6 * QUARTER]


def test_a_row_that_is_written_twice_is_one_row_and_the_one_that_knows_more_stays(store, path):
    store.put([row(0, known_seconds=300.0, energy_kwh=8.0), row(1)])
    store.put([row(0, known_seconds=600.0, energy_kwh=16.0), row(1, energy_kwh=1.0)])
    store.put([row(0, known_seconds=500.0, energy_kwh=13.0)])
    assert [interval.energy_kwh for interval in all_of(path).intervals] == [16.0, 26.0]


def test_an_event_is_one_by_its_reference_and_the_last_word_counts(store, path):
    store.put(events=[EVENT])
    store.put(events=[replace(EVENT, uid="u2", shed_kwh=13.0), replace(EVENT, uid="u3", reference="", start=950.0)])
    assert [(event.uid, event.shed_kwh) for event in all_of(path).events] == [("u2", 13.0), ("u3", 12.5)]


@pytest.mark.parametrize("bad", [{"energy_kwh": math.nan}, {"cost": math.inf}])
def test_a_number_that_is_not_finite_is_refused_and_spoils_nothing(store, path, bad):
    with pytest.raises(ValueError, match="not finite"):
        store.put([row(0), row(1, **bad)])
    with pytest.raises(ValueError, match="compliant"):
        store.put([row(0)], [replace(EVENT, end=math.inf)])
    assert store.put([row(2)]) is None
    assert [interval.start for interval in all_of(path).intervals] == [2 * QUARTER]


def test_the_open_interval_goes_on_in_the_next_process(path):
    store, book = Store(path), IntervalBook()
    for second in range(0, 500, 60):
        book.add(Observation(second, (Part("MiningPool/m/a", 1e5),)))
    assert store.open_book() == ""
    store.put(open_book=book.text())
    store.close()
    after = Store(path)
    book = IntervalBook.resume(after.open_book())
    done = [interval for second in range(540, 961, 60) for interval in book.add(Observation(second, ()))]
    assert done[0].quality is Quality.OK
    assert next(row for row in done if row.workload == SITE).energy_kwh == pytest.approx(100 * 540 / 3600)
    after.close()


def test_a_missing_file_is_begun_anew_and_a_reader_says_so(path):
    found = all_of(path)
    assert found.problem is not None
    assert (found.problem.word, found.intervals) == (Word.UNREADABLE, ())
    written(path)
    path.unlink()
    store = Store(path)
    assert store.put([row(9)]) is None
    assert all_of(path).intervals == (row(9),)
    store.close()


def test_a_file_that_vanishes_under_the_writer_is_begun_anew(store, path):
    store.put(ROWS)
    shutil.rmtree(path.parent)
    assert store.put([row(7)]) is None
    assert all_of(path).intervals == (row(7),)


def test_that_the_file_was_deleted_or_replaced_is_said_once(store, path, tmp_path):
    store.put(ROWS)
    assert not store.vanished
    path.unlink()
    store.put([row(7)])
    assert store.vanished
    store.put([row(8)])
    assert not store.vanished
    written(tmp_path / "other.sqlite", [row(1)])
    (tmp_path / "other.sqlite").replace(path)
    store.put([row(9)])
    assert store.vanished
    assert [interval.start for interval in all_of(path).intervals] == [QUARTER, 9 * QUARTER]


def test_what_the_last_call_ran_into_is_kept(store, path):
    path.parent.touch()
    assert store.open_book() == ""
    assert store.problem is not None
    path.parent.unlink()
    assert store.open_book() == ""
    assert store.problem is None


def test_each_budget_has_a_file_and_no_name_leaves_the_folder(tmp_path):
    assert path_of(tmp_path, "west-texas.2") == tmp_path / "west-texas.2.sqlite"
    for wrong in ("", ".", "..", "../west", "a/b", "West", "-a", "a."):
        with pytest.raises(ValueError, match="is no name of a PowerBudget"):
            path_of(tmp_path, wrong)
    for name in ("west", "east.1"):
        written(path_of(tmp_path, name))
    damage(path_of(tmp_path, "east.1"), 0)
    written(path_of(tmp_path, "east.1"))
    assert budgets_in(tmp_path) == ["east.1", "west"]


def test_a_currency_is_recorded_when_it_changes(store, path):
    for since, currency in ((5.0, "USD"), (9.0, "USD"), (12.0, "EUR"), (13.0, "EUR"), (14.0, "USD")):
        assert store.put([row(1)], money=Money(since, currency)) is None
    store.put([row(2)])
    told = (Money(5.0, "USD"), Money(12.0, "EUR"), Money(14.0, "USD"))
    assert read(path, 0, QUARTER).money == told, "whatever is asked for"


def test_one_workload_can_be_read_alone(path):
    written(path, [row(1), row(1, workload="MiningPool/m/a"), row(2)])
    assert [each.workload for each in read(path, 0, 9e9, "MiningPool/m/a").intervals] == ["MiningPool/m/a"]
    assert len(read(path, 0, 9e9, SITE).intervals) == 2
    assert read(path, 0, 9e9, "' OR 1 --").intervals == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: damage(path, 0),
        lambda path: damage(path, 4096, 40_000),
        lambda path: path.write_bytes(b"not a database, whatever its name says" * 200),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 4_100),
        lambda path: os.truncate(path, 50),
    ],
    ids=["header", "pages", "other text", "half", "page and a bit", "less than a header"],
)
def test_a_damaged_file_is_moved_aside_and_said_to_be(path, spoil: Callable[[Path], None]):
    written(path, [row(i) for i in range(2_000)])
    spoil(path)
    spoiled = path.read_bytes()
    assert all_of(path).problem is not None
    store = Store(path)
    assert store.put([row(1)]) is None
    assert "settlement.sqlite.damaged-1: " in store.moved_aside
    assert path.with_name("settlement.sqlite.damaged-1").read_bytes()[:40] == spoiled[:40]
    assert all_of(path).intervals == (row(1),)
    assert store.put([row(2)]) is None
    assert store.moved_aside == ""
    store.close()


def test_damage_to_an_open_file_is_found_when_it_is_looked_through(store, path):
    store.put([row(i) for i in range(2_000)])
    store.prune(0.0)
    damage(path, 0, path.stat().st_size)
    store.put([row(3_000)])
    found = all_of(path).problem
    assert found is not None
    assert found.word is Word.DAMAGED
    assert store.prune(0.0) is None
    assert "damaged-1" in store.moved_aside
    assert store.put([row(4_000)]) is None
    assert all_of(path).intervals == (row(4_000),)


def test_damaged_files_do_not_fill_the_volume(path):
    for _ in range(8):
        written(path)
        damage(path, 0)
    assert len(list(path.parent.glob("*.damaged-?"))) == 5


def test_an_empty_file_is_a_new_record(path):
    path.parent.mkdir()
    path.touch()
    written(path)
    assert len(all_of(path).intervals) == len(ROWS)


def test_a_file_of_something_else_is_left_alone(path):
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    store = Store(path)
    problem = store.put(ROWS)
    assert problem is not None
    assert problem.word is Word.FOREIGN
    assert store.waiting_rows == len(ROWS)
    store.close()
    assert path.read_bytes() == before
    found = all_of(path).problem
    assert found is not None
    assert found.word is Word.FOREIGN


def test_a_newer_record_is_left_to_the_newer_program(path):
    written(path)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    store = Store(path)
    problem = store.put([row(9)])
    assert problem is not None
    assert (problem.word, list(path.parent.glob("*.damaged*"))) == (Word.NEWER, [])
    store.close()


def test_one_writer_at_a_time_and_the_next_when_it_lets_go(store, path):
    store.put([row(0)])
    second = Store(path)
    problem = second.put([row(1)])
    assert problem is not None
    assert problem.word is Word.LOCKED
    store.close()
    assert second.put([row(2)]) is None
    assert len(all_of(path).intervals) == 3, "what waited was written with it"
    second.close()


def test_a_full_record_keeps_what_does_not_fit_until_there_is_room(path):
    store = Store(path, most_bytes=64 * 1024, most_waiting=3_000, keep_days=1)
    many = [row(i) for i in range(2_500)]
    problem = store.put(many)
    assert problem is not None
    assert (problem.word, store.waiting_rows) == (Word.FULL, 2_500)
    assert all_of(path).intervals == (), "all of a batch or nothing"
    store.close()
    roomy = Store(path)
    assert roomy.put(many) is None
    roomy.close()
    assert len(all_of(path).intervals) == 2_500


def test_rows_wait_only_as_long_as_there_is_room_for_them(path):
    path.parent.touch()
    store = Store(path, most_waiting=4)
    assert store.put(ROWS) is not None
    assert (store.waiting_rows, store.lost_rows) == (4, 2)
    path.parent.unlink()
    assert store.put() is None
    assert [interval.start for interval in all_of(path).intervals] == [i * QUARTER for i in (2, 3, 4, 5)]
    store.close()


def test_old_rows_are_forgotten_and_their_space_is_given_back(path):
    store = Store(path, keep_days=10)
    store.put([row(i) for i in range(20_000)], [EVENT, replace(EVENT, reference="2", start=5e7, end=5e7 + 1)])
    store.prune(0.0)
    before = path.stat().st_size
    now = 20_000 * QUARTER
    assert store.prune(now) is None
    kept = all_of(path)
    assert min(interval.start for interval in kept.intervals) >= now - 10 * DAY
    assert [event.reference for event in kept.events] == ["2"]
    assert path.stat().st_size < before / 5
    store.close()


def test_a_record_that_fills_its_room_makes_some_and_what_is_new_is_written(path):
    store = Store(path, most_bytes=512 * 1024)
    days = 0
    while (problem := store.put([row(96 * days + i) for i in range(96)])) is None:
        days += 1
    assert problem.word is Word.FULL
    assert store.prune(0.0) is None
    assert store.put() is None
    kept = [interval.start // DAY for interval in all_of(path).intervals]
    assert min(kept) in {10, 20}, "some of the oldest went"
    assert max(kept) == days
    assert path.stat().st_size <= 512 * 1024
    store.close()


def test_events_alone_may_fill_the_room_and_nothing_loops(path):
    store = Store(path, most_bytes=64 * 1024)
    numbers = count()
    while store.put(events=[replace(EVENT, reference=str(next(numbers)), excused="x" * 500)]) is None:
        pass
    assert store.prune(0.0) is None
    assert next(numbers) > 20
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_directory_that_may_not_be_written_is_a_reason():
    """In a process without root's rights, which no mode bit would stop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settlement.sqlite"
        written(path)
        path.with_name("settlement.sqlite.lock").unlink()
        Path(folder).chmod(0o555)
        path.chmod(0o444)
        receive, send = os.pipe()
        if not (child := os.fork()):
            status = 1
            try:
                os.setuid(65_534)
                problem, found = Store(path).put([row(9)]), all_of(path)
                told = [problem and problem.word, found.problem and found.problem.reason, len(found.intervals)]
                os.write(send, json.dumps(told).encode())
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert json.loads(os.read(receive, 4096)) == ["ReadOnly", None, len(ROWS)]
        os.close(receive)
        os.close(send)
        Path(folder).chmod(0o755)


def test_rows_that_a_read_only_volume_hides_are_said_to_be_missing(store, path, monkeypatch):
    """SQLite cannot read what is ahead of the file where it may not write beside it."""
    store.put([row(0)])
    store.prune(0.0)
    store.put([row(1)])
    opened = sqlite3.connect

    def refuse(name, **options):
        if str(name).endswith("mode=ro"):
            raise sqlite3.OperationalError("unable to open database file")
        return opened(name, **options)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    found = all_of(path)
    assert ([each.start for each in found.intervals], found.cut_short) == ([0], True)
    store.prune(0.0)
    assert (len(all_of(path).intervals), all_of(path).cut_short) == (2, False)


def test_a_disk_on_which_no_file_may_grow_is_a_reason(path):
    code = """
        import resource, signal, sys
        from pathlib import Path
        from wattswitch.settlement.intervals import Interval
        from wattswitch.settlement.store import Store
        store = Store(Path(sys.argv[1]))
        assert store.put([Interval(0, 900, "", 1.0, 900.0)]) is None
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
        problem = store.put([Interval(900 * i, 900, "", 1.0, 900.0) for i in range(1, 5_000)])
        assert problem is not None, "it wrote past the limit"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert store.waiting_rows == 4_999, store.waiting_rows
        assert store.put() is None
        print(problem.word, store.moved_aside)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() in (["Unreadable"], ["Full"])
    assert len(all_of(path).intervals) == 5_000


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_writer_that_is_killed_in_the_middle_loses_no_batch_that_it_confirmed(path, after):
    code = """
        import sys
        from pathlib import Path
        from wattswitch.settlement.intervals import Interval
        from wattswitch.settlement.store import Store
        store = Store(Path(sys.argv[1]))
        for batch in range(1_000_000):
            rows = [Interval(900 * batch, 900, f"MiningPool/m/{i}", 1.0 * batch, 900.0) for i in range(300)]
            assert store.put(rows) is None
            print(batch, flush=True)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), path], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert writer.stdout is not None
    confirmed = -1
    for line in writer.stdout:
        confirmed = int(line)
        if confirmed == after:
            break
    writer.send_signal(signal.SIGKILL)
    confirmed = max([confirmed, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    writer.wait()
    writer.stdout.close()
    store = Store(path)
    assert store.put([row(0)]) is None
    assert store.moved_aside == ""
    found = [interval.start // 900 for interval in all_of(path).intervals if interval.workload]
    batches = sorted(set(found))
    assert batches == list(range(len(batches))), "no batch is missing in between"
    assert len(batches) > confirmed, "what was confirmed is there"
    assert len(found) == 300 * len(batches), "no batch is there in part"
    store.close()
