"""The agenda: what falls when, and that everything is played in order."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from play import script
from play.day import Occasion, Player, kills, step_at, time_of_day
from play.feedserver import FeedServer
from play.series import STEPS, SeriesError


def test_what_happens_falls_into_the_middle_of_a_step() -> None:
    assert step_at("09:30") == 114.5
    assert time_of_day(114) == "09:30"


def test_times_of_day_hold_on_a_day_that_begins_at_another_hour() -> None:
    five_in_the_morning = 1_715_126_400.0 + 5 * 3600
    assert step_at("09:30", five_in_the_morning) == 54.5
    assert time_of_day(54, five_in_the_morning) == "09:30"
    assert step_at("04:00", five_in_the_morning) == 23 * 12 + 0.5


def test_kills_are_random_but_the_same_for_a_seed() -> None:
    moments = [occasion.step for occasion in kills(30, 7, 0.0, lambda: None)]
    assert moments == [occasion.step for occasion in kills(30, 7, 0.0, lambda: None)]
    assert moments != [occasion.step for occasion in kills(30, 8, 0.0, lambda: None)]
    assert len(moments) == 30
    assert min(moments) > 0
    assert max(moments) < STEPS


def test_occasions_are_played_in_order_and_told() -> None:
    played: list[str] = []
    said: list[str] = []
    agenda = [Occasion(2, "second", lambda: played.append("b")), Occasion(0, "", lambda: played.append("a"))]
    Player(speed=1e7).play(agenda, said.append, lambda: None)
    assert played == ["a", "b"]
    assert said == ["second"]


def test_a_program_that_died_ends_the_day() -> None:
    def look() -> None:
        raise OSError("dead")

    with pytest.raises(OSError, match="dead"):
        Player(speed=1e7).play([Occasion(0, "", lambda: None)], lambda _: None, look)


def test_feeds_tell_the_number_of_the_step_stamped_with_the_wall_clock() -> None:
    step = 0
    server = FeedServer({"price": lambda: [12.5, -3.0][step]})
    try:
        first = read(f"{server.url}/price")
        step = 1
        second = read(f"{server.url}/price")
        assert (first["value"], second["value"]) == (12.5, -3.0)
        assert second["time"] >= first["time"] > 1_700_000_000
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            read(f"{server.url}/weather")
        missing.value.close()
    finally:
        server.close()


def read(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        document: dict[str, float] = json.load(answer)
        return document


def test_without_a_file_the_day_says_that_it_is_synthetic() -> None:
    written = script.write(None, None, None)
    assert written.title == "synthetic prices from 2024-05-08T00:00Z, synthetic demand"
    feeds = written.feeds(lambda: 3)
    assert feeds["price"]() == written.prices.values[3]
    assert feeds.keys() == {"price", "hashprice", "gpu-hour", "demand/chat", "demand/summaries"}


def test_a_demand_file_is_scaled_by_what_a_replica_serves(tmp_path: Path) -> None:
    rows = [f"2023-01-01T{hour:02}:00Z,{hour * 100}" for hour in range(24)]
    path = tmp_path / "demand.csv"
    path.write_text("\n".join(["time,requests", *rows]) + "\n")
    written = script.write(None, None, f"{path}:requests")
    assert written.demand["chat"].values[-1] == 2300
    assert written.per_replica == {"chat": 2300 / script.FROM_FILE_REPLICAS, "summaries": 8.0}
    assert "demand.csv:requests" in written.title


def test_prices_per_kwh_become_prices_per_mwh_on_the_bill(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("time,price_gbp_per_kwh\n2024-05-08T00:00Z,0.25\n2024-05-09T00:00Z,0.30\n")
    written = script.write(f"{path}:price_gbp_per_kwh", None, None)
    assert (written.price_unit, written.currency) == ("GBPPerKWh", "GBP")
    assert set(written.prices_per_mwh) == {250.0}
    with pytest.raises(SeriesError, match="no whole day"):
        script.write(f"{path}:price_gbp_per_kwh", "2024-05-10T00:00Z", None)
