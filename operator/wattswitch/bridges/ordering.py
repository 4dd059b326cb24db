"""Which of a peer's messages counts: the newest by the peer's own version, whatever the order in which they come.

Pure. Guarantee, for each reference: what counts never asks for less of a limit than the newest message that came, and
of two messages of one version that say different things both count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from wattswitch.bridges.asked import Reason

Content = TypeVar("Content")

MOST_REFERENCES: Final = 10_000
"""How many references are remembered; a peer that names more is refused, because forgetting one would let an old
message of it count again."""

MAX_LEAD_SECONDS: Final = 5.0
"""How far ahead of our clock a peer's clock may be."""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Content]):
    """What counts for a reference after a message, and why the message is not simply that; None where it is."""

    content: Content | None
    reason: Reason | None = None

    @property
    def changed(self) -> bool:
        """Whether the message changed what counts."""
        return self.reason in (None, Reason.CONTRADICTING)


@dataclass(frozen=True, slots=True)
class _Known(Generic[Content]):
    version: float | None
    said: tuple[Content, ...]
    counts: Content


class Ordering(Generic[Content]):
    """Remembers the newest message of each reference. `merge` gives what is at least as strict as both of two."""

    def __init__(self, merge: Callable[[Content, Content], Content], most: int = MOST_REFERENCES) -> None:
        self._merge = merge
        self._most = most
        self._known: dict[str, _Known[Content]] = {}

    def judge(self, reference: str, version: float | None, content: Content) -> Verdict[Content]:
        """Take a message in. `version` orders the messages of a reference; None where the peer has none.

        A message without a version is newer than all before it: only a peer that is asked, and answers with
        all it has, may go without.
        """
        known = self._known.get(reference)
        if known is None:
            return self._first(reference, version, content)
        if version is not None and known.version is not None:
            if version < known.version:
                return Verdict(known.counts, Reason.REORDERED)
            if version == known.version:
                return self._again(reference, known, content)
        elif content in known.said:
            return self._again(reference, known, content)
        return self._keep(reference, _Known(version, (content,), content))

    def tighten(self, reference: str, content: Content) -> Verdict[Content]:
        """Take in a message that can't be ordered: it may make what counts stricter, never less strict."""
        known = self._known.get(reference)
        if known is None:
            return self._first(reference, None, content)
        return self._again(reference, known, content)

    def content(self, reference: str) -> Content | None:
        """What counts for this reference; None where nothing was said of it."""
        known = self._known.get(reference)
        return None if known is None else known.counts

    def references(self) -> tuple[str, ...]:
        """Every reference that something was said of."""
        return tuple(self._known)

    def forget(self, done: Callable[[Content, float | None], bool]) -> None:
        """Forget where this is true of content and version: no message of theirs may count any more."""
        self._known = {name: known for name, known in self._known.items() if not done(known.counts, known.version)}

    def drop(self, reference: str) -> None:
        """Forget one reference."""
        self._known.pop(reference, None)

    def _first(self, reference: str, version: float | None, content: Content) -> Verdict[Content]:
        if len(self._known) >= self._most:
            return Verdict(None, Reason.TOO_MANY)
        return self._keep(reference, _Known(version, (content,), content))

    def _again(self, reference: str, known: _Known[Content], content: Content) -> Verdict[Content]:
        if content in known.said:
            if len(known.said) == 1:
                # It says the same, but may have been read for a later time.
                self._known[reference] = _Known(known.version, (content,), content)
            return Verdict(self._known[reference].counts, Reason.REPEATED)
        counts = self._merge(known.counts, content)
        # Only two are remembered: a third one is merged in again, which changes nothing where it is not stricter.
        self._known[reference] = _Known(known.version, (*known.said[:1], content), counts)
        return Verdict(counts, Reason.CONTRADICTING)

    def _keep(self, reference: str, known: _Known[Content]) -> Verdict[Content]:
        self._known[reference] = known
        return Verdict(known.counts)
