"""Recorded jobs on the site of a simulation."""

import numpy as np
import pytest

from unit.simulate.sites import site_of
from wattswitch.simulate import queueing_site
from wattswitch.simulate.jobs import Jobs
from wattswitch.simulate.queueing_site import QueueingError, queue_site, queueing


def jobs(count: int = 200, gpus: int = 1) -> Jobs:
    generator = np.random.default_rng(5)
    submitted = np.sort(generator.uniform(0, 86_400, count))
    return Jobs(
        submitted, generator.exponential(3000, count) + 60, np.full(count, gpus, dtype=np.int64), title="made up"
    )


def test_the_site_as_gpus_and_miners(tmp_path):
    queue = queue_site(site_of(tmp_path))
    assert (queue.cap_watts, queue.gpus, queue.miners) == (96_000, 12, 30)
    assert (queue.gpu_watts, queue.share_gpus) == (1928, 12)
    assert queue.miner_watts == -(-(20 * 3500 + 10 * 3050) * 108 // (100 * 30))
    assert (queue.start_seconds, queue.stop_seconds, queue.miner_start_seconds) == (180, 5, 120)


def test_switching_lets_jobs_wait_no_longer(tmp_path):
    def tight(objects):
        objects["PowerBudget/west"]["spec"]["capWatts"] = 30_000

    result = queueing(site_of(tmp_path, tight), jobs())
    assert (result["jobs"], result["share_gpus"], result["gpus"]) == (200, 7, 12)
    waits = {name: arm["mean_wait_seconds"] for name, arm in result["policies"].items()}
    assert waits["C"] <= waits["A"]
    assert waits["E"] <= waits["C"]


def test_where_nothing_can_queue_it_says_why(tmp_path):
    with pytest.raises(QueueingError, match="needs a site with a service that has GPUs, and with a mining pool"):
        queue_site(site_of(tmp_path, lambda objects: objects.pop("InferenceDeployment/chat")))
    with pytest.raises(QueueingError, match="half of the limit powers 12 GPUs, but one job takes 13"):
        queueing(site_of(tmp_path), jobs(gpus=13))


def test_a_queue_that_grows_has_no_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(queueing_site, "LOAD", 1.5)
    result = queueing(site_of(tmp_path), jobs())
    assert result["policies"]["A"] is None
