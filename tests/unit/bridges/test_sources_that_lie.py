"""An event source that is dead, late, repeats or contradicts itself, mixes up its order or lies never raises power.

Here are the signed messages and what the operator makes of a number that a bridge no longer serves well; what MQTT and
OpenADR do is told beside each of them.
"""

import json
from typing import Any

import pytest

from unit.bridges.doubles import NOON
from unit.bridges.test_webhook import EVENT, Peer, peer
from unit.engine.site_objects import NOW, Stage, pool_raw, reading, target_raw
from wattswitch.bridges import Form, Limit
from wattswitch.feeds import Reading

__all__ = ["peer"]

HELD = Limit(Form.TO_WATTS, 150_000)
MORE = {**EVENT, "limit": {"toWatts": 900_000}}
LIES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "late": (MORE, {"at": NOON - 301}, "TooOld"),
    "from the future": (MORE, {"at": NOON + 400}, "FromFuture"),
    "reordered": (MORE, {"at": NOON - 10}, "Reordered"),
    "repeated": (EVENT, {"at": NOON}, "Replayed"),
    "contradicting": (MORE, {"at": NOON}, "Contradicting"),
    "of another hand": (MORE, {"at": NOON + 20, "secret": b"guess"}, "SignatureWrong"),
    "of another program": ({**MORE, "program": "other"}, {"at": NOON + 20}, "WrongProgram"),
    "no number": (json.dumps(MORE).replace("900000", "NaN").encode(), {"at": NOON + 20}, "NotJSON"),
    "infinite": (json.dumps(MORE).replace("900000", "1e400").encode(), {"at": NOON + 20}, "Unreadable"),
    "negative": ({**EVENT, "limit": {"toWatts": -1}}, {"at": NOON + 20}, "Unreadable"),
    "no time": ({**MORE, "start": "soon"}, {"at": NOON + 20}, "TimeUnreadable"),
    "no limit": ({"reference": "another"}, {"at": NOON + 20}, "ValueMissing"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_no_message_that_lies_raises_what_is_asked_for(peer: Peer, lie: str) -> None:
    body, how, reason = LIES[lie]
    await peer.post(EVENT)
    peer.clock.at = NOON + 20
    _, answer = await peer.post(body, **how)
    assert answer["reason"] == reason
    assert [each.limit for each in peer.publisher.open] == [HELD]


def test_each_kind_of_lie_has_a_reason_of_its_own() -> None:
    by_order = [LIES[lie][2] for lie in ("late", "from the future", "reordered", "repeated", "contradicting")]
    assert len(set(by_order)) == len(by_order)


@pytest.mark.parametrize(
    "number",
    [
        *(reading(90_000.0, problem) for problem in ("TooOld", "FromFuture", "Unreachable", "NotJSON", "OutOfRange")),
        Reading(None, 0.0, 0.0, "", "NoReading"),
    ],
    ids=lambda number: number.problem,
)
def test_a_number_that_is_lost_leaves_the_failsafe_and_every_event_as_they_are(number: Reading) -> None:
    source = {"name": "bridge", "unit": "Watts", "fixed": {"value": "0"}}
    site = Stage(pool_raw(), target_raw(replicas=4), gridLimit={"failsafeWatts": 9_000, "sources": [source]})
    site.feeds.readings["gridLimit"] = reading(60_000.0, at=NOW)
    assert site.state().budget.limit_watts == 60_000
    site.feeds.readings["gridLimit"] = number
    assert site.state(NOW + 1).budget.limit_watts == 9_000
    assert site.site.grid.now.limited_by == "the failsafe of gridLimit"
