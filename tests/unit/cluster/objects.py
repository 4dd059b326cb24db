"""Raw objects as the API server sends them."""

from typing import Any


def deployment(
    name: str = "s21", *, version: int = 10, uid: str = "u1", namespace: str = "texas", **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 3,
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "x" * 3000,
                "deployment.kubernetes.io/revision": "1",
                "wattswitch.io/paused": "true",
            },
            "managedFields": [
                {
                    "manager": "kubectl-create",
                    "operation": "Update",
                    "time": "2026-01-02T00:00:00Z",
                    "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}},
                },
                {
                    "manager": "hpa",
                    "operation": "Update",
                    "subresource": "scale",
                    "fieldsV1": {"f:spec": {"f:replicas": {}}},
                },
            ],
        },
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{"name": "main", "image": "x" * 500, "env": [{"name": "A"}] * 20}]}},
            **spec,
        },
        "status": {
            "observedGeneration": 3,
            "replicas": 4,
            "readyReplicas": 3,
            "terminatingReplicas": 0,
            "conditions": [{"type": "Available", "message": "m" * 200}],
        },
    }
