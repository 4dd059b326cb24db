"""Wattswitch decides, at every moment, how many pods of each workload a power connection may feed."""

__version__ = "0.1.0"
