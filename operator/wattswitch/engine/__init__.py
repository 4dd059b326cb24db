"""The live operator: kopf wakes a loop per site, which observes, plans, acts and reports."""
