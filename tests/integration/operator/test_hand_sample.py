"""The worked example of the design on a real cluster: each price leads to exactly these replicas."""

from integration.operator.site import AT_ONCE, Site

HARDWARE = [
    {"name": "s23", "watts": 10000, "joulesPerTerahash": "9.5", "stopSeconds": 1},
    {"name": "s21", "watts": 3500, "joulesPerTerahash": "17.5", "stopSeconds": 1},
    {"name": "s19j", "watts": 3050, "joulesPerTerahash": "30.5", "stopSeconds": 1},
    {"name": "h100", "watts": 1275, "gpus": 1, "stopSeconds": 1},
]
MACHINES = {"s23": 4, "s21": 10, "s19j": 10}
EXPECTED = {
    40: {"chat": 5, "s23": 4, "s21": 10, "s19j": 5},
    60: {"chat": 5, "s23": 4, "s21": 10, "s19j": 0},
    100: {"chat": 5, "s23": 4, "s21": 0, "s19j": 0},
    200: {"chat": 5, "s23": 0, "s21": 0, "s19j": 0},
    1400: {"chat": 2, "s23": 0, "s21": 0, "s19j": 0},
}


def open_sample(site: Site) -> None:
    """Cap 100 kW; inference worth 1,317 per MWh with 5 wanted and a floor of 2, miners at 38.2 per PH and day."""
    feeds = [
        site.named_feed("hashprice", "38.2", "USDPerPHPerDay"),
        site.named_feed("requests", 5, "Count"),
    ]
    site.budget(100_000, price=40, hardware=HARDWARE, feeds=feeds)
    site.deployment("chat", gpus=1)
    demand = {"feed": "requests", "perReplica": "1"}
    site.service("chat", most=8, least=2, wattsPerReplica=1785, demand=demand)
    for name, machines in MACHINES.items():
        site.mine(name, machines, hardware=name, worth={"feed": "hashprice"}, switching=AT_ONCE)


def test_each_price_leads_to_exactly_the_replicas_worked_out_by_hand(site: Site) -> None:
    open_sample(site)
    for price in (40, 60, 100, 200, 1400, 40):
        site.price(price)
        site.decides_at(price)
        site.becomes(**EXPECTED[price])
        watts = {"chat": 1785, "s23": 10000, "s21": 3500, "s19j": 3050}
        drawn = sum(size * watts[name] for name, size in EXPECTED[price].items())
        site.shows(committedWatts=drawn)
    site.price(60)
    site.becomes(**EXPECTED[60])
    site.change(capWatts=50_000)
    site.becomes(chat=5, s23=4, s21=0, s19j=0)
    site.shows("MiningPool", "s21", replicasText="0/10", reason="PowerLimit")
