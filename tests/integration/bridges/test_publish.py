"""A webhook bridge as a process against a real API server, with the rights of docs/bridges.md and no others."""

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cluster import Cluster
from unit.bridges.bridge_process import SECRET, Bridge
from unit.bridges.samples import COMMANDS, sample, written
from wattswitch.bridges.asked import name_of
from wattswitch.bridges.event_object import BRIDGE_LABEL, CANCELLED_AT, label_of

PATIENCE_SECONDS = 20.0
ACCOUNT = ("default", "bridge")


@pytest.fixture
def kubeconfig(cluster: Cluster, crds: None, tmp_path: Path) -> Path:
    """Credentials of a service account that has the role of the page."""
    namespace, name = ACCOUNT
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": sample("role.yaml")["metadata"]["name"]},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": sample("role.yaml")["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}
    cluster.kubectl("apply", "-f", "-", given=yaml.safe_dump_all([account, sample("role.yaml"), binding]))
    token = cluster.kubectl("create", "token", name, "-n", namespace).strip()
    file = tmp_path / "kubeconfig"
    cluster.write_kubeconfig(file, token)
    return file


def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.2)


@dataclass
class Site:
    """A bridge on a budget and a program of the test's own."""

    cluster: Cluster
    kubeconfig: Path
    folder: Path
    program: str
    budget: str
    bridge: Bridge | None = None

    def start(self) -> Bridge:
        """Start the bridge, killing the one that runs."""
        if self.bridge is not None:
            self.bridge.kill()
        (self.folder / "secret").write_text(SECRET)
        config = written(self.folder, "webhook", program=self.program, secretFiles=[str(self.folder / "secret")])
        cluster = ("--kubeconfig", str(self.kubeconfig))
        self.bridge = Bridge(self.folder, "webhook", "--config", str(config), "--budget", self.budget, *cluster)
        self.bridge.await_up()
        return self.bridge

    def events(self) -> list[dict[str, Any]]:
        """What is in the cluster of this program."""
        selector = f"{BRIDGE_LABEL}={label_of(self.program)}"
        found = self.cluster.kubectl("get", "curt", "-l", selector, "-o", "json")
        return list(json.loads(found)["items"])

    def event(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.events()
        return found


@pytest.fixture
def site(cluster: Cluster, kubeconfig: Path, tmp_path: Path) -> Iterator[Site]:
    suffix = secrets.token_hex(4)
    opened = Site(cluster, kubeconfig, tmp_path, f"program-{suffix}", f"budget-{suffix}")
    yield opened
    if opened.bridge is not None:
        opened.bridge.kill()
    cluster.kubectl("delete", "curt", "-l", f"{BRIDGE_LABEL}={label_of(opened.program)}")


EVENT = {"reference": "1", "durationSeconds": 3600, "limit": {"toWatts": 150_000, "urgency": "Emergency"}}


def test_a_message_becomes_one_event_that_is_changed_and_called_off(site: Site) -> None:
    bridge = site.start()
    status, answer = bridge.post(EVENT)
    made = site.event()
    assert (status, answer["name"]) == (202, made["metadata"]["name"])
    assert made["spec"] == {
        "budget": site.budget,
        "start": made["spec"]["start"],
        "durationSeconds": 3600,
        "limit": {"toWatts": 150_000},
        "urgency": "Emergency",
        "source": {"program": site.program, "reference": "1"},
        "cancelled": False,
    }
    version = made["metadata"]["resourceVersion"]
    assert bridge.post(EVENT)[1]["repeated"] is True
    assert site.event()["metadata"]["resourceVersion"] == version, "a repeat writes nothing"
    assert bridge.post({**EVENT, "limit": {"toPercent": 25}})[0] == 202
    changed = site.event()
    assert (changed["metadata"]["uid"], changed["spec"]["limit"]) == (made["metadata"]["uid"], {"toPercent": "25"})
    assert bridge.post({"reference": "1", "cancelled": True})[0] == 202
    cancelled = site.event()
    assert (cancelled["metadata"]["uid"], cancelled["spec"]["cancelled"]) == (made["metadata"]["uid"], True)
    assert cancelled["spec"]["limit"] == {"toPercent": "25"}
    assert bridge.ask("GET", "/readyz") == (200, "ok")


def test_a_bridge_that_is_killed_goes_on_and_doubles_nothing(site: Site) -> None:
    bridge = site.start()
    for reference in ("1", "2"):
        assert bridge.post({**EVENT, "reference": reference})[0] == 202
    before = {raw["metadata"]["uid"]: raw["metadata"]["resourceVersion"] for raw in site.events()}
    again = site.start()
    for reference in ("1", "2"):
        status, answer = again.post({**EVENT, "reference": reference})
        assert (status, answer["repeated"]) == (202, True)
    assert {raw["metadata"]["uid"]: raw["metadata"]["resourceVersion"] for raw in site.events()} == before
    assert again.post({"reference": "2", "cancelled": True})[0] == 202
    last = site.start()
    assert last.post({"reference": "1", "cancelled": True})[0] == 202
    assert [raw["spec"]["cancelled"] for raw in site.events()] == [True, True]
    assert {raw["metadata"]["uid"] for raw in site.events()} == before.keys()
    assert last.stop() == 0
    assert len(site.events()) == 2, "what ends is the bridge, not the events"


def test_what_the_peer_says_again_is_written_again_after_another_hand(site: Site) -> None:
    bridge = site.start()
    name = bridge.post(EVENT)[1]["name"]
    spec = site.event()["spec"]
    for hand in (
        ("delete", "curt", name),
        ("patch", "curt", name, "--type=merge", "-p", '{"spec": {"cancelled": true, "limit": {"toWatts": 400000}}}'),
    ):
        site.cluster.kubectl(*hand)
        assert bridge.post(EVENT)[0] == 202
        assert site.event()["spec"] == spec


def test_a_namesake_of_another_hand_is_refused_and_left_alone(site: Site) -> None:
    name = name_of(site.program, "1")
    namesake = {
        "apiVersion": "wattswitch.io/v1alpha1",
        "kind": "CurtailmentEvent",
        "metadata": {"name": name},
        "spec": {"budget": site.budget, "limit": {"toWatts": 5}},
    }
    site.cluster.kubectl("create", "-f", "-", given=json.dumps(namesake))
    try:
        bridge = site.start()
        before = site.cluster.kubectl("get", "curt", name, "-o", "json")
        status, answer = bridge.post(EVENT)
        assert (status, answer["reason"]) == (503, "NotPublished")
        assert f"CurtailmentEvent {name} exists and was not made by this bridge: delete it" in bridge.log
        assert bridge.post({**EVENT, "reference": "2"})[0] == 202, "it holds up no other"
        assert site.event()["spec"]["source"]["reference"] == "2"
        until(lambda: bridge.ask("GET", "/readyz")[0] == 503)
        assert site.cluster.kubectl("get", "curt", name, "-o", "json") == before
    finally:
        site.cluster.kubectl("delete", "curt", name)
    until(lambda: len(site.events()) == 2)
    until(lambda: bridge.ask("GET", "/readyz")[0] == 200)


def test_what_has_been_over_for_a_day_is_deleted_at_the_start(site: Site) -> None:
    bridge = site.start()
    for reference, start in (("old", "2026-01-01T00:00:00Z"), ("new", None)):
        message = EVENT | {"reference": reference} | ({} if start is None else {"start": start})
        assert bridge.post(message)[0] == 202
    assert bridge.post({**EVENT, "reference": "cancelled", "durationSeconds": None})[0] == 202
    assert bridge.post({"reference": "cancelled", "cancelled": True})[0] == 202
    name = name_of(site.program, "cancelled")
    assert (
        CANCELLED_AT in next(raw for raw in site.events() if raw["metadata"]["name"] == name)["metadata"]["annotations"]
    )
    assert len(site.events()) == 3
    site.cluster.kubectl("annotate", "curt", name, "--overwrite", f"{CANCELLED_AT}={time.time() - 90_000}")
    site.start()
    until(lambda: len(site.events()) == 1)
    assert site.event()["spec"]["source"]["reference"] == "new"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_commands_of_the_page_send_its_message(site: Site) -> None:
    bridge = site.start()
    (command,) = [block for block in COMMANDS if "curl" in block]
    for ours, theirs in ((str(site.folder / "secret"), "/etc/webhook/secret"), (f":{bridge.port}/", ":8081/")):
        assert theirs in command
        command = command.replace(theirs, ours)
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["name"] == site.event()["metadata"]["name"]
    expected = sample("event.yaml")["spec"] | {"budget": site.budget}
    expected["source"]["program"] = site.program
    assert site.event()["spec"] == expected


def test_the_role_of_the_page_allows_nothing_else(site: Site) -> None:
    allowed = site.cluster.kubectl(
        "auth", "can-i", "--list", f"--as=system:serviceaccount:{':'.join(ACCOUNT)}", "--no-headers"
    )
    ours = [line.split()[0] for line in allowed.splitlines() if "wattswitch.io" in line]
    assert sorted(ours) == ["curtailmentevents.wattswitch.io", "powerbudgets.wattswitch.io"]
    assert not [line for line in allowed.splitlines() if line.startswith("*")]
