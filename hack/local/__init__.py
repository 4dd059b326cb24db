"""A real Kubernetes control plane, and the Python environment to drive it, as plain programs on this machine."""
