"""Other hands on a target: seen, named, taken back; an annotation that keeps the operator's own hand off."""

from integration.operator.hand import until
from integration.operator.site import Site


def test_a_size_that_another_hand_raised_is_named_and_taken_back(site: Site) -> None:
    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    with site.witness(miners=1000) as witness:
        site.set_size("miners", 25, "stranger")
        site.becomes(miners=10)
        assert [size for _, size in witness.sizes_written(site.hand, "miners")] == [10, 25, 10]
        assert witness.violations(site.hand)[0].startswith("miners 10 → 25 makes 25000 W of 10000 W")
        until(lambda: "True" in witness.conditions(site.hand, "miners", "ForeignScale"), True)
    until(lambda: [each for each in site.events("MiningPool", "miners") if "stranger" in each[2]], bool)
    (told,) = [each for each in site.events("MiningPool", "miners") if "stranger" in each[2]]
    assert told[0] == "Warning"
    assert "from 10 to 25" in told[2]


def test_a_size_that_another_hand_lowered_is_brought_back(site: Site) -> None:
    site.budget(10_000)
    site.mine("miners", 10)
    site.becomes(miners=10)
    site.set_size("miners", 3, "stranger")
    until(lambda: [each for each in site.events("MiningPool", "miners") if "stranger" in each[2]], bool)
    site.becomes(miners=10)


def test_what_another_hand_adds_is_counted_at_once(site: Site) -> None:
    """In Advise mode nothing takes it back, so that it stays to be seen."""
    site.budget(10_000, mode="Advise")
    site.mine("miners", 10, replicas=10)
    site.shows(committedWatts=10_000)
    site.set_size("miners", 14, "stranger")
    site.shows(committedWatts=14_000)
    until(lambda: site.condition("WithinLimit"), ("False", "Over"))


def test_a_paused_pool_is_not_moved_by_price_but_by_the_limit_until_the_annotation_goes(site: Site) -> None:
    site.budget(20_000)
    site.mine("paused", 10)
    site.mine("other", 10)
    site.becomes(paused=10, other=10)
    annotate(site, "true")
    until(lambda: site.condition("Paused", "MiningPool", "paused")[0], "True")
    site.price(200)
    site.becomes(paused=10, other=0)
    assert site.status("MiningPool", "paused")["reason"] == "Paused"
    site.change(capWatts=6_000)
    site.becomes(paused=6, other=0)
    site.change(capWatts=20_000)
    site.price(40)
    site.becomes(paused=6, other=10)
    annotate(site, None)
    until(lambda: site.condition("Paused", "MiningPool", "paused")[0], "False")
    site.becomes(paused=10, other=10)


def annotate(site: Site, value: str | None) -> None:
    """Set or remove the annotation that pauses."""
    change = {"metadata": {"annotations": {"wattswitch.io/paused": value}}}
    site.hand.patch("MiningPool", site.namespace, "paused", change)
