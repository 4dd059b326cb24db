"""Sites from the resources that a cluster takes, and what is told of files that make none."""

import pytest

from unit.simulate.sites import WEST, documents, site_of, written
from wattswitch.planner.model import Kind, Signal, WorthUnit
from wattswitch.simulate.site import SiteError, read_site

HACK = WEST.parents[1] / "hack" / "demo_site"


def test_a_site_has_everything_that_the_operator_would_know():
    site = read_site([WEST])
    assert [w.key for w in site.workloads] == [
        "InferenceDeployment/inference/chat",
        "MiningPool/mining/s19j",
        "MiningPool/mining/s21",
    ]
    chat, s19j, s21 = site.workloads
    assert (chat.kind, chat.it_watts_per_replica, chat.gpus_per_replica, chat.gpu_group) == (
        Kind.INFERENCE,
        1785,
        1,
        "hopper",
    )
    assert (chat.min_replicas, chat.max_replicas, chat.priority, chat.gone_seconds) == (1, 12, 100, 60)
    assert (chat.demand.feed, chat.demand.per_replica) == ("queue", 8.0)
    assert (s21.worth.feed, s21.worth.unit, s21.worth.pool_fee_percent) == ("hashprice", WorthUnit.HASHPRICE, 1.0)
    assert (s21.start_seconds, s21.cost_per_start, s21.gone_seconds) == (120, 0.02, 5)
    assert (s19j.worth.fixed, s19j.worth.unit) == (48.0, WorthUnit.PER_MWH)
    assert (site.limit_watts, site.fixed_watts, site.currency, site.adder_per_mwh) == (98_000, 2000, "USD", 2.5)
    assert site.planner_budget(Signal(1.0)).pue_1e4 == 10_800


def test_several_files_and_objects_that_draw_nothing(tmp_path):
    objects = documents()
    first = written(tmp_path, lambda all_: [all_.pop(key) for key in objects if key.startswith("MiningPool")])
    second = tmp_path / "pools.yaml"
    second.write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: s21, namespace: mining}\nspec: {replicas: 0}\n---\n"
        + WEST.read_text().split("---\n", 3)[3].split("---\n")[0]
    )
    site = read_site([first, second])
    assert [w.name for w in site.workloads] == ["inference/chat", "mining/s21"]
    assert site.notes == ("left out, because they draw nothing by themselves: Deployment s21",)


def test_a_list_as_kubectl_writes_it(tmp_path):
    path = tmp_path / "list.yaml"
    objects = list(documents().values())
    for each in objects:
        each["metadata"]["uid"], each["metadata"]["managedFields"], each["status"] = "u-1", [{"manager": "k"}], {"a": 1}
    path.write_text(str({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}))
    assert len(read_site([path]).workloads) == 3


def _set(kind: str, path: str, value: object):
    def change(objects):
        target = objects[kind]
        *steps, last = path.split(".")
        for step in steps:
            target = target[int(step) if step.isdigit() else step]
        target[int(last) if last.isdigit() else last] = value

    return change


BUDGET, CHAT, S21 = "PowerBudget/west", "InferenceDeployment/chat", "MiningPool/s21"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set(BUDGET, "spec.capWatts", "100000"), "PowerBudget west: spec.capWatts: must be a whole number"),
        (_set(BUDGET, "spec.colour", "red"), "spec.colour: is not a known field"),
        (_set(BUDGET, "spec.overhead.fixedWatts", 99_000), "spec: overhead.fixedWatts must not be above capWatts less"),
        (_set(BUDGET, "spec.gpuGroups", []), "spec: every gpuGroup that hardware names must be in gpuGroups"),
        (_set(BUDGET, "spec.tenants", []), "spec.tenants: admits nobody"),
        (_set(BUDGET, "spec.price.onStale", "Assume"), "spec.price: set assume with onStale Assume"),
        (_set(BUDGET, "spec.price.range.min", "30000"), "spec.price.range: range.min must not be above range.max"),
        (_set(BUDGET, "spec.price.pollSeconds", 900), "spec.price: staleAfterSeconds must be above pollSeconds"),
        (_set(BUDGET, "spec.price.sources.0.unit", "Watts"), "spec.price: sources of a price need a unit of money"),
        (
            _set(BUDGET, "spec.price.sources.0.fixed", {"value": "1"}),
            "spec.price.sources[0]: set exactly one of fixed, schedule, file",
        ),
        (
            _set(BUDGET, "spec.feeds.2.sources.0.unit", "EURPerGPUHour"),
            "spec: price, outlook and feeds must all be in one currency",
        ),
        (_set(BUDGET, "spec.feeds.1.name", "hashprice"), "spec.feeds[1]: Duplicate value 'hashprice'"),
        (_set(S21, "spec.replicas.min", 21), "MiningPool s21: spec.replicas: replicas.min must not be above"),
        (_set(S21, "spec.worth.perMWh", "1"), "spec.worth: set exactly one of worth.feed and worth.perMWh"),
        (_set(S21, "spec.worth", {}), "spec.worth: set exactly one of worth.feed and worth.perMWh"),
        (_set(CHAT, "spec.batch", {}), "InferenceDeployment chat: spec: batch needs serviceClass Batch"),
        (_set(CHAT, "spec.batch", {"deadlineSeconds": 60}), "spec.batch: batch.deadlineSeconds needs batch.workPer"),
        (_set(S21, "spec.worth.feed", "nope"), "spec.worth.feed 'nope' is not a feed of PowerBudget west (known: "),
        (_set(S21, "spec.worth.feed", "queue"), "is a feed in Count, but a hashprice or money per MWh is needed"),
        (_set(S21, "spec.hardware", "s99"), "spec.hardware 's99' is not listed in PowerBudget west"),
        (_set(S21, "spec.hardware", "h100"), "hardware 'h100' has no joulesPerTerahash"),
        (_set(S21, "spec.budget", "east"), "spec.budget: 'east' is not the PowerBudget of this site: use 'west'"),
        (_set(S21, "spec.targetRef.name", "s19j"), "MiningPool/mining/s21 scales this target already"),
        (_set(CHAT, "spec.priority", 101), "spec.priority: 101 is above 100"),
        (_set(CHAT, "spec.demand.feed", "gpu-hour"), "is a feed in USDPerGPUHour, but a Count is needed"),
        (_set("Namespace/mining", "metadata.labels.site", "east"), "namespace mining matches no namespaceSelector"),
        (lambda objects: objects.pop(BUDGET), "there is no PowerBudget: add the file that has it"),
        (lambda objects: objects.update({"b": {**objects[BUDGET], "metadata": {"name": "e"}}}), "several PowerBudgets"),
        (lambda objects: objects.update({"b": {"kind": "MiningPool"}}), "is no object with kind and metadata"),
        (lambda objects: objects.update({"b": objects[S21]}), "MiningPool s21: is there twice"),
    ],
)
def test_a_file_that_the_cluster_would_refuse_names_field_and_remedy(tmp_path, change, told):
    with pytest.raises(SiteError) as error:
        site_of(tmp_path, change)
    assert told in str(error.value)
    assert str(tmp_path / "site.yaml") in str(error.value)


def test_every_problem_is_told_at_once(tmp_path):
    def change(objects):
        _set(S21, "spec.replicas.min", 21)(objects)
        _set(CHAT, "spec.priority", "high")(objects)

    with pytest.raises(SiteError) as error:
        site_of(tmp_path, change)
    assert len(str(error.value).splitlines()) == 2


def test_files_that_are_no_yaml(tmp_path):
    path = tmp_path / "x.yaml"
    with pytest.raises(SiteError, match="does not exist"):
        read_site([path])
    path.write_text("a: [")
    with pytest.raises(SiteError, match="is not YAML"):
        read_site([path])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SiteError, match="can't be read"):
        read_site([path])


def test_placeholders_that_nobody_filled_in_are_told():
    with pytest.raises(SiteError) as error:
        read_site(sorted(HACK.glob("*.yaml")))
    assert '"${PRICE_UNIT}" is not allowed' in str(error.value)


def test_a_paused_workload_is_noted(tmp_path):
    site = site_of(tmp_path, _set(S21, "metadata.annotations", {"wattswitch.io/paused": "true"}))
    assert site.notes == ("MiningPool s21 is paused in its file, and runs here all the same",)


def test_curtailment_in_the_files_is_told_not_to_be_played(tmp_path):
    event = {"apiVersion": "wattswitch.io/v1alpha1", "kind": "CurtailmentEvent", "metadata": {"name": "peak"}}
    site = site_of(tmp_path, lambda objects: objects.update(event=event))
    assert site.notes == ("curtailment is not simulated: the limit is as if there were no CurtailmentEvent peak",)
