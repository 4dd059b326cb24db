"""A kind is known wherever kinds are listed: none is forgotten by the store, the paths or the watches."""

import pytest

from wattswitch.api.base import GROUP, VERSION, Resource
from wattswitch.api.crd import KINDS
from wattswitch.api.ledger import PowerLedger
from wattswitch.cluster import VIEWED_KINDS, paths
from wattswitch.engine.handlers import WATCHED


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_viewed_and_has_its_path(kind: type[Resource]) -> None:
    names = kind.names
    assert kind.__name__ in VIEWED_KINDS
    assert paths.collection(kind.__name__) == f"/apis/{GROUP}/{VERSION}/{names.plural}"
    assert paths.RESOURCES[kind.__name__].namespaced == (names.scope == "Namespaced")


def test_every_kind_is_watched_but_the_ledger_which_nobody_else_writes() -> None:
    own = {plural for group, _, plural in WATCHED if group == GROUP}
    assert own == {kind.names.plural for kind in KINDS} - {PowerLedger.names.plural}
