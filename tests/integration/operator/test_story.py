"""What a person reads: `kubectl get` and `kubectl describe` tell the story without -o yaml, held in golden files.

After an intended change: WATTSWITCH_GOLDEN=write hack/test tests/integration/operator/test_story.py
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.operator.fake_feeds import FakeFeeds
from integration.operator.hand import POLL_SECONDS, Hand, until
from integration.operator.operator_process import OperatorProcess
from integration.operator.site import AT_ONCE, H100, MINER, Site
from local.cluster import Cluster, Kubectl

GOLDEN = Path(__file__).parent / "golden"
SETTLE_SECONDS = 20.0
AN_HOUR_ON, AN_HOUR_OFF = AT_ONCE | {"minRunSeconds": 3600}, AT_ONCE | {"minOffSeconds": 3600}

POOLS = {
    "story-west": {
        "all-run": "AtMaximum",
        "too-dear": "PriceAboveStrike",
        "cut": "PowerLimit",
        "just-on": "MinRun",
        "just-off": "MinOff",
        "paused": "Paused",
        "no-target": "TargetMissing",
        "claimed": "TargetClaimed",
        "abacus": "HardwareUnknown",
        "loud": "PriorityNotAllowed",
        "no-price": "WorthStale",
    },
    "story-tight": {"first": "AtMaximum", "second": "FloorUnmet"},
    "story-dark": {"held": "PriceStale"},
    "story-slow": {"ramped": "RampUp"},
    "story-advice": {"would": "AtMaximum", "lost": "BudgetMissing"},
    "story-wait": {"waits": "WaitingForWatts", "dying": "PriceAboveStrike"},
}
SERVICES = {"chat": "DemandMet", "batch": "GPULimit", "blind": "DemandStale", "wide": "GPUCountMismatch"}


@pytest.fixture(scope="module")
def story(_prepared_cluster: Cluster, _operator: OperatorProcess, feeds: FakeFeeds) -> Iterator[None]:
    """Sites under names of their own in every state that can be held still, as far as their statuses show."""
    with Hand(_prepared_cluster.server, _prepared_cluster.token, _prepared_cluster.ca_file) as hand:
        sites = {name: Site(_prepared_cluster, hand, feeds, name) for name in POOLS}
        _open_west(sites["story-west"])
        _open_services(sites["story-west"])
        _open_others(sites)
        for name, pools in POOLS.items():
            for pool, reason in pools.items():
                sites[name].shows("MiningPool", pool, reason=reason)
        for service, reason in SERVICES.items():
            sites["story-west"].shows("InferenceDeployment", service, reason=reason)
        yield
        for site in sites.values():
            site.close()


def _open_west(site: Site) -> None:
    feeds = [
        site.named_feed("on", 50, "USDPerMWh"),
        site.named_feed("off", 50, "USDPerMWh"),
        site.named_feed("broken", "NaN", "USDPerMWh"),
        site.named_feed("requests", 4, "Count"),
        site.named_feed("silence", None, "Count"),
    ]
    groups = [{"name": "hopper", "gpus": 6}]
    hardware = [MINER, H100 | {"gpuGroup": "hopper"}, {"name": "t4", "watts": 70, "gpus": 1}]
    overhead = {"fixedWatts": 2000, "pue": "1.1"}
    site.budget(40_000, hardware=hardware, gpuGroups=groups, feeds=feeds, overhead=overhead, reservePercent=5)
    site.mine("all-run", 4)
    site.mine("too-dear", worth={"perMWh": "30"})
    site.mine("just-on", 2, worth={"feed": "on"}, switching=AN_HOUR_ON)
    site.mine("just-off", 2, worth={"feed": "off"}, switching=AN_HOUR_OFF)
    until(lambda: (site.sizes()["just-on"], site.sizes()["just-off"]), (2, 2))
    site.feeds.say(f"{site.name}/on", 30)
    site.feeds.say(f"{site.name}/off", 30)
    until(lambda: site.sizes()["just-off"], 0)
    site.feeds.say(f"{site.name}/off", 50)
    site.deployment("paused", 2)
    site.pool("paused", annotations={"wattswitch.io/paused": "true"})
    site.pool("no-target")
    site.pool("claimed", target="all-run")
    site.mine("abacus", hardware="abacus")
    site.mine("loud", priority=101)
    site.mine("no-price", worth={"feed": "broken"})


def _open_services(site: Site) -> None:
    for name in ("chat", "batch", "blind"):
        site.deployment(name, gpus=1)
    site.deployment("wide", gpus=2)
    site.service("chat", demand={"feed": "requests", "perReplica": "1"})
    site.service("batch", priority=50, serviceClass="Batch")
    site.service("blind", least=1, hardware="t4", demand={"feed": "silence", "perReplica": "1"})
    site.service("wide")
    site.mine("cut", 50, worth={"perMWh": "45"})


def _open_others(sites: dict[str, Site]) -> None:
    sites["story-tight"].budget(7_000)
    sites["story-tight"].mine("first", 5, least=5, priority=10)
    sites["story-tight"].mine("second", 5, least=5)
    sites["story-dark"].budget(10_000, price="NaN")
    sites["story-dark"].mine("held", 10, least=1, replicas=3)
    sites["story-slow"].budget(10_000, rampUpWattsPerMinute=10)
    sites["story-slow"].mine("ramped")
    sites["story-advice"].budget(10_000, mode="Advise")
    sites["story-advice"].mine("would", 8)
    sites["story-advice"].mine("lost", budget="nowhere")
    waiting = sites["story-wait"]
    waiting.budget(3_000)
    waiting.mine("dying", 3, worth={"perMWh": "50"}, gone_after="600s")
    waiting.becomes(dying=3)
    waiting.price(60)
    until(waiting.sizes, {"dying": 0})
    waiting.mine("waits", 3)


def test_get_shows_every_reason_in_its_columns(story: None, kubectl: Kubectl, tmp_path: Path) -> None:
    cache = f"--cache-dir={tmp_path}"  # kubectl may have looked before there was such a category
    _holds("get.txt", lambda: _story_lines(kubectl("get", "wattswitch", "-A", cache)))
    named = _story_lines(kubectl("get", "powerbudgets,miningpools,inferencedeployments", "-A", cache))
    assert _rows(named) == _rows((GOLDEN / "get.txt").read_text())


def test_wide_columns_name_the_budget_of_a_service(story: None, kubectl: Kubectl) -> None:
    _holds("services-wide.txt", lambda: _story_lines(kubectl("get", "inferencedeployments", "-A", "-o", "wide")))


@pytest.mark.parametrize("name", ["cut", "loud", "just-on", "no-target"])
def test_describe_says_why_a_pool_has_its_size(story: None, kubectl: Kubectl, name: str) -> None:
    _holds(f"pool-{name}.txt", lambda: _described(kubectl("describe", "miningpool", name, "-n", "story-west")))


@pytest.mark.parametrize("name", ["story-tight", "story-dark", "story-advice"])
def test_describe_says_how_a_budget_fares(story: None, kubectl: Kubectl, name: str) -> None:
    _holds(f"budget-{name}.txt", lambda: _described(kubectl("describe", "powerbudget", name)))


def test_every_move_is_told_in_an_event(story: None, kubectl: Kubectl) -> None:
    found = kubectl("get", "events", "-n", "story-west", "--field-selector=involvedObject.name=just-off")
    assert "Raised" in found
    assert "Lowered" in found
    assert "Deployment just-off 2 → 0" in found


def _holds(file: str, read: Callable[[], str]) -> None:
    """Compare with a golden file, giving statuses the time to come to rest."""
    golden = GOLDEN / file
    if os.environ.get("WATTSWITCH_GOLDEN") == "write":
        time.sleep(3)
        golden.write_text(read())
    deadline = time.monotonic() + SETTLE_SECONDS
    while read() != golden.read_text() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    assert read() == golden.read_text()


def _story_lines(table: str) -> str:
    """The lines of these sites with their headers: a dash for an empty cell, ages masked, two blanks between cells."""
    told, starts = "", [0]
    for line in table.splitlines():
        if re.match(r"NAME(SPACE)?\b", line):
            starts = [found.start() for found in re.finditer(r"\S+", line)]
        elif "story-" not in line:
            continue
        cells = [line[start:end].strip() or "-" for start, end in zip(starts, [*starts[1:], None], strict=True)]
        told += "  ".join(cells if cells[-1] == "AGE" else [*cells[:-1], "AGE"]) + "\n"
    return told


def _rows(told: str) -> set[str]:
    """The lines that are no headers, without the empty namespace of what has none."""
    return {line.removeprefix("-  ") for line in told.splitlines() if "story-" in line}


def _described(text: str) -> str:
    """Status and Events: what differs from run to run masked, books and lessons left out, Events of conditions."""
    _, _, told = text.partition("\nStatus:\n")
    status, _, events = told.partition("Events:")
    status = re.sub(r"(?m)^  (Targets|Price Model):\n(    .*\n)+", "", status)
    status = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", status)
    status = re.sub(r"\b\d\d:\d\dZ", "CLOCK", status)
    aged = re.sub(r"\S+( \(x\d+ over \S+\))? +wattswitch", "AGE wattswitch", events)
    warnings = sorted(" ".join(line.split()) for line in aged.splitlines() if "Warning" in line)
    return "Status:\n" + _trimmed(status) + "Events:\n" + "".join(f"  {line}\n" for line in warnings)


def _trimmed(text: str) -> str:
    """Without blanks at the ends of lines, and with one between name and value."""
    return "".join(re.sub(r"(:) {2,}", r"\1 ", line.rstrip()) + "\n" for line in text.splitlines())
