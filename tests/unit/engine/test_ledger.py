"""The ledger: books in chunks, written where they differ, and believed only where a write was answered."""

from typing import Any, cast

import pytest

from unit.engine.fake_api import FakeApi
from unit.engine.targets import NOW, book_at, empty_book, facts
from wattswitch.api.ledger import BUDGET_UID_LABEL, TargetBook
from wattswitch.cluster import KubeClient
from wattswitch.engine import clock
from wattswitch.engine.books import Book, Pods
from wattswitch.engine.ledger import CHUNK, MOST_PODS, Ledger, from_raw, to_raw


@pytest.fixture
def api() -> FakeApi:
    api = FakeApi()
    api.add_budget("west", "budget-uid")
    return api


def ledger_of(api: FakeApi) -> Ledger:
    return Ledger(cast("KubeClient", api), "west", "budget-uid")


def books(count: int, **fields: Any) -> dict[str, Book]:
    return {f"u{n:03}": book_at(2, uid=f"u{n:03}", name=f"s{n}", **fields) for n in range(count)}


def patched(api: FakeApi) -> list[str]:
    return [path.removesuffix("/status") for method, path in api.calls if method == "PATCH"]


def read_back(api: FakeApi) -> dict[str, Book]:
    return ledger_of(api).read(api.budget("west"), api.ledgers())


# ---- one book ------------------------------------------------------------------------------------------------------


def test_a_book_survives_the_trip() -> None:
    book = book_at(7, gpus=2, gpu_group="hopper", stop_seconds=5, on_delete="Restore")
    book.raised_at, book.lowered_at = NOW + 0.25, NOW + 60.0
    again = from_raw(to_raw(book))
    same = ("uid", "key", "workload", "selector", "watts", "gpus", "gpu_group", "stop_seconds", "on_delete")
    assert [getattr(again, name) for name in same] == [getattr(book, name) for name in same]
    assert (again.replicas, again.original_replicas) == (7, 7)
    assert (again.raised_at, again.lowered_at) == (NOW + 0.25, NOW + 60.0)


def test_a_book_is_written_with_all_that_it_allows() -> None:
    """What is reserved, what is on its way and what may still be created: none of it may be lost with the process."""
    book = book_at(2)
    book.reserved = 5
    assert (to_raw(book)["replicas"], to_raw(book)["largest"]) == (5, 5)
    book.reserved = 0
    book.send(9)
    assert (to_raw(book)["replicas"], to_raw(book)["largest"]) == (9, 9)
    book.lost()
    assert (to_raw(book)["replicas"], to_raw(book)["largest"]) == (2, 9)


def test_surge_is_part_of_the_largest_size() -> None:
    book = empty_book()
    book.observe(facts(replicas=8, surge_percent=25), None, NOW)
    book.reserved = 12
    assert to_raw(book)["largest"] == 15


def test_dying_pods_and_tails_are_part_of_the_largest_size() -> None:
    """After a restart a book takes those that it does not find for stopped unseen."""
    book = empty_book(stop_seconds=60)
    book.observe(facts(spec_replicas=6, status_replicas=6), None, NOW)
    book.observe(facts(spec_replicas=6, status_replicas=5), None, NOW + 1)  # one vanished unseen
    book.observe(facts(spec_replicas=6, status_replicas=6, terminating_replicas=3), None, NOW + 2)
    assert to_raw(book)["largest"] == 6 + 3 + 1
    book.reserved = 8
    assert to_raw(book)["largest"] == 8 + 3 + 1


def test_pods_of_a_deleted_target_are_a_tail_after_a_restart_that_no_longer_finds_them() -> None:
    book = book_at(4, stop_seconds=60)
    book.written(4, 0, 11, NOW)
    book.observe(facts(resource_version=12, terminating_replicas=4), None, NOW + 1)
    book.observe_gone(Pods(0, 4), NOW + 2)
    assert book.booked_pods(NOW + 2) == 4
    again = from_raw(to_raw(book))
    for seconds in range(10, 71, 10):
        again.observe_gone(Pods(0, 0), NOW + seconds)
        assert again.booked_pods(NOW + seconds) == (4 if seconds < 70 else 0)


def test_pods_that_a_server_without_the_field_does_not_tell_of_are_a_tail_after_a_restart() -> None:
    book = empty_book(stop_seconds=60)
    blind: dict[str, Any] = {"spec_replicas": 1, "status_replicas": 1, "terminating_replicas": None}
    book.observe(facts(**blind), Pods(1, 3), NOW)
    again = from_raw(to_raw(book))
    again.observe(facts(**blind), Pods(1, 0), NOW + 10)
    assert again.booked_pods(NOW + 11) == 4


def test_a_field_that_a_newer_operator_added_stops_nobody() -> None:
    assert from_raw({**to_raw(book_at(3)), "moonPhase": "full"}).replicas == 3


def test_a_size_that_no_site_has_does_not_keep_the_books_from_being_written() -> None:
    """Another hand may type any number."""
    assert to_raw(book_at(2_000_000_000))["largest"] == MOST_PODS


# ---- all books -----------------------------------------------------------------------------------------------------


async def test_few_books_stand_in_the_budget_itself(api: FakeApi) -> None:
    assert await ledger_of(api).write(books(CHUNK))
    assert (len(api.budget("west")["status"]["targets"]), api.ledgers()) == (CHUNK, [])


async def test_more_books_go_to_ledgers_that_the_budget_owns(api: FakeApi) -> None:
    assert await ledger_of(api).write(books(2 * CHUNK + 1))
    sizes = {ledger["metadata"]["name"]: len(ledger["status"]["targets"]) for ledger in api.ledgers()}
    assert sizes == {"west-1": CHUNK, "west-2": 1}
    for ledger in api.ledgers():
        (owner,) = ledger["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("PowerBudget", "west", "budget-uid")
        assert ledger["metadata"]["labels"] == {BUDGET_UID_LABEL: "budget-uid"}
        assert ledger["spec"] == {"budget": "west"}


async def test_what_was_written_is_what_is_read(api: FakeApi) -> None:
    written = books(CHUNK + 5, gpus=1, gpu_group="hopper", stop_seconds=3)
    assert await ledger_of(api).write(written)
    assert {uid: to_raw(book) for uid, book in read_back(api).items()} == {
        uid: to_raw(book) for uid, book in written.items()
    }


async def test_only_chunks_that_differ_are_written(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(3 * CHUNK)
    await ledger.write(all_books)
    api.calls.clear()
    await ledger.write(all_books)
    assert api.calls == []
    all_books[f"u{CHUNK:03}"].reserved = 9
    await ledger.write(all_books)
    assert patched(api) == ["powerledgers/west-1"]


async def test_nothing_is_written_again_after_a_restart(api: FakeApi) -> None:
    await ledger_of(api).write(books(CHUNK + 1))
    api.calls.clear()
    again = ledger_of(api)
    found = again.read(api.budget("west"), api.ledgers())
    assert not again.missing(found)
    await again.write(found)
    assert api.calls == []


async def test_pods_that_died_are_written_off_once_their_target_rests(api: FakeApi) -> None:
    """Else a restart hours later would take them for stopped unseen."""
    ledger, all_books = ledger_of(api), books(1, stop_seconds=60)
    book = all_books["u000"]
    book.observe(facts(spec_replicas=2, status_replicas=2, terminating_replicas=5), None, NOW)
    await ledger.write(all_books)
    book.observe(facts(spec_replicas=2, status_replicas=2, terminating_replicas=4), None, NOW + 1)
    assert not ledger.missing(all_books), "one write for all of them is enough"
    book.observe(facts(spec_replicas=2, status_replicas=2), None, NOW + 2)
    assert ledger.missing(all_books)
    await ledger.write(all_books)
    assert read_back(api)["u000"].largest == 2
    assert not ledger.missing(all_books)


async def test_a_book_that_did_not_change_is_not_made_anew(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, all_books = ledger_of(api), books(3 * CHUNK)
    await ledger.write(all_books)
    made: list[str] = []

    class Counted(TargetBook):
        def __init__(self, **fields: Any) -> None:
            made.append(fields["uid"])
            super().__init__(**fields)

    monkeypatch.setattr("wattswitch.engine.ledger.TargetBook", Counted)
    all_books["u001"].reserved = 9
    all_books["u002"].tails.append((NOW + 60, 3))
    all_books["u003"].status_current = False
    await ledger.write(all_books)
    assert made == ["u001", "u002"]
    assert (read_back(api)["u001"].replicas, read_back(api)["u002"].largest) == (9, 5)


async def test_a_book_stays_in_its_chunk_and_a_new_one_takes_a_free_place(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 2)
    await ledger.write(all_books)
    del all_books["u003"]
    all_books["new"] = book_at(1, uid="new")
    api.calls.clear()
    await ledger.write(all_books)
    assert patched(api) == ["powerbudgets/west"]
    assert read_back(api).keys() == all_books.keys()


async def test_closed_books_leave_an_empty_ledger(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 1)
    await ledger.write(all_books)
    del all_books[f"u{CHUNK:03}"]
    assert ledger.missing(all_books)
    await ledger.write(all_books)
    assert [each["status"]["targets"] for each in api.ledgers()] == [[]]
    assert not ledger.missing(all_books)


async def test_covers_only_what_was_written(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(1)
    book = all_books["u000"]
    assert not ledger.covers(book, 2)
    await ledger.write(all_books)
    assert (ledger.covers(book, 2), ledger.covers(book, 3)) == (True, False)
    book.reserved = 5
    assert not ledger.covers(book, 5)
    await ledger.write(all_books)
    assert (ledger.covers(book, 5), ledger.covers(book, 6)) == (True, False)


async def test_while_a_write_is_under_way_the_less_of_old_and_new_is_covered(api: FakeApi) -> None:
    """Either may stand in the API server; a raise that both allow need not wait."""
    ledger, all_books = ledger_of(api), books(2)
    grows, shrinks = all_books["u000"], all_books["u001"]
    shrinks.reserved = 9
    await ledger.write(all_books)
    grows.reserved, shrinks.reserved = 5, 4
    sizes, covered = ((grows, 2), (grows, 5), (shrinks, 4), (shrinks, 9)), []
    api.on_call = lambda: covered.append([ledger.covers(book, replicas) for book, replicas in sizes])
    await ledger.write(all_books)
    assert covered == [[True, False, True, False]]
    assert [ledger.covers(book, replicas) for book, replicas in sizes] == [True, True, True, False]


async def test_each_chunk_is_told_when_it_is_written_and_not_when_it_fails(api: FakeApi) -> None:
    """A raise need not wait for the chunks of others."""
    ledger, all_books, covered = ledger_of(api), books(CHUNK + 1), []
    sizes = (all_books["u000"], all_books[f"u{CHUNK:03}"])
    await ledger.write(all_books, lambda: covered.append([ledger.covers(book, 2) for book in sizes]))
    assert covered == [[True, False], [True, True]]
    api.failing = {"powerledgers"}
    for book in sizes:
        book.reserved = 3
    await ledger.write(all_books, lambda: covered.append([ledger.covers(book, 3) for book in sizes]))
    assert covered[2:] == [[True, False]]


async def test_covers_counts_the_surge_of_today(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(1)
    book = all_books["u000"]
    book.reserved = 8
    await ledger.write(all_books)
    book.observe(facts(replicas=2, surge_percent=25), None, NOW)
    assert not ledger.covers(book, 8)


@pytest.mark.parametrize("landing", [True, False])
async def test_after_a_write_without_an_answer_nothing_is_covered(api: FakeApi, landing: bool) -> None:
    """It may have arrived, with less than what was there before."""
    ledger, all_books = ledger_of(api), books(1)
    book = all_books["u000"]
    book.reserved = 9
    await ledger.write(all_books)
    book.reserved, api.failing, api.landing = 0, {"powerbudgets"}, landing
    assert not await ledger.write(all_books)
    assert ledger.failed
    assert ledger.missing(all_books)
    assert not ledger.covers(book, 9)
    assert not ledger.covers(book, 2)
    api.failing = set()
    assert await ledger.write(all_books)
    assert not ledger.failed
    assert (ledger.covers(book, 2), ledger.covers(book, 9), ledger.missing(all_books)) == (True, False, False)


async def test_a_chunk_that_fails_stops_no_other(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 1)
    api.failing = {"powerledgers"}
    assert not await ledger.write(all_books)
    assert ledger.covers(all_books["u000"], 2)
    assert not ledger.covers(all_books[f"u{CHUNK:03}"], 2)
    api.failing = set()
    assert await ledger.write(all_books)
    assert ledger.covers(all_books[f"u{CHUNK:03}"], 2)


async def test_a_ledger_that_somebody_deleted_is_created_anew(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 1)
    await ledger.write(all_books)
    del api.objects["powerledgers/west-1"]
    all_books[f"u{CHUNK:03}"].reserved = 9
    assert not await ledger.write(all_books)
    assert await ledger.write(all_books)
    assert read_back(api)[f"u{CHUNK:03}"].replicas == 9


async def test_a_ledger_that_exists_already_is_used(api: FakeApi) -> None:
    first, all_books = ledger_of(api), books(CHUNK + 1)
    await first.write(all_books)
    second = ledger_of(api)
    second.read(api.budget("west"), [])
    assert await second.write(all_books)
    assert read_back(api).keys() == all_books.keys()


async def test_a_budget_that_is_gone_gets_no_ledger_of_its_name(api: FakeApi) -> None:
    ledger = ledger_of(api)
    del api.objects["powerbudgets/west"]
    assert not await ledger.write(books(1))
    assert not await ledger.write(books(1))
    assert api.ledgers() == []


@pytest.mark.parametrize("name", ["mine", "west-", "west-x", "west-0", "west--1", "east-1", "west-1-1"])
async def test_a_ledger_that_nobody_of_us_made_is_left_alone(api: FakeApi, name: str) -> None:
    await ledger_of(api).write(books(1))
    foreign = {
        "metadata": {"name": name, "uid": "f"},
        "spec": {"budget": "west"},
        "status": {"targets": [to_raw(book_at(5, uid="x"))]},
    }
    ledger = ledger_of(api)
    assert ledger.read(api.budget("west"), [foreign]).keys() == {"u000"}
    api.calls.clear()
    assert await ledger.write(books(2))
    assert patched(api) == ["powerbudgets/west"]


async def test_the_ledgers_of_another_budget_are_not_read(api: FakeApi) -> None:
    other = {"metadata": {"name": "west-1", "uid": "f"}, "spec": {"budget": "east"}}
    assert ledger_of(api).read(api.budget("west"), [other]) == {}


# ---- ledgers of an earlier budget of the same name -----------------------------------------------------------------


def successor(api: FakeApi) -> Ledger:
    """The ledger of a budget that has just taken the place of another, as `kubectl replace --force` does it."""
    api.add_budget("west", "new-uid")
    return Ledger(cast("KubeClient", api), "west", "new-uid")


def trimmed_ledgers(api: FakeApi) -> list[dict[str, Any]]:
    """As the view shows them: without owners."""
    found = api.ledgers()
    for each in found:
        del each["metadata"]["ownerReferences"]
    return found


def holders(api: FakeApi) -> dict[str, int]:
    """Books by the name of the PowerLedger that holds them."""
    return {each["metadata"]["name"]: len(each["status"].get("targets") or []) for each in api.ledgers()}


async def test_books_of_an_earlier_budget_are_read_and_kept_in_objects_of_our_own(api: FakeApi) -> None:
    old = books(CHUNK + 3)
    await ledger_of(api).write(old)
    ledger = successor(api)
    found = ledger.read(api.budget("west"), trimmed_ledgers(api))
    assert found.keys() == {f"u{n:03}" for n in range(CHUNK, CHUNK + 3)}
    assert ledger.missing(found)
    found |= books(CHUNK)
    assert await ledger.write(found)
    assert holders(api) == {"west-1": 0, "west-2": 3}
    del api.objects["powerledgers/west-1"]  # the garbage collector
    again = Ledger(cast("KubeClient", api), "west", "new-uid")
    assert again.read(api.budget("west"), trimmed_ledgers(api)).keys() == found.keys()


async def test_our_own_books_count_and_not_those_of_an_earlier_budget(api: FakeApi) -> None:
    await ledger_of(api).write(books(CHUNK + 1))
    ledger = successor(api)
    ours = {f"u{CHUNK:03}": book_at(7, uid=f"u{CHUNK:03}")}
    ledger.read(api.budget("west"), [])
    await ledger.write(ours)
    again = Ledger(cast("KubeClient", api), "west", "new-uid")
    assert {uid: book.replicas for uid, book in again.read(api.budget("west"), trimmed_ledgers(api)).items()} == {
        f"u{CHUNK:03}": 7
    }


async def test_a_name_that_an_earlier_budgets_ledger_has_is_left_to_it(api: FakeApi) -> None:
    """The list was taken before there was one."""
    await ledger_of(api).write(books(CHUNK + 1))
    ledger, all_books = successor(api), books(CHUNK + 1)
    ledger.read(api.budget("west"), [])
    assert not await ledger.write(all_books)
    assert await ledger.write(all_books)
    assert holders(api) == {"west-1": 1, "west-2": 1}
    assert not ledger.missing(all_books)


# ---- ledgers that somebody deletes ---------------------------------------------------------------------------------


async def test_a_ledger_that_a_list_does_not_find_covers_nothing_and_is_written_again(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 1)
    await ledger.write(all_books)
    last = all_books[f"u{CHUNK:03}"]
    ledger.confirm(api.ledgers(), clock.monotonic())
    assert ledger.covers(last, 2)
    del api.objects["powerledgers/west-1"]
    ledger.confirm(api.ledgers(), clock.monotonic())
    assert not ledger.covers(last, 2)
    assert ledger.missing(all_books)
    assert await ledger.write(all_books)
    assert ledger.covers(last, 2)
    assert read_back(api).keys() == all_books.keys()


async def test_a_list_from_before_a_ledger_was_written_says_nothing_of_it(api: FakeApi) -> None:
    ledger, all_books, listed_at = ledger_of(api), books(CHUNK + 1), clock.monotonic()
    await ledger.write(all_books)
    ledger.confirm([], listed_at)
    assert ledger.covers(all_books[f"u{CHUNK:03}"], 2)


async def test_an_empty_ledger_that_somebody_deleted_is_not_missed(api: FakeApi) -> None:
    ledger, all_books = ledger_of(api), books(CHUNK + 1)
    await ledger.write(all_books)
    del all_books[f"u{CHUNK:03}"]
    await ledger.write(all_books)
    ledger.confirm([], clock.monotonic())
    assert not ledger.missing(all_books)
