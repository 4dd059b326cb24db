"""Feeds from Python: names, defaults and the minutes of windows."""

from decimal import Decimal

from wattswitch.api.feed import Feed, NamedFeed, OnStale, PerWorkload, PriceFeed
from wattswitch.api.source import Fixed, Source, Window
from wattswitch.api.units import Unit


def test_a_feed_is_built_by_its_python_names_and_has_its_defaults() -> None:
    source = Source(name="contract", unit=Unit.USD_PER_MWH, fixed=Fixed(value=Decimal(45)))
    feed = PriceFeed(adder_per_mwh=Decimal("12.50"), sources=(source,))
    assert (feed.stale_after_seconds, feed.on_stale, feed.poll_seconds, feed.timeout_seconds) == (900, "Hold", 15, 3)
    assert feed.on_stale is OnStale.HOLD
    assert feed.sources[0].scale == 1
    assert feed.to_raw()["adderPerMWh"] == "12.50"


def test_the_minutes_of_a_window_that_wraps_and_of_a_whole_day() -> None:
    night = Window(from_time="22:00", to_time="06:30", value=Decimal(1))
    day = Window(from_time="00:00", to_time="24:00", value=Decimal(1))
    assert (night.from_minute, night.to_minute) == (1320, 390)
    assert (day.from_minute, day.to_minute) == (0, 1440)


def test_rules_of_every_feed_come_before_those_of_its_own_form() -> None:
    assert NamedFeed.all_rules()[: len(Feed.all_rules())] == Feed.all_rules()
    assert len(NamedFeed.all_rules()) > len(Feed.all_rules())


def test_per_workload_labels_have_defaults() -> None:
    assert PerWorkload() == PerWorkload(namespace_label="namespace", name_label="name")
