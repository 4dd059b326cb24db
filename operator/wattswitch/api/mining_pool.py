"""MiningPool: miners that run while the price is below what they earn."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wattswitch.api.base import (
    ApiModel,
    Column,
    DnsLabel,
    NonNegativeDecimal,
    Percent,
    Priority,
    Resource,
    ResourceNames,
    Rule,
    Seconds,
    ShortText,
)
from wattswitch.api.workload import AGE, BUDGET, KILOWATTS, REASON, Switching, WorkloadSpec, WorkloadStatus


class MiningWorth(ApiModel):
    """What mining earns: a named feed or a fixed number."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.feed) != has(self.perMWh)", "set exactly one of worth.feed and worth.perMWh"),
    )

    feed: DnsLabel | None = None
    """Feed of the budget with the hashprice, or with money per MWh."""
    per_mwh: Annotated[NonNegativeDecimal | None, Field(alias="perMWh")] = None
    """Money earned per MWh, in the currency of the budget."""
    pool_fee_percent: Percent = Decimal(0)
    """What the mining pool keeps, in percent."""


class MiningSwitching(Switching):
    """How fast, how often and at what cost the pool may switch."""

    min_run_seconds: Seconds = 600
    """After a raise nothing is lowered for price during this time."""
    min_off_seconds: Seconds = 600
    """After a lowering nothing is raised for price during this time."""
    start_seconds: Seconds = 120
    """From the start of a pod until it hashes: time that draws power and earns nothing."""
    cost_per_start: NonNegativeDecimal = Decimal(0)
    """Wear and labour of one start of one pod, in the currency of the budget."""


class MiningPoolSpec(WorkloadSpec):
    """Miners of one model under one target."""

    worth: MiningWorth
    """What mining earns."""
    switching: MiningSwitching = MiningSwitching()
    """How fast, how often and at what cost to switch."""
    priority: Priority = 0
    """Higher wins, up to the tenant's maxPriority."""


class MiningPoolStatus(WorkloadStatus):
    """What mines now and why not more."""

    replicas_text: ShortText | None = None
    """Replicas now of the most wanted, as 12/40; in Advise mode with those advised, as 12→40/40."""


class MiningPool(Resource):
    """Bitcoin miners that the operator runs while that pays and while the site may draw the power."""

    names: ClassVar = ResourceNames(
        plural="miningpools",
        short="mpool",
        scope="Namespaced",
        columns=(
            BUDGET,
            Column("Target", ".status.target", description="What is scaled."),
            Column("Replicas", ".status.replicasText", description="Replicas now of the most wanted."),
            KILOWATTS,
            Column("Strike", ".status.strike", description="The price per MWh above which mining does not pay."),
            REASON,
            AGE,
        ),
    )

    kind: Literal["MiningPool"] = "MiningPool"
    spec: MiningPoolSpec
    """What the tenant wants to run."""
    status: MiningPoolStatus = MiningPoolStatus()
    """What the operator found and did."""
