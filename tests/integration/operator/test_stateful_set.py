"""StatefulSets whose pods start and stop together."""

from integration.operator.hand import until
from integration.operator.site import Site


def test_a_parallel_stateful_set_follows_price_and_limit(site: Site) -> None:
    site.budget(6_000)
    site.stateful_set("miners")
    site.pool("miners", 10, target_kind="StatefulSet")
    until(lambda: site.sizes("StatefulSet"), {"miners": 6})
    until(site.pods, {"miners": 6})
    site.shows(committedWatts=6_000)
    site.change(capWatts=2_000)
    until(lambda: site.sizes("StatefulSet"), {"miners": 2})
    site.shows(committedWatts=2_000)
    site.price(200)
    until(lambda: site.sizes("StatefulSet"), {"miners": 0})
    until(site.pods, {})
    site.shows(committedWatts=0)
    site.price(40)
    until(lambda: site.sizes("StatefulSet"), {"miners": 2})
