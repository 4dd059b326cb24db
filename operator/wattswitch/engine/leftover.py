"""What a target that is gone left behind: the pods that its selector finds, less those of its heirs.

Heirs are targets that live and whose pods the same selector finds, such as a later namesake.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wattswitch.cluster import TargetFacts
from wattswitch.engine.books import Pods

NO_PODS = Pods(0, 0)


@dataclass
class LeftOver:
    """Pods of one target that is gone; `pods` is None until they were listed."""

    pods: Pods | None = None
    listed: Pods | None = None
    heir: Pods = NO_PODS

    def count(self, listed: Pods | None, heir: Pods) -> Pods | None:
        """Take in a pod list, each only once.

        A list and the heir's status are never of one moment, so the heir is subtracted as it stood at the list before
        or as it stands now, whichever is less: pods that it created in between are counted twice, never not at all.
        """
        if listed is None or listed is self.listed:
            return self.pods
        alive = listed.alive - min(heir.alive, self.heir.alive)
        terminating = listed.terminating - min(heir.terminating, self.heir.terminating)
        self.pods = Pods(max(0, alive), max(0, terminating))
        self.listed, self.heir = listed, heir
        return self.pods


def heir_pods(selector: str, living: Iterable[TargetFacts]) -> Pods:
    """The pods of living targets that `selector` finds too: all of a target's or, for all that we know, none."""
    labels = set(selector.split(","))
    heirs = [each for each in living if labels <= set(each.selector.split(","))]
    return Pods(sum(each.status_replicas for each in heirs), sum(each.terminating_replicas or 0 for each in heirs))
