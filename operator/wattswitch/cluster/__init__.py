"""The only code that talks to the API server: a view to read, sizes, statuses, a Lease and Events to write."""

from wattswitch.cluster.client import KubeClient
from wattswitch.cluster.deletion import delete_pods
from wattswitch.cluster.events import EventRecorder, ObjectRef
from wattswitch.cluster.lease import LeaderLease
from wattswitch.cluster.listing import PodCount, Relist, list_pods, relist
from wattswitch.cluster.scale import ScaleOutcome, ScaleWrite, write_scale
from wattswitch.cluster.status import StatusWrite, StatusWriter, patch_status
from wattswitch.cluster.target import TargetFacts, target_facts
from wattswitch.cluster.view import VIEWED_KINDS, View

__all__ = [
    "VIEWED_KINDS",
    "EventRecorder",
    "KubeClient",
    "LeaderLease",
    "ObjectRef",
    "PodCount",
    "Relist",
    "ScaleOutcome",
    "ScaleWrite",
    "StatusWrite",
    "StatusWriter",
    "TargetFacts",
    "View",
    "delete_pods",
    "list_pods",
    "patch_status",
    "relist",
    "target_facts",
    "write_scale",
]
