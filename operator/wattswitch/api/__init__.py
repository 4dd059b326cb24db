"""The custom resources of `wattswitch.io/v1alpha1` as pydantic models, the only source of `crds/`."""
