"""Reasons, policies and what was known of prices, as a person reads them."""

from wattswitch.pages.amounts import MINUS

FORESIGHT = "perfect foresight"
"""What nobody can pass, with parts of pods; every share of foresight on the page is a share of its profit."""

_BASES = {
    "Curve": "a published price curve",
    "Learned": "the shape of past prices",
    "LastPrice": "the last price alone",
    "": "the price of the moment",
}
_POLICIES = {
    "wattswitch": "Wattswitch",
    "static": "best static split",
    "always-on": "always on",
    "threshold": "price threshold",
    "keda-like": "KEDA-like",
    "foresight": "foresight in whole pods",
}
_RULES = {
    "always-on": "runs all that is in demand and every miner that fits, whatever power costs",
    "static": "splits the watts into shares that never move, the best ones in hindsight",
    "threshold": "runs all that is in demand while the price is below what it earns",
    "ski-rental": "stops and starts when not having done so has cost as much as a switch there and back",
    "keda-like": "has one price for each pool, replicas by demand for each service and KEDA's cooldown, within the "
    "best split in hindsight",
    "foresight": "knows the same and runs whole pods; the best such run that was found",
}

FORESIGHT_RULE = "knows all prices and demand and may run parts of pods, so that nobody can earn more"

CAPTURED_RULE = f"(profit {MINUS} {_POLICIES['static']}) / ({FORESIGHT} {MINUS} {_POLICIES['static']})"

START_COST_RULE = (
    "costPerStart of each pod started, and what it would have earned in its startSeconds where work waited for it"
)


def policy(name: str) -> str:
    """A policy as terminal and page call it; a name that is not ours stays as it is."""
    return _POLICIES.get(name, name)


def rule(name: str) -> str:
    """What a policy does, in a few words; nothing for a name that is not ours."""
    return _RULES.get(name, "")


def basis(word: str) -> str:
    """What a decision knew of the prices ahead, in plain words."""
    return _BASES.get(word, word)
