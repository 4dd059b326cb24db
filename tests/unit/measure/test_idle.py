from measure.api import Call, counted, writes
from measure.idle import Window, differences, figures

METRICS = """\
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",resource="deployments",\
scope="resource",subresource="scale",verb="PATCH",version="v1"} 7
apiserver_request_total{code="422",component="apiserver",dry_run="",group="apps",resource="deployments",\
scope="resource",subresource="scale",verb="PATCH",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",\
scope="namespace",subresource="",verb="LIST",version="v1"} 1e+03
apiserver_request_total{code="200",component="",dry_run="",group="",resource="",\
scope="",subresource="/readyz",verb="GET",version=""} 5
apiserver_request_terminations_total{resource="pods",verb="LIST"} 3
"""

SCALE = Call("PATCH", "apps", "deployments", "scale")
PODS = Call("LIST", "", "pods", "")
LEASE = Call("PUT", "coordination.k8s.io", "leases", "")
STATUS = Call("PATCH", "wattswitch.io", "miningpools", "status")


def test_counters_are_summed_over_answers() -> None:
    assert counted(METRICS) == {SCALE: 9, PODS: 1000}


def test_only_what_changes_something_is_a_write() -> None:
    assert writes({SCALE: 9, PODS: 1000, LEASE: 0}) == {SCALE: 9}


def test_what_happens_anyway_is_not_the_operators() -> None:
    without = Window({LEASE: 6, PODS: 2, SCALE: 1}, {}, 0.0)
    with_it = Window({LEASE: 30, PODS: 4, STATUS: 3}, {"pools": 2, "pods": 0}, 0.25)
    found = {figure.name: figure for figure in figures(without, with_it)}
    assert {name: figure.value for name, figure in found.items()} == {
        "writes_without_lease": 3,
        "objects_changed": 2,
        "lease_writes": 24,
        "requests": 29,
        "cpu_seconds": 0.25,
        "writes_without_operator": 7,
    }
    assert found["writes_without_lease"].met is False
    assert found["objects_changed"].met is False


def test_the_lease_alone_meets_the_target() -> None:
    found = {figure.name: figure for figure in figures(Window({}, {}, 0.0), Window({LEASE: 30, PODS: 9}, {}, 0.1))}
    assert found["writes_without_lease"].met is True


def test_objects_that_came_went_or_changed_differ() -> None:
    before = {"pods": {"a": "1", "b": "2", "c": "3"}, "pools": {"d": "4"}}
    after = {"pods": {"a": "1", "b": "9", "e": "8"}, "pools": {"d": "4"}}
    assert differences(before, after) == {"pods": 3, "pools": 0}
