"""The accounts on their volume, and everything that a disk and a process can do to them."""

import asyncio
import errno
import logging
import math
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from builders import inference, miner, site
from wattswitch.engine import accounts as module
from wattswitch.engine.accounts import Account, Accounts, Duty
from wattswitch.metrics import Metrics
from wattswitch.planner import plan
from wattswitch.planner.model import SiteState
from wattswitch.settlement import store as store_module
from wattswitch.settlement.eventrecord import EventRecord
from wattswitch.settlement.intervals import SITE, Interval, Quality
from wattswitch.settlement.store import Money, Record, Store, Word, path_of, read

START = 1_700_000_100 // 900 * 900
MINER = "MiningPool/ns/s21"
EVENT = EventRecord("hot", "u1", START, program="ers", reference="1", limit_watts=50e3)
RUNNING = site(miner(spec_replicas=10), inference(spec_replicas=4), fixed_watts=1_000)
WATTS = plan(RUNNING).committed_watts


class Room:
    """The accounts of one process, moved by hand: a turn for each decision, and each one written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = Metrics()
        self.writing = True
        self.accounts = Accounts(folder, Duty(lambda: self.writing, lambda: not self.writing), self.metrics)

    @property
    def account(self) -> Account:
        return self.accounts.of("west")

    @property
    def record(self) -> Record:
        return read(path_of(self.folder, "west"), -math.inf, math.inf)

    @property
    def site_rows(self) -> list[Interval]:
        return [row for row in self.record.intervals if row.workload == SITE]

    async def see(self, at: float, state: SiteState = RUNNING, currency: str = "USD") -> None:
        """Note a decision of this time, count it, and let what is to be written be written."""
        noted = replace(state, now=at)
        self.account.note(noted, plan(noted), currency)
        await self.turn()

    async def turn(self) -> None:
        self.account._write_at = 0.0
        await self.account._turn()
        if self.account._write is not None:
            await asyncio.wait({self.account._write}, timeout=5)
        await asyncio.sleep(0)

    async def minutes(self, first: int, last: int) -> None:
        for minute in range(first, last):
            await self.see(START + 60 * minute)

    def series(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"wattswitch_record_{name}", {"budget": "west", **labels})


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No turn but those of the test, at the time of its decisions."""
    monkeypatch.setattr(module.clock, "now", lambda: float(START))
    monkeypatch.setattr(module, "COUNT_SECONDS", 0.01)

    async def never(_: Account) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Account, "run", never)


@pytest.fixture
async def room(tmp_path: Path) -> Iterator[Room]:  # type: ignore[misc]
    room = Room(tmp_path / "store")
    yield room
    await room.accounts.close()


async def test_decisions_become_intervals_that_a_reader_sees_at_once(room: Room) -> None:
    await room.minutes(0, 16)
    (row,) = room.site_rows
    assert (row.start, row.seconds, row.quality) == (START, 900, Quality.OK)
    assert row.energy_kwh == pytest.approx(WATTS / 4e3, rel=1e-4)
    assert row.cost == pytest.approx(row.energy_kwh * 0.04)
    assert {each.workload for each in room.record.intervals} >= {MINER, SITE, "fixed", "overhead"}
    assert room.record.money == (Money(START, "USD"),)
    assert room.series("waiting_rows") == 0


async def test_decisions_of_one_moment_count_as_the_last_of_them(room: Room) -> None:
    idle = site(miner(spec_replicas=0))
    for _ in range(2):
        room.account.note(replace(RUNNING, now=START), plan(RUNNING), "USD")
        await room.see(START, idle)
    for minute in range(1, 16):
        await room.see(START + 60 * minute, idle)
    assert room.site_rows[0].energy_kwh == 0


async def test_the_record_that_is_deleted_is_begun_anew_and_said_to_be(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.account.record_event(EVENT)
    await room.minutes(0, 20)
    assert len(room.site_rows) == 1
    path_of(room.folder, "west").unlink()
    await room.minutes(20, 33)
    assert "west.sqlite was deleted: a new one is begun" in caplog.text
    assert [row.start for row in room.site_rows] == [START + 900], "of the interval that was open nothing is lost"
    assert room.site_rows[0].energy_kwh == pytest.approx(WATTS / 4e3, rel=1e-4)
    assert room.record.events == (EVENT,), "what is still known of events is written again"
    assert room.record.money[0].currency == "USD"


async def test_a_volume_that_is_read_only_costs_delay_and_nothing_else(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Path) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(store_module, "_locked", refuse)
        await room.minutes(0, 32)
        assert room.series("problem", problem="ReadOnly") == 1
        assert room.series("waiting_rows") == 2 * 5
    told = [each for each in caplog.records if "is not written" in each.message]
    assert ["(ReadOnly)" in each.message for each in told] == [True], "said once"
    with caplog.at_level(logging.INFO):
        await room.minutes(32, 33)
    assert "the record is written again" in caplog.text
    assert [(row.start, row.quality) for row in room.site_rows] == [(START, "OK"), (START + 900, "OK")]
    assert room.series("problem", problem="ReadOnly") is None


async def test_a_record_that_is_full_makes_room_and_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = path_of(room.folder, "west")
    old = Store(folder)
    old.put([Interval(START - 900 * i, 900, SITE, 1.0, 900.0) for i in range(1, 96 * 60)])
    old.close()
    monkeypatch.setattr(module, "Store", partial(Store, most_bytes=folder.stat().st_size))
    for minute in range(120):
        await room.see(START + 60 * minute)
    assert caplog.text == ""
    assert [row.start for row in room.site_rows if row.start >= START] == [START + 900 * i for i in range(7)]
    assert min(row.start for row in room.site_rows) > START - 55 * 86_400, "the oldest made room"


async def test_a_disk_that_hangs_stops_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.minutes(0, 3)
    released, put = threading.Event(), Store.put

    def hang(self: Store, *batch: object) -> object:
        released.wait(30)
        return put(self, *batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "put", hang)
    room.account._write_at = 0.0
    began = asyncio.get_running_loop().time()
    for minute in range(3, 40):
        state = replace(RUNNING, now=START + 60 * minute)
        room.account.note(state, plan(state), "USD")
        await room.account._turn()
    assert asyncio.get_running_loop().time() < began + 5, "no turn waits"
    assert room.site_rows == []
    released.set()
    assert room.account._write is not None
    await asyncio.wait({room.account._write}, timeout=5)
    await room.minutes(40, 41)
    assert [row.quality for row in room.site_rows] == [Quality.OK, Quality.OK]


async def test_a_disk_that_hangs_at_the_end_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room, released = Room(tmp_path), threading.Event()
    await room.minutes(0, 3)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(Store, "put", lambda *_: released.wait(30))
    async with asyncio.timeout(3):
        await room.accounts.close()
    assert "the disk does not answer" in caplog.text
    released.set()


async def test_a_disk_that_does_not_open_begins_anew(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(module, "RESUME_SECONDS", 0.05)
    monkeypatch.setattr(Store, "open_book", lambda _: released.wait(30))
    async with asyncio.timeout(3):
        state = replace(RUNNING, now=START)
        room.account.note(state, plan(state), "USD")
        await room.account._turn()
    released.set()
    await room.minutes(1, 16)
    assert room.site_rows[0].quality is Quality.OK


async def test_rows_that_wait_for_ever_are_counted_when_they_are_dropped(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 7)
    await room.minutes(0, 1)
    room.account._write = asyncio.get_running_loop().create_future()
    for minute in range(1, 50):
        state = replace(RUNNING, now=START + 60 * minute)
        room.account.note(state, plan(state), "USD")
        await room.account._turn()
    assert len(room.account._rows) == 7
    assert room.series("lost_rows_total") == 3 * 5 - 7
    room.account._write = None


KEEPER = """
    import asyncio, sys
    from pathlib import Path
    from dataclasses import replace
    from builders import miner, site
    from wattswitch.engine import accounts, clock
    from wattswitch.metrics import Metrics
    from wattswitch.planner import plan

    async def keep(folder, start):
        clock.monotonic = lambda: now
        now = start
        store, duty = accounts.Store(accounts.path_of(folder, "west")), accounts.Duty(lambda: True, lambda: False)
        account = accounts.Account("west", store, accounts.ThreadPoolExecutor(1), duty, Metrics())
        while True:
            state = site(miner(spec_replicas=10 if now // 45 % 2 else 2), now=now)
            account.note(state, plan(state), "USD")
            await account._turn()
            if account._write is not None:
                await account._write
            print(now, flush=True)
            now += 5

    asyncio.run(keep(Path(sys.argv[1]), int(sys.argv[2])))
"""


def killed_after(folder: Path, moment: int) -> int:
    """Have a process keep accounts until its decision of that moment, and kill it; its last decision."""
    command = [sys.executable, "-c", textwrap.dedent(KEEPER), str(folder), str(START)]
    path = os.pathsep.join(sys.path)
    keeper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
    assert keeper.stdout is not None
    last = next(now for line in keeper.stdout if (now := int(line)) >= moment)
    keeper.send_signal(signal.SIGKILL)
    last = max([last, *(int(line) for line in keeper.stdout if line.endswith("\n"))])
    keeper.wait()
    keeper.stdout.close()
    return last


@pytest.mark.parametrize("after", [7, 300, 611])
async def test_a_process_that_is_killed_loses_at_most_a_minute(room: Room, after: int) -> None:
    """It draws 35 kW or 7 kW, 45 s each in turn; the next process goes on 10 s after the last decision of this one."""
    last = killed_after(room.folder, START + after)
    true_joules = sum(35_000 if at // 45 % 2 else 7_000 for at in range(START, START + 900))
    for now in range(last + 10, START + 906, 5):
        await room.see(now, site(miner(spec_replicas=10 if now // 45 % 2 else 2)))
    row = next(row for row in room.site_rows if row.start == START)
    assert row.quality is not Quality.MISSING
    assert row.known_seconds == pytest.approx(900)
    assert abs(row.energy_kwh * 3.6e6 - true_joules) <= (module.WRITE_SECONDS + 10 + 5) * (35_000 - 7_000)


async def test_after_a_silent_day_nothing_is_made_up(room: Room) -> None:
    await room.minutes(0, 5)
    await room.accounts.close()
    later = Room(room.folder)
    for minute in range(24 * 60, 24 * 60 + 16):
        await later.see(START + 60 * minute)
    rows = [(row.start, row.quality, row.known_seconds) for row in later.site_rows]
    held = 4 * 60 + 600
    assert rows == [(START, "MISSING", held), (START + 86_400, "OK", 900)], "held for ten minutes, then not known"
    await later.accounts.close()


async def test_only_the_leader_writes_and_the_next_one_goes_on_where_it_was(tmp_path: Path) -> None:
    first, second = Room(tmp_path), Room(tmp_path)
    second.writing = False
    for minute in range(8):
        await first.see(START + 60 * minute)
        await second.see(START + 60 * minute)
    assert second.account._book is None
    first.writing, second.writing = False, True
    await first.turn()
    for minute in range(8, 16):
        await first.see(START + 60 * minute)
        await second.see(START + 60 * minute)
    (row,) = second.site_rows
    assert (row.quality, row.energy_kwh) == (Quality.OK, pytest.approx(WATTS / 4e3, rel=1e-4))
    await first.accounts.close()
    await second.accounts.close()


async def test_a_new_leader_waits_for_the_last_one_to_let_go(tmp_path: Path) -> None:
    first, second = Room(tmp_path), Room(tmp_path)
    await first.minutes(0, 8)

    async def let_go() -> None:
        await asyncio.sleep(0.1)
        await first.accounts.close()

    leaving = asyncio.create_task(let_go())
    await second.minutes(8, 16)
    await leaving
    (row,) = second.site_rows
    assert (row.quality, row.energy_kwh) == (Quality.OK, pytest.approx(WATTS / 4e3, rel=1e-4))
    await second.accounts.close()


async def test_nothing_is_begun_before_it_is_known_who_leads_and_an_outage_ends_nothing(room: Room) -> None:
    duty = {"leading": False, "standby": False}
    room.accounts._duty = Duty(lambda: duty["leading"], lambda: duty["standby"])
    await room.minutes(0, 2)
    assert not room.folder.exists()
    duty["leading"] = True
    await room.minutes(2, 4)
    duty["leading"] = False  # the API server does not answer, and nobody else can lead
    await room.minutes(4, 31)
    assert [row.start for row in room.site_rows] == [START, START + 900]


async def test_who_waits_for_a_record_stops_waiting_when_another_leads(tmp_path: Path) -> None:
    first, second = Room(tmp_path), Room(tmp_path)
    await first.minutes(0, 2)
    turn = asyncio.create_task(second.see(START + 120))
    await asyncio.sleep(0.05)
    assert not turn.done()
    second.writing = False
    await asyncio.wait_for(turn, 3)
    assert second.account._book is None
    assert second.series("problem", problem="Locked") is None, "it never wrote"
    await first.accounts.close()
    await second.accounts.close()


async def test_rows_that_can_not_be_written_at_the_end_break_no_end(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a number that is not finite")

    await room.minutes(0, 2)
    monkeypatch.setattr(Store, "put", fail)
    await room.accounts.close()
    assert "rows could not be written and are lost: a number that is not finite" in caplog.text


async def test_of_one_reference_the_lowest_limit_and_the_last_word_count(room: Room) -> None:
    room.account.record_event(EVENT)
    room.account.record_event(replace(EVENT, uid="u2", name="again", limit_watts=20e3))
    await room.see(START)
    (event,) = room.record.events
    assert (event.name, event.limit_watts) == ("hot", 20e3)
    room.account.record_event(replace(EVENT, end=START + 60.0, target_met_at=START + 5.0))
    room.account.record_event(replace(EVENT, uid="u2", limit_watts=20e3, end=START + 90.0, target_met_at=START + 9.0))
    await room.see(START + 60)
    (event,) = room.record.events
    assert (event.end, event.target_met_at, event.limit_watts) == (START + 90.0, START + 9.0, 20e3)


async def test_an_event_is_written_when_it_changes_and_not_before(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    put = Store.put

    def counting(self: Store, rows: object, events: list[EventRecord], *rest: object) -> object:
        written.append(len(events))
        return put(self, rows, events, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "put", counting)
    for minute, event in enumerate([EVENT, EVENT, replace(EVENT, shed_kwh=1.0), replace(EVENT, shed_kwh=1.0)]):
        room.account.record_event(event)
        await room.see(START + 60 * minute)
    assert written == [1, 0, 1, 0]


async def test_an_old_file_is_pruned_by_the_day(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Store(path_of(room.folder, "west"))
    old.put([Interval(0, 900, SITE, 1.0, 900.0)])
    old.close()
    await room.minutes(0, 2)
    assert room.record.intervals == (), "at the first write"
    pruned: list[float] = []
    monkeypatch.setattr(Store, "prune", lambda _, now: pruned.append(now))
    await room.minutes(2, 5)
    assert pruned == []
    room.account._pruned_at = module.clock.monotonic() - module.PRUNE_SECONDS
    await room.minutes(5, 8)
    assert len(pruned) == 1


async def test_a_change_of_money_is_on_record(room: Room) -> None:
    await room.see(START, currency="USD")
    await room.see(START + 60, currency="EUR")
    await room.see(START + 120, currency="EUR")
    assert room.record.money == (Money(START, "USD"), Money(START + 60, "EUR"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rules": 1}'])
async def test_an_open_interval_that_cannot_be_read_is_begun_anew(room: Room, text: str) -> None:
    store = Store(path_of(room.folder, "west"))
    store.put(open_book=text)
    store.close()
    await room.minutes(0, 16)
    assert room.site_rows[0].quality is Quality.OK


async def test_an_open_interval_that_cannot_be_gone_on_with_is_begun_anew(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    await room.minutes(0, 2)
    await room.accounts.close()
    database = sqlite3.connect(path_of(room.folder, "west"))
    (text,) = database.execute("SELECT text FROM open_book").fetchone()
    with database:
        database.execute("UPDATE open_book SET text = ?", (text.replace('"joules": ', '"joules": [1], "x": '),))
    with database:
        database.execute("UPDATE open_book SET text = replace(text, ', \"x\": ', ', \"wanted\": ')")
    database.close()
    again = Room(room.folder)
    await again.minutes(2, 18)
    assert "is of no use and is begun anew" in caplog.text
    assert [row.start for row in again.site_rows] == [START]
    await again.accounts.close()


async def test_a_decision_that_can_not_be_counted_costs_itself(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.undo()  # the very loop of the operator
    monkeypatch.setattr(module, "COUNT_SECONDS", 0.01)
    account = room.account
    state = replace(RUNNING, now=START)
    account.note(state, replace(plan(state), targets=()), "USD")
    for _ in range(200):
        await asyncio.sleep(0.01)
        if "the accounts failed" in caplog.text:
            break
    assert "budget west: the accounts failed" in caplog.text
    account.note(state, plan(state), "USD")
    for _ in range(200):
        await asyncio.sleep(0.01)
        if account._parts:
            break
    assert set(account._parts) == {MINER, "InferenceDeployment/ns/llama"}


async def test_a_budget_that_is_forgotten_lets_go_of_its_file_and_keeps_it(room: Room) -> None:
    await room.minutes(0, 16)
    room.accounts.forget("west")
    room.accounts.forget("nobody")
    other = Store(path_of(room.folder, "west"))
    for _ in range(100):
        await asyncio.sleep(0.01)
        if (problem := other.put()) is None:
            break
        assert problem.word is Word.LOCKED
    assert problem is None
    assert len(room.site_rows) == 1
    assert room.series("waiting_rows") is None
    other.close()


async def test_two_budgets_have_a_file_each(room: Room) -> None:
    await room.minutes(0, 1)
    east = room.accounts.of("east")
    east.note(replace(RUNNING, now=START), plan(RUNNING), "EUR")
    await east._turn()
    assert room.accounts.of("east") is east
    assert sorted(path.name for path in room.folder.glob("*.sqlite")) == ["east.sqlite", "west.sqlite"]


async def test_the_series_of_a_budget_that_is_gone_are_gone(room: Room) -> None:
    await room.minutes(0, 2)
    room.metrics.show_record("west", "Full", 3)
    assert room.series("problem", problem="Full") == 1
    room.metrics.forget("west")
    assert (room.series("problem", problem="Full"), room.series("waiting_rows")) == (None, None)
