"""What is published follows what is asked for, also after failures and restarts."""

from dataclasses import replace

import pytest

from unit.bridges.doubles import NOON, MemoryPublisher
from wattswitch.bridges import Asked, Form, Limit, Reason, Refused
from wattswitch.bridges.desk import FORGET_AFTER_SECONDS, Desk
from wattswitch.errors import ApiUnreachable

ONE = Asked("ers", "1", NOON, 3600.0, Limit(Form.TO_WATTS, 100), announced_at=NOON)


async def settled(publisher: MemoryPublisher, *asked: Asked) -> Desk:
    desk = Desk(publisher, "ers")
    await desk.load()
    for one in asked:
        desk.want(one)
    await desk.settle(NOON)
    return desk


async def test_nothing_is_written_twice() -> None:
    publisher = MemoryPublisher()
    desk = await settled(publisher, ONE)
    desk.want(replace(ONE, announced_at=NOON + 60))
    await desk.settle(NOON)
    assert publisher.log == [f"put {ONE.name}"]
    assert publisher.open == [ONE]


async def test_what_failed_is_tried_again() -> None:
    publisher = MemoryPublisher()
    desk = await settled(publisher)
    publisher.broken = True
    desk.want(ONE)
    with pytest.raises(Refused) as caught:
        await desk.settle(NOON)
    assert (caught.value.reason, desk.settled) == (Reason.NOT_PUBLISHED, False)
    publisher.broken = False
    await desk.settle(NOON)
    assert (publisher.open, desk.settled) == ([ONE], True)


async def test_what_was_published_before_stays_until_it_is_called_off() -> None:
    publisher = MemoryPublisher()
    await settled(publisher, ONE)
    desk = await settled(publisher)
    assert publisher.open == [ONE]
    assert desk.announced_at("1") == NOON
    desk.replace_parts("1", (), NOON)
    await desk.settle(NOON)
    assert publisher.open == []
    assert publisher.log[-1] == "withdraw 1"


async def test_nothing_is_ended_before_it_is_known_what_there_is() -> None:
    publisher = MemoryPublisher(broken=True)
    desk = Desk(publisher, "ers")
    with pytest.raises(Refused):
        await desk.settle(NOON)


async def test_a_part_that_is_gone_ends_and_the_others_stay() -> None:
    publisher = MemoryPublisher()
    parts = [replace(ONE, part=str(place)) for place in range(3)]
    desk = await settled(publisher, *parts)
    desk.replace_parts("1", parts[:2], NOON)
    await desk.settle(NOON)
    assert {asked.part for asked in publisher.open} == {"0", "1"}


async def test_what_is_over_is_not_called_off_and_is_forgotten_later() -> None:
    publisher = MemoryPublisher()
    desk = await settled(publisher, ONE)
    desk.replace_parts("1", (), NOON + 3600)
    await desk.settle(NOON + 3600)
    assert publisher.open == [ONE]
    await desk.settle(NOON + 3601 + FORGET_AFTER_SECONDS)
    assert desk.wanted == ()


async def test_other_programs_are_left_alone() -> None:
    publisher = MemoryPublisher()
    other = replace(ONE, program="other")
    await publisher.put(other)
    desk = await settled(publisher)
    assert desk.wanted == ()


async def test_what_is_in_doubt_is_published_anew_once_and_can_still_be_called_off() -> None:
    publisher = MemoryPublisher()
    desk = await settled(publisher, ONE)
    desk.doubt(ONE.name)
    desk.doubt("unknown")
    assert desk.owes(ONE.name)
    for _ in range(2):
        await desk.settle(NOON)
    assert publisher.log == [f"put {ONE.name}"] * 2
    desk.doubt(ONE.name)
    publisher.broken = True
    with pytest.raises(Refused):
        await desk.settle(NOON)
    desk.replace_parts("1", (), NOON)
    publisher.broken = False
    await desk.settle(NOON)
    assert (publisher.open, desk.settled) == ([], True)


class ForgetfulPublisher(MemoryPublisher):
    """Does what it is asked to, and then the answer is lost on the way."""

    lost = 1

    async def put(self, asked: Asked) -> None:
        await super().put(asked)
        if self.lost:
            self.lost -= 1
            raise ApiUnreachable("lost by the test")


async def test_what_was_written_without_our_knowing_is_called_off_all_the_same() -> None:
    publisher = ForgetfulPublisher()
    desk = Desk(publisher, "ers")
    desk.want(ONE)
    with pytest.raises(Refused):
        await desk.settle(NOON)
    assert publisher.open == [ONE]
    desk.replace_parts("1", (), NOON)
    assert desk.owes(ONE.name)
    await desk.settle(NOON)
    assert (publisher.open, desk.settled, desk.wanted) == ([], True, ())


async def test_what_was_changed_without_our_knowing_is_changed_back() -> None:
    publisher = ForgetfulPublisher()
    publisher.lost = 0
    desk = await settled(publisher, ONE)
    publisher.lost = 1
    desk.want(replace(ONE, limit=Limit(Form.ALL)))
    with pytest.raises(Refused):
        await desk.settle(NOON)
    desk.want(ONE)
    await desk.settle(NOON)
    assert publisher.open == [ONE]


async def test_what_can_not_be_published_is_forgotten_a_day_after_it_is_over() -> None:
    publisher = MemoryPublisher()
    desk = await settled(publisher)
    publisher.broken = True
    desk.want(ONE)
    for at in (NOON, NOON + 3601 + FORGET_AFTER_SECONDS):
        assert desk.wanted == (ONE,)
        with pytest.raises(Refused):
            await desk.settle(at)
    assert (desk.wanted, desk.settled) == ((), True)
