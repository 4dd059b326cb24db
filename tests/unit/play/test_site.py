"""The sample site and how its durations become those of a fast day."""

import copy
from typing import Any

import pytest

from play import site
from play.site import Filling, hastened, unit_of

FILLING = Filling("http://127.0.0.1:1", per_replica=(("chat", 1234.5678), ("summaries", 8.0)))


def budget() -> dict[str, Any]:
    feed = {"staleAfterSeconds": 900, "timeoutSeconds": 3, "sources": []}
    return {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "PowerBudget",
        "spec": {
            "capWatts": 400000,
            "rampUpWattsPerMinute": 1000,
            "hardware": [{"name": "s21", "watts": 3500, "stopSeconds": 5}],
            "price": dict(feed),
            "meter": dict(feed) | {"pollSeconds": 15},
            "feeds": [dict(feed) | {"staleAfterSeconds": 36000}],
        },
    }


def test_a_budget_keeps_watts_and_stop_times_and_hurries_the_rest() -> None:
    spec = hastened(budget(), 480)["spec"]
    assert spec["capWatts"] == 400000
    assert spec["hardware"] == [{"name": "s21", "watts": 3500, "stopSeconds": 5}]
    assert spec["rampUpWattsPerMinute"] == 480000
    assert spec["price"]["staleAfterSeconds"] == 5  # 900/480 would be 2: too short for a poll a second
    assert spec["feeds"][0]["staleAfterSeconds"] == 75
    assert [feed["pollSeconds"] for feed in (spec["price"], spec["meter"], *spec["feeds"])] == [1, 1, 1]
    assert spec["price"]["timeoutSeconds"] == 3


@pytest.mark.parametrize(
    ("real", "speed", "played"), [(600, 480, 2), (480, 480, 1), (60, 480, 1), (0, 480, 0), (7, 2, 4)]
)
def test_durations_are_divided_and_rounded_up(real: int, speed: float, played: int) -> None:
    pool = {"apiVersion": "wattswitch.io/v1alpha1", "spec": {"switching": {"minRunSeconds": real}}}
    assert hastened(pool, speed)["spec"]["switching"]["minRunSeconds"] == played


def test_the_template_itself_stays_as_it_is() -> None:
    original = budget()
    kept = copy.deepcopy(original)
    hastened(original, 480)
    assert original == kept


def test_other_peoples_kinds_are_not_touched() -> None:
    deployment = {"apiVersion": "apps/v1", "spec": {"progressDeadlineSeconds": 600}}
    assert hastened(deployment, 480) == deployment


def test_the_sample_site_is_three_pools_and_two_services_applied_before_what_controls_them() -> None:
    kinds = [manifest["kind"] for manifest in site.load(FILLING)]
    assert kinds.count("MiningPool") == 3
    assert kinds.count("InferenceDeployment") == 2
    assert kinds == sorted(kinds, key=kinds.index)
    assert kinds.index("Deployment") < kinds.index("PowerBudget") < kinds.index("MiningPool")


def test_no_deployment_of_the_sample_site_starts_with_pods_or_surges() -> None:
    for manifest in site.load(FILLING):
        if manifest["kind"] == "Deployment":
            assert manifest["spec"]["replicas"] == 0
            assert manifest["spec"]["strategy"] == {"type": "Recreate"}


def test_what_the_templates_leave_open_is_filled_in() -> None:
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in site.load(FILLING)}
    price = manifests["PowerBudget", "west-texas"]["spec"]["price"]["sources"][0]
    assert price["http"]["url"] == "http://127.0.0.1:1/price"
    assert price["unit"] == "USDPerMWh"
    chat = manifests["InferenceDeployment", "chat"]["spec"]
    assert chat["demand"]["perReplica"] == "1234.5678"


def test_the_sample_sites_longest_dwell_is_that_of_its_miners() -> None:
    manifests = [hastened(manifest, 480) for manifest in site.load(FILLING)]
    assert site.longest_dwell_seconds(manifests) == 2


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("hb_west_price_usd_per_mwh", "USDPerMWh"),
        ("price_eur_per_mwh", "EURPerMWh"),
        ("price_aud_per_mwh", "AUDPerMWh"),
        ("price_gbp_per_kwh", "GBPPerKWh"),
        ("price", "USDPerMWh"),
    ],
)
def test_the_unit_is_told_by_the_columns_name(column: str, unit: str) -> None:
    assert unit_of(column) == unit
