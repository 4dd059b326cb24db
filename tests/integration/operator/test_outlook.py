"""The outlook on a real API server: published prices decide and are told; what was learned outlives a stop."""

import json
import time
from typing import Any

from integration.operator.hand import Object, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import AT_ONCE, Site

HOUR = 3600
DEAR_TO_START = AT_ONCE | {"costPerStart": "0.2"}
"""For each start of a pod of 1 kW as much as mining earns in two hours, and keeps in four at a price of 40."""
DAY_AHEAD = "day-ahead"
RETRY_SECONDS = 90
"""After a failure the server is asked again a minute later."""


def hours(*prices: float) -> list[Object]:
    """A price for each hour from this one on."""
    start = int(time.time()) // HOUR * HOUR
    return [{"start": start + n * HOUR, "price": price} for n, price in enumerate(prices)]


def publish(site: Site, published: Any) -> None:
    """Have the server of the day-ahead market say this."""
    site.feeds.say(f"{site.name}/{DAY_AHEAD}", published)


def open_site(site: Site, published: Any, **outlook: Any) -> None:
    """Ten miners of 1 kW, worth 91 and dear to start, under a price of 40 with an outlook."""
    publish(site, published)
    url = site.feeds.url(f"{site.name}/{DAY_AHEAD}")
    http = {"url": url, "path": "value[].price", "timePath": "value[].start"}
    source = {"name": DAY_AHEAD, "unit": "USDPerMWh", "http": http}
    curve = {"pollSeconds": 1, "timeoutSeconds": 1, "sources": [source]} | outlook
    believed = {"min": "-1000", "max": "5000"}
    site.budget(20_000, price_feed={"outlook": curve, "range": believed})
    site.mine("miners", 10, switching=DEAR_TO_START)
    site.becomes(miners=10)


def test_the_prices_ahead_say_whether_a_dear_hour_is_worth_a_stop(site: Site) -> None:
    open_site(site, hours(*[40] * 40))
    site.price(100)
    site.decides_at(100)
    site.shows("MiningPool", "miners", reason="SwitchCost")
    assert site.sizes() == {"miners": 10}, "an hour at a loss costs less than another start"
    publish(site, hours(*[500] * 40))
    site.becomes(miners=0)
    site.price(80)
    site.decides_at(80)
    site.shows("MiningPool", "miners", reason="SwitchCost")
    assert site.sizes() == {"miners": 0}, "a start does not pay before all these dear hours"
    publish(site, hours(*[20] * 40))
    site.price(20)
    site.becomes(miners=10)


def test_the_next_hours_are_told_in_status_condition_and_series(site: Site, operator: OperatorProcess) -> None:
    open_site(site, hours(*[40] * 8, *[900] * 12, *[40] * 20))
    until(lambda: site.status().get("outlook", {}).get("basis"), "Curve")
    outlook = site.status()["outlook"]
    assert outlook["curveSource"] == DAY_AHEAD
    modes = [span["mode"] for span in outlook["spans"]]
    assert (modes[0], "Floor" in modes) == ("Full", True)
    assert outlook["summary"].startswith("Full to ")
    assert site.condition("OutlookFresh") == ("True", "Fresh")
    watts = operator.series("wattswitch_outlook_watts", budget=site.name)
    assert sorted(watts) == [(f"{hour:02}",) for hour in range(24)]
    now = int(time.time()) // HOUR % 24
    assert watts[(f"{now:02}",)] > 9_000
    assert watts[(f"{(now + 14) % 24:02}",)] < 1_000
    assert operator.series("wattswitch_outlook_basis", budget=site.name) == {("Curve",): 1.0}
    assert operator.series("wattswitch_feed_fresh", budget=site.name, feed="outlook") == {(): 1.0}
    assert operator.series("wattswitch_outlook_curve_seconds", budget=site.name)[()] > 38 * HOUR


def test_a_curve_that_lies_ends_or_hangs_is_named_and_moves_nothing(site: Site) -> None:
    open_site(site, hours(*[40] * 40), staleAfterSeconds=4)
    before = site.sizes()
    publish(site, hours(40, 41_000))
    until(lambda: site.condition("OutlookFresh"), ("False", "OutOfRange"))
    publish(site, hours(*[40] * 40))
    until(lambda: site.condition("OutlookFresh"), ("True", "Fresh"), RETRY_SECONDS)
    tomorrow = [each | {"start": each["start"] + 24 * HOUR} for each in hours(40, 41)]
    publish(site, tomorrow)
    until(lambda: site.condition("OutlookFresh"), ("False", "NowNotCovered"))
    site.feeds.hang(f"{site.name}/{DAY_AHEAD}")
    until(lambda: site.condition("OutlookFresh")[1], "TimedOut")
    assert site.sizes() == before
    assert site.condition("Ready")[0] == "True"
    assert ("Warning", "NowNotCovered") in {event[:2] for event in site.events("PowerBudget", site.name)}


def test_what_was_learned_outlives_a_stop_and_is_learned_on(site: Site, operator: OperatorProcess) -> None:
    path = f"{site.name}/aged"
    site.feeds.say(path, 38, age_seconds=800)
    http = {"url": site.feeds.url(path), "path": "value", "timePath": "time"}
    site.budget(20_000, price_feed={"sources": [{"name": "aged", "unit": "USDPerMWh", "http": http}]})
    site.mine("miners", 10)
    for price, age in ((38, 800), (39, 400), (40, 0)):
        site.feeds.say(path, price, age_seconds=age)
        site.decides_at(price)
    site.becomes(miners=10)
    assert operator.stop() == 0
    kept = site.status()["priceModel"]
    assert (kept["currency"], json.loads(kept["learned"])["samples"]) == ("USD", 3)
    operator.start()
    operator.await_leading()
    site.change(capWatts=15_000)
    site.shows(limitWatts=15_000)
    assert site.status()["priceModel"] == kept
    stop_and_spoil(site, operator)
    operator.start()
    operator.await_leading()
    site.change(capWatts=16_000)
    site.shows(limitWatts=16_000)
    assert site.condition("Ready") == ("True", "Deciding")


def stop_and_spoil(site: Site, operator: OperatorProcess) -> None:
    """Stop the operator and write nonsense where it keeps what it learned."""
    assert operator.stop() == 0
    where = f"/apis/wattswitch.io/v1alpha1/powerbudgets/{site.name}/status"
    spoilt = {"status": {"priceModel": {"currency": "USD", "learned": "{}"}}}
    site.hand.send("PATCH", where, spoilt, "application/merge-patch+json")
