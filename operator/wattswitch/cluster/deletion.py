"""Tells all pods of a target that is at size 0 to go at once, instead of one by one as their controller would."""

from wattswitch.cluster import paths
from wattswitch.cluster.client import KubeClient

DELETION_SECONDS = 30.0
"""The server answers only when it has told every pod; 2,000 took it 7.5 s."""


async def delete_pods(client: KubeClient, namespace: str, selector: str) -> None:
    """Delete every pod of a label selector, each with its own grace period.

    Raises ValueError for an empty selector, which would mean every pod of the namespace, ApiError and ApiUnreachable.
    """
    if not selector:
        raise ValueError("an empty selector would delete every pod of the namespace")
    await client.request(
        "DELETE",
        paths.collection("Pod", namespace),
        query={"labelSelector": selector},
        body={"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"},
        timeout_seconds=DELETION_SECONDS,
    )
