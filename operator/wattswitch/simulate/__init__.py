"""The same `plan()` over recorded series on a model site: what it would have done, earned and missed."""
