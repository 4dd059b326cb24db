"""What `wattswitch report` is told beside the record: the terms of programmes, and what the budget has promised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field

from wattswitch.api.base import ApiModel, CalendarDay, DecimalString, NonNegativeDecimal, Seconds, Watts
from wattswitch.api.curtailment_event import ProgramName
from wattswitch.api.parse import SpecError, parse_strict
from wattswitch.api.power_budget import PowerBudget
from wattswitch.api.source import Months
from wattswitch.api.times import parse_date
from wattswitch.errors import SpecInvalid
from wattswitch.mapping import commitments_of, peak_rules_of
from wattswitch.settlement.coincident_peaks import ALL_YEAR, PeakRule
from wattswitch.settlement.commitments import Commitment
from wattswitch.settlement.methods import DEFAULT, ServiceLevel, method
from wattswitch.settlement.month import Credit, CreditKind
from wattswitch.settlement.review import Programme, YearMonth
from wattswitch.settlement.statement import Rates, Terms

_WATTS_PER_KW: Final = 1000.0
_KINDS: Final = {"Power": CreditKind.POWER, "DemandResponse": CreditKind.DEMAND_RESPONSE}


class TermsError(SpecInvalid):
    """A file of terms or of a budget that cannot be used; the text names the file and the field."""


class ProgramRates(ApiModel):
    """What a program pays, in the currency of the budget."""

    per_kwh: Annotated[NonNegativeDecimal | None, Field(alias="perKWh")] = None
    """For each kWh below the baseline."""
    per_kw_month: Annotated[NonNegativeDecimal | None, Field(alias="perKWMonth")] = None
    """For each committed kW and month."""
    per_kw_hour_available: Annotated[NonNegativeDecimal | None, Field(alias="perKWHourAvailable")] = None
    """For each committed kW and hour in which so much could have been given back; needs the budget's commitment."""


class FirmServiceLevel(ApiModel):
    """A level that the load may not pass, and the peak load contribution that reductions count from."""

    watts: Watts
    peak_load_watts: Watts


class ProgramTerms(ApiModel):
    """What a program asks and pays."""

    program: ProgramName
    """As in `spec.source.program` of its CurtailmentEvents."""
    committed_watts: Watts | None = None
    """The reduction that is promised; that of the budget's commitment where left out."""
    ramp_seconds: Seconds | None = None
    """How long after the start nothing is judged; that of the budget's commitment where left out."""
    tolerance_watts: Watts = 0
    snapback_seconds: Seconds = 7200
    months: Months = ()
    """Months that are paid for; all where left out."""
    baseline: Annotated[str, Field(max_length=64)] = DEFAULT
    firm_service_level: FirmServiceLevel | None = None
    rates: ProgramRates = ProgramRates()


class MonthCredit(ApiModel):
    """Money of a month that the record does not know of; below zero for a penalty."""

    month: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
    kind: Literal["Power", "DemandResponse"]
    label: Annotated[str, Field(min_length=1, max_length=128)]
    amount: DecimalString


class TermsFile(ApiModel):
    """The file of `--terms`."""

    programs: tuple[ProgramTerms, ...] = ()
    credits: tuple[MonthCredit, ...] = ()
    holidays: tuple[CalendarDay, ...] = ()
    """Days that count as weekend."""


@dataclass(frozen=True, slots=True)
class Promised:
    """What the PowerBudget says of programmes and peaks."""

    commitments: tuple[Commitment, ...] = ()
    peak_rules: tuple[PeakRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Both files, for the review."""

    programmes: Mapping[str, Programme] = field(default_factory=dict)
    credited: Mapping[YearMonth, tuple[Credit, ...]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    peak_rules: tuple[PeakRule, ...] = ()


def read_told(terms_file: Path | None, budget_file: Path | None, budget: str) -> Told:
    """What the files of `--terms` and `--budget-file` say; nothing where they are None. Raises TermsError."""
    promised = Promised() if budget_file is None else _read_budget(budget_file, budget)
    terms = TermsFile() if terms_file is None else _read_terms(terms_file)
    programmes = {}
    for number, program in enumerate(terms.programs):
        mine = tuple(each for each in promised.commitments if each.programme == program.program)
        if program.committed_watts is None and len({each.kw for each in mine}) > 1:
            what = f"PowerBudget {budget} has commitments with different watts for it: add those to settle by"
            raise TermsError(f"--terms {terms_file}: programs[{number}].committedWatts: {what}")
        programmes[program.program] = _programme(program, mine)
    credited: dict[YearMonth, tuple[Credit, ...]] = {}
    for each in terms.credits:
        month = int(each.month[:4]), int(each.month[5:])
        credited[month] = (*credited.get(month, ()), Credit(_KINDS[each.kind], each.label, float(each.amount)))
    return Told(programmes, credited, frozenset(map(parse_date, terms.holidays)), promised.peak_rules)


def _programme(terms: ProgramTerms, commitments: tuple[Commitment, ...]) -> Programme:
    paid, level = terms.rates, terms.firm_service_level
    rates = (paid.per_kwh, paid.per_kw_month, paid.per_kw_hour_available)
    committed = None if terms.committed_watts is None else terms.committed_watts / _WATTS_PER_KW
    ramp = None if terms.ramp_seconds is None else float(terms.ramp_seconds)
    if commitments:
        committed = commitments[0].kw if committed is None else committed
        ramp = max(each.ramp_seconds for each in commitments) if ramp is None else ramp
    return Programme(
        terms=Terms(
            programme=terms.program,
            committed_kw=committed,
            ramp_seconds=ramp or 0.0,
            tolerance_kw=terms.tolerance_watts / _WATTS_PER_KW,
            snapback_seconds=float(terms.snapback_seconds),
            rates=Rates(*(float(rate or 0) for rate in rates)),
            months=frozenset(terms.months) or ALL_YEAR,
        ),
        baseline=terms.baseline,
        level=ServiceLevel(level.watts / _WATTS_PER_KW, level.peak_load_watts / _WATTS_PER_KW) if level else None,
        commitments=commitments,
    )


def _read_terms(path: Path) -> TermsFile:
    documents = [raw for raw in _documents(path) if raw is not None]
    if len(documents) != 1:
        raise TermsError(f"--terms {path}: has {len(documents)} documents: write all terms into one")
    try:
        terms = parse_strict(TermsFile, documents[0])
    except SpecError as error:
        raise TermsError("\n".join(f"--terms {path}: {problem}" for problem in error.problems)) from None
    problems = [*_doubled(each.program for each in terms.programs), *_no_baselines(terms)]
    if problems:
        raise TermsError("\n".join(f"--terms {path}: {problem}" for problem in problems))
    return terms


def _doubled(programs: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for number, program in enumerate(programs):
        if program in seen:
            yield f"programs[{number}].program: {program!r} is there twice: leave one of the two out"
        seen.add(program)


def _no_baselines(terms: TermsFile) -> Iterable[str]:
    for number, each in enumerate(terms.programs):
        try:
            method(each.baseline)
        except ValueError as error:
            yield f"programs[{number}].baseline: {error}"


def _read_budget(path: Path, name: str) -> Promised:
    """What the PowerBudget of that name says."""
    for raw in _documents(path):
        if not isinstance(raw, Mapping) or raw.get("kind") != "PowerBudget":
            continue
        if (raw.get("metadata") or {}).get("name") != name:
            continue
        try:
            budget = parse_strict(PowerBudget, {key: raw[key] for key in raw if key != "status"})
        except SpecError as error:
            raise TermsError("\n".join(f"--budget-file {path}: {problem}" for problem in error.problems)) from None
        return Promised(commitments_of(budget.spec), peak_rules_of(budget.spec))
    raise TermsError(f"--budget-file {path}: there is no PowerBudget {name} in it: name the file that has it")


def _documents(path: Path) -> list[Any]:
    try:
        return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise TermsError(f"{path} is not text in UTF-8: it must be a YAML file") from None
    except yaml.YAMLError as problem:
        raise TermsError(f"{path} is not YAML: {' '.join(str(problem).split())}: correct the file") from None
