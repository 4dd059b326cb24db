"""`wattswitch plan --watch`: what the operator of a cluster decides, as its statuses say. Reads only."""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape

from wattswitch.api.power_budget import Mode
from wattswitch.api.units import Unit
from wattswitch.cli.table import Workloads, console, per_mwh, short_names
from wattswitch.cluster import KubeClient
from wattswitch.cluster.paths import collection
from wattswitch.errors import ApiError, ApiUnreachable, WattswitchError
from wattswitch.planner.explain import power

WORKLOAD_KINDS: Final = ("InferenceDeployment", "MiningPool")

Raw = Mapping[str, Any]


def watch(kubeconfig: str | None, budget: str | None, interval_seconds: float, *, once: bool) -> None:
    """Show the budget and its workloads until interrupted, or once. Raises ClickException for what can't be read."""
    try:
        asyncio.run(_watch(kubeconfig, budget, interval_seconds, once=once))
    except KeyboardInterrupt:
        return
    except WattswitchError as error:
        raise click.ClickException(str(error)) from error


async def _watch(kubeconfig: str | None, budget: str | None, interval_seconds: float, *, once: bool) -> None:
    client = await KubeClient.connect(kubeconfig)
    out = console()
    try:
        if once:
            out.print(await look(client, budget))
            return
        with Live(console=out, auto_refresh=False) as live:
            while True:
                live.update(await _look_again(client, budget), refresh=True)
                await asyncio.sleep(interval_seconds)
    finally:
        await client.close()


async def _look_again(client: KubeClient, budget: str | None) -> RenderableType:
    """One look; while the API server does not answer, that."""
    try:
        return await look(client, budget)
    except ApiUnreachable as error:
        return escape(f"the API server does not answer: {error}")
    except ApiError as error:
        if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:  # what the caller has to change
            raise
        return escape(str(error))


async def look(client: KubeClient, budget: str | None) -> RenderableType:
    """The budget and its workloads as they are now. Raises WattswitchError, and ClickException for another budget."""
    found = _pick(await _list(client, "PowerBudget"), budget)
    name = found["metadata"]["name"]
    workloads = [item for kind in WORKLOAD_KINDS for item in await _list(client, kind)]
    return render(found, [item for item in workloads if (item.get("spec") or {}).get("budget") == name])


async def _list(client: KubeClient, kind: str) -> list[dict[str, Any]]:
    items, _ = await client.list(collection(kind))
    return items


def _pick(budgets: list[dict[str, Any]], name: str | None) -> Raw:
    known = ", ".join(budget["metadata"]["name"] for budget in budgets) or "none"
    picked = [budget for budget in budgets if name in {None, budget["metadata"]["name"]}]
    if not picked:
        raise click.ClickException(f"there is no PowerBudget {name or ''} (known: {known}): create it or name another")
    if len(picked) > 1:
        raise click.ClickException(f"there are several PowerBudgets ({known}): name one with --budget")
    return picked[0]


def render(budget: Raw, workloads: Iterable[Raw]) -> RenderableType:
    """A line about the budget over a table of its workloads."""
    currency, items = _currency(budget), {_key(item): item for item in workloads}
    names = short_names(items)
    rows = []
    for key, item in sorted(items.items()):
        status = item.get("status") or {}
        sizes = (status.get(field) for field in ("replicas", "goalReplicas", "wantedReplicas", "readyReplicas"))
        words = (status.get(field, "") for field in ("kilowatts", "strike", "reason", "message"))
        rows.append((names[key], *("" if size is None else str(size) for size in sizes), *map(escape, words)))
    titles = ("now", "goal", "wanted", "ready", "kW", per_mwh("strike", currency))
    return Group(*_head(budget, currency), Workloads(titles, tuple(rows)))


def _key(item: Raw) -> str:
    meta = item["metadata"]
    return f"{item['kind']}/{meta.get('namespace', '')}/{meta['name']}"


def _currency(budget: Raw) -> str:
    """The currency of the budget's prices; nothing where its spec does not say."""
    sources = ((budget.get("spec") or {}).get("price") or {}).get("sources") or [{}]
    try:
        return Unit(sources[0].get("unit", "")).currency or ""
    except ValueError:
        return ""


def _head(budget: Raw, currency: str) -> list[str]:
    status, name = budget.get("status") or {}, budget["metadata"]["name"]
    mode = (budget.get("spec") or {}).get("mode", "")
    if "limitWatts" not in status:
        return [escape(f"{name} ({mode}): no operator has written a status yet: is `wattswitch run` running?")]
    price = f"{status['pricePerMWh']} {currency}/MWh".replace(" /", "/") if "pricePerMWh" in status else "unknown"
    line = (
        f"{name} ({mode}): limit {power(status['limitWatts'])}, committed {power(status.get('committedWatts', 0))},"
        f"{_planned(status, mode)} price {price}, within the limit: {status.get('within', 'unknown')}"
    )
    return [escape(text) for text in (line, status.get("message", "")) if text]


def _planned(status: Raw, mode: str) -> str:
    if "plannedWatts" not in status:
        return ""
    return f" {'as advised' if mode == Mode.ADVISE else 'heading for'} {power(status['plannedWatts'])},"
