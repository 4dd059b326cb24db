"""The ledger: books in chunks, written where they differ, and believed only where a write was answered."""

from typing import Any, cast

import pytest

from unit.engine.fake_api import FakeApi
from unit.engine.targets import NOW, book_at, empty_book, facts
from wattswitch.cluster import KubeClient
from wattswitch.engine.books import Book
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
