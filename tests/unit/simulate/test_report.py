"""The report page: what it says for a run, that it stands alone, and that it stays small."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from unit.simulate.report_site import START, policy, site, workload
from wattswitch.simulate.report import (
    Excerpt,
    NextStep,
    ReportData,
    Role,
    off_shares,
    render,
    write_report,
)

YEAR_OF_5_MINUTES = 105_120


class Reader(HTMLParser):
    """Checks that every element is closed where it must be, and gathers text and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in {"meta", "link", "br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\N{NO-BREAK SPACE}", " ").split())


def read(data: ReportData) -> Reader:
    return read_page(render(data))


def read_page(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open, "left open"
    return reader


def parse(own: str) -> ET.Element:
    return ET.fromstring(own)  # noqa: S314 - our own markup


def pictures(page: str) -> list[ET.Element]:
    return [parse(found) for found in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)]


def plots(page: str, name: str) -> list[ET.Element]:
    found = [svg for svg in pictures(page) if (svg.get("aria-labelledby") or "").startswith(f"{name}-")]
    assert len(found) == 3, "one for each width"
    return found


def labels(svg: ET.Element) -> list[str]:
    return [(text.text or "").replace("\N{NO-BREAK SPACE}", " ") for text in svg.iter("text")]


def test_headline_says_what_was_earned_and_that_the_limit_held() -> None:
    text = read(site()).text
    assert (
        "Earned $9,730 in 24 hours, 97.3 % of what perfect foresight would have earned, "
        "$730 more than the best static split." in text
    )
    assert "✓ 0 s over the limit." in text
    assert "Captured switching value 73.0 %" in text


def test_a_loss_is_called_a_loss() -> None:
    data = site(policies=(policy("wattswitch", Role.WATTSWITCH, -120.5, 288),), foresight_profit=None)
    text = read(data).text
    assert "Lost $120 in 24 hours." in text or "Lost $121 in 24 hours." in text
    assert "perfect foresight would" not in text


def test_time_over_the_limit_is_told_without_colour() -> None:
    ours = policy("wattswitch", Role.WATTSWITCH, 9_730.0, 288, violation_seconds=320.0)
    text = read(site(policies=(ours,))).text
    assert "✗ 320 s over the limit!" in text


def test_nothing_to_capture_is_said() -> None:
    text = read(site(captured=None, verdict="nothing to capture: all earn the same")).text
    assert "Captured switching value nothing to capture all earn the same" in text
    assert "of what switching can add" not in text
    assert "Captured is" not in text
    assert "Captured switching value" not in read(site(captured=None)).text


def test_every_share_of_foresight_is_of_what_nobody_can_pass() -> None:
    text = read(site()).text
    assert "Of perfect foresight 97.3 % of $10,000, the most there was to earn" in text
    assert "perfect foresight – – – $10,000 100.0 % – – – –" in text
    assert "foresight in whole pods $14,090 $4,000 $100 $9,990 99.9 % 120" in text
    assert "price not known $200.00 2.00 %" in text


def test_what_is_captured_follows_from_the_rows() -> None:
    text = read(site()).text
    assert "Captured is (profit − best static split) / (perfect foresight − best static split)." in text
    for row in ("perfect foresight $10,000 100.0 %", "Wattswitch $9,730 73.0 %", "best static split $9,000 0.0 %"):
        assert row in text


def test_without_anything_to_capture_the_rows_have_their_share_of_foresight() -> None:
    text = read(site(captured=None)).text
    assert "of foresight perfect foresight $10,000 100.0 % foresight in whole pods $9,990 99.9 %" in text


def test_start_cost_is_explained_beside_its_column() -> None:
    text = read(site()).text
    assert "Start cost: costPerStart of each pod started, and what it would have earned in its startSeconds" in text
    assert "Profit is revenue less energy cost and start cost." in text


def test_every_policy_is_told_with_the_name_that_the_option_takes() -> None:
    text = read(site()).text
    for name in ("static", "always-on", "foresight"):
        assert f"(--policy {name})" in text


def test_energies_of_a_table_are_in_one_unit() -> None:
    low = policy("static", Role.BEST_STATIC, 9_000.0, 288, energy_mwh=0.0)
    text = read(site(policies=(policy("wattswitch", Role.WATTSWITCH, 9_730.0, 288, energy_mwh=0.42), low))).text
    assert "energy, kWh" in text
    assert "MWh" not in text[text.index("In full") : text.index("What each of them does")]
    idle = site(workloads=(workload("mining/s21", np.where(np.arange(288) < 100, 0.0, 900e3), 900e3),), fixed_watts=0.0)
    assert not re.search(r"\d (W|kW|Wh|kWh|MWh) ", read(idle).text.partition("The same as a table")[2][:2_000])


def test_period_names_zone_step_and_currency() -> None:
    text = read(site(zone=ZoneInfo("America/Chicago"))).text
    assert "Sun 31 Dec 2023 18:00 to Mon 1 Jan 2024 18:00 (America/Chicago), steps of 5 minutes, money in USD." in text


def test_every_axis_has_a_unit() -> None:
    page = render(site())
    for svg in plots(page, "power"):
        assert any(label.startswith("Price, $/MWh") for label in labels(svg))
        assert "Power at the meter, kW" in labels(svg)
        assert "time, UTC" in labels(svg)
    for svg in plots(page, "money"):
        assert {"Profit so far, $", "Ahead of the best static split, $", "time, UTC"} <= set(labels(svg))


def test_money_is_in_the_currency_of_the_budget() -> None:
    page = render(site(currency="AUD"))
    assert any(label.startswith("Price, A$/MWh") for label in labels(plots(page, "power")[0]))
    assert "Earned A$9,730" in page


def test_every_picture_has_a_name_and_a_description_with_ids_of_their_own() -> None:
    page = render(site())
    seen: list[str] = []
    for name in ("power", "money"):
        for svg in plots(page, name):
            title, description = svg.find("title"), svg.find("desc")
            assert title is not None
            assert title.text
            assert description is not None
            assert description.text
            seen += [title.get("id") or "", description.get("id") or ""]
            assert svg.get("aria-labelledby") == " ".join(seen[-2:])
    assert len(set(seen)) == len(seen) == 12


def test_ids_are_unique_and_every_fill_exists() -> None:
    reader = read(site())
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    used = {value[5:-1] for _, name, value in reader.attributes if name == "fill" and value.startswith("url(#")}
    assert used <= set(ids)


def test_layers_differ_by_more_than_colour() -> None:
    page = render(site(workloads=tuple(workload(f"w{i}", np.full(288, 10e3), 10e3) for i in range(9))))
    shapes = []
    for pattern in parse(re.findall(r"<defs>.*?</defs>", page)[0]).iter("pattern"):
        if (pattern.get("id") or "").startswith("fill-") and pattern.get("id") != "fill-on":
            path = pattern.find("path")
            shapes.append(path.get("d") if path is not None else "")
    assert len(set(shapes)) == len(shapes) == 10


def test_the_spike_of_one_step_survives_a_year() -> None:
    steps = YEAR_OF_5_MINUTES
    data = site(steps)
    price = np.full(steps, 30.0)
    price[70_000] = 5_000.0
    table = read(replace(data, price_per_mwh=price)).text
    assert "5,000.00" in table
    svg = plots(render(replace(data, price_per_mwh=price)), "power")[2]
    band = next(path for path in svg.iter("path") if path.get("class") == "price-band")
    tops = [float(y) for y in re.findall(r"V([\d.]+)|M[\d.]+ ([\d.]+)", band.get("d") or "") for y in y if y]
    assert min(tops) == pytest.approx(26.0, abs=0.1), "the spike reaches the top of its panel"


@pytest.mark.parametrize("workloads", [2, 10, 30])
def test_a_year_at_5_minutes_stays_under_two_megabytes(workloads: int) -> None:
    steps = YEAR_OF_5_MINUTES
    rng = np.random.default_rng(3)
    reasons = dict.fromkeys(("PriceAboveStrike", "PowerLimit", "SwitchCost", "MinOff", "RampUp", "Settling"), 0.02)
    many = tuple(
        workload(f"namespace-{i}/a-rather-long-workload-name-{i}", 1e4 * rng.integers(0, 40, steps), 4e5, off=reasons)
        for i in range(workloads)
    )
    data = site(
        steps, workloads=many, foresight_watts=1e6 * rng.random(steps), price_per_mwh=100 * rng.normal(size=steps)
    )
    assert len(render(data).encode()) < 2_000_000


def test_names_and_notes_are_escaped() -> None:
    evil = "</script><script>alert('x')</script>&\"<b>"
    data = site(site=evil, title=evil, notes=(evil,), facts=((evil, evil),), next_steps=(NextStep(evil, 1.0),))
    data = replace(data, workloads=(replace(data.workloads[0], name=evil, off_shares={evil: 0.5}),))
    data = replace(data, policies=tuple(replace(p, name=evil) for p in data.policies))
    page = render(data)
    assert "<b>" not in page
    assert "<script>alert" not in page
    reader = read(data)
    assert [tag for tag, name, _ in reader.attributes if tag == "script" and name == "type"] == ["script"] * 2
    assert evil in "".join(reader.texts)


def test_page_asks_for_nothing_from_outside() -> None:
    reader = read(site())
    assert [value for _, name, value in reader.attributes if name in {"href", "src", "action"}] == ["data:,"]
    page = render(site())
    assert "default-src &#x27;none&#x27;" in page
    assert not re.search(r"https?://|@import|url\((?!#)", page)


def test_the_limit_far_above_the_draw_is_told_in_words() -> None:
    svg = plots(render(site(limit_watts=np.full(288, 9e6))), "power")[0]
    assert "Power at the meter, kW (limit 9.00 MW, above the plot)" in labels(svg)


def test_steps_over_the_limit_are_marked() -> None:
    limit = np.full(288, 392e3)
    limit[100] = 250e3
    page = render(site(limit_watts=limit))
    assert all(any(path.get("class") == "over" for path in svg.iter("path")) for svg in plots(page, "power"))
    assert not any(path.get("class") == "over" for svg in plots(render(site()), "power") for path in svg.iter("path"))


def test_a_long_run_shows_its_most_eventful_day_in_full() -> None:
    steps = 288 * 10
    watts = np.full(steps, 200e3)
    watts[288 * 6 + 10 : 288 * 6 + 200 : 2] = 0.0
    ours = policy("wattswitch", Role.WATTSWITCH, 9_730.0, steps)
    data = site(steps, workloads=(workload("mining/s21", watts, 200e3),), policies=(ours,))
    text = read(data).text
    assert "The day with the most switching" in text
    assert "Sun 7 Jan 2024, every step of 5 minutes." in text


def test_the_day_that_lost_most_to_foresight_is_shown_where_that_is_known() -> None:
    steps = 288 * 10
    line = np.linspace(0.0, 100.0, steps)
    better = line + np.where(np.arange(steps) >= 288 * 3 + 100, 50.0, 0.0)
    ours = policy("wattswitch", Role.WATTSWITCH, 100.0, steps, cumulative_profit=line)
    oracle = policy("foresight", Role.FORESIGHT, 150.0, steps, cumulative_profit=better)
    text = read(site(steps, policies=(ours, oracle))).text
    assert "The day that lost most to foresight in whole pods: $50.00" in text
    assert "Thu 4 Jan 2024, every step of 5 minutes." in text


def test_the_excerpt_that_the_data_names_is_shown() -> None:
    day = START + 2 * 86_400
    text = read(site(288 * 10, excerpt=Excerpt(day, day + 86_400, "that cost most against foresight"))).text
    assert "The day that cost most against foresight" in text
    assert "Wed 3 Jan 2024, every step" in text


def test_strikes_stand_beside_the_price_of_the_excerpt() -> None:
    data = site(288 * 10)
    miner = replace(data.workloads[0], worth_per_mwh=np.full(2880, 52.0))
    page = render(replace(data, workloads=(miner, *data.workloads[1:])))
    assert [labels(svg).count("s21") for svg in plots(page, "excerpt")] == [0, 1, 1], "no room on a phone"
    assert "price below which each pays, $/MWh: s21 52.00" in read_page(page).text


def test_reasons_are_told_in_words_with_their_shares() -> None:
    text = read(site()).text
    assert "mining/s21 on 75.0 % Off: power cost more than it earns 25.0 %." in text
    assert "ai/llama on 66.7 % Off: no demand for more 33.3 %." in text


def test_reasons_beyond_the_named_ones_are_drawn_together() -> None:
    many = {f"Reason{letter}": 0.05 for letter in "ABCDEFGHIJ"}
    text = read(site(workloads=(workload("mining/s21", np.zeros(288), 1e3, off=many),))).text
    assert "other reasons" in text
    assert "reason j 5.0 %" in text


def test_policies_stand_in_the_order_of_profit_with_what_else_they_did() -> None:
    text = read(site()).text
    assert "Wattswitch earned the most; next came best static split, $730 behind." in text
    assert "always on $11,100 $4,000 $100 $7,000 70.0 % 120 44 300 s 12" in text
    assert text.index("perfect foresight $10,000 100.0 %") < text.index("Wattswitch $9,730 73.0 %")


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((9_730.001, 9_000.0), "Wattswitch earned the most, and best static split just as much."),
        ((9_730.0, 9_730.0), "Wattswitch earned the most, and best static split and always on just as much."),
        (
            (9_730.0, 9_740.0),
            "more than Wattswitch; always on was $10.00 ahead; best static split earned just as much as Wattswitch.",
        ),
        ((9_731.0,), "1 of 1 baseline earned more than Wattswitch; best static split was $1.00 ahead."),
    ],
)
def test_ties_are_told_as_ties(others: tuple[float, ...], told: str) -> None:
    names = (("static", Role.BEST_STATIC), ("always-on", Role.BASELINE))
    data = site()
    ranked = [policy(name, role, profit, 288) for (name, role), profit in zip(names, others, strict=False)]
    assert told in read(replace(data, policies=(data.policies[0], *ranked))).text


def test_a_baseline_that_earned_more_is_named() -> None:
    data = site()
    better = policy("ski-rental", Role.BASELINE, 9_900.0, 288)
    assert (
        "1 of 3 baselines earned more than Wattswitch; ski-rental was $170 ahead."
        in read(replace(data, policies=(*data.policies, better))).text
    )


def test_the_loss_is_split_by_cause() -> None:
    text = read(site()).text
    assert "$270 in all, which is its profit less that of Wattswitch." in text
    assert "price not known $200.00 2.00 %" in text
    assert "integer pods −$10.00 −0.10 %" in text


def test_next_steps_follow_the_largest_loss() -> None:
    text = read(site(basis_shares={"Learned": 1.0})).text
    assert (
        "Give the price feed an outlook: the curve that the market publishes ahead. At most $200 in this period."
        in text
    )
    assert text.index("Give the price feed an outlook") < text.index("minRunSeconds")


def test_next_steps_of_the_data_stand_among_them_by_money() -> None:
    steps = (NextStep("Try it in Advise mode"), NextStep("Buy shade for the transformers.", 120.0))
    text = read(site(next_steps=steps)).text
    assert "Buy shade for the transformers. At most $120 in this period." in text
    places = [text.index(word) for word in ("Prices came as", "Buy shade", "minRunSeconds", "Try it in Advise mode. ")]
    assert places == sorted(places)


def test_what_the_decisions_knew_is_told() -> None:
    assert (
        "Prices ahead: 90.0 % of the decisions on a published price curve, "
        "10.0 % of the decisions on the shape of past prices." in read(site()).text
    )


def test_a_run_without_steps_is_still_a_page() -> None:
    empty = np.zeros(0)
    data = ReportData("x", "USD", 300.0, empty, empty, empty, (), ())
    assert "There are no steps in this period." in read(data).text


@pytest.mark.parametrize("steps", [1, 2, 400, 401])
def test_runs_of_any_length_are_drawn(steps: int) -> None:
    page = render(site(steps))
    assert "nan" not in page.lower().replace("nanum", "")
    assert len(plots(page, "power")) == 3


def test_unknown_prices_are_gaps() -> None:
    price = np.full(288, 50.0)
    price[100:110] = np.nan
    svg = plots(render(site(price_per_mwh=price)), "power")[2]
    line = next(path.get("d") or "" for path in svg.iter("path") if path.get("class") == "price-line")
    assert line.count("M") == 2
    assert "nan" not in line


def test_nothing_but_unknown_prices_is_still_a_page() -> None:
    text = read(site(price_per_mwh=np.full(288, np.nan))).text
    assert "No price is known." in text


def test_no_workloads_and_no_policies_is_still_a_page() -> None:
    assert "Nothing was simulated." in read(site(workloads=(), policies=(), losses=(), captured=None)).text


def test_arrays_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"price_per_mwh has shape \(3,\)"):
        site(price_per_mwh=np.zeros(3))


def test_off_shares_count_replicas_by_reason() -> None:
    reasons = np.array(["AtMaximum", "PriceAboveStrike", "PriceAboveStrike", "PowerLimit"])
    assert off_shares(np.array([4, 0, 2, 3]), 4, reasons) == {"PowerLimit": 1 / 16, "PriceAboveStrike": 6 / 16}
    assert off_shares(np.zeros(0, dtype=int), 4, np.array([], dtype=str)) == {}
    assert off_shares(np.array([4, 4]), 4, np.array(["AtMaximum", "AtMaximum"])) == {}


def test_what_no_work_was_there_for_is_off_for_want_of_demand() -> None:
    reasons = np.array(["SwitchCost", "PowerLimit", "DemandStale", "Paused", "DemandMet"])
    shares = off_shares(np.array([3, 1, 1, 0, 1]), 4, reasons, np.array([2, 3, 0, 0, 1]))
    assert shares == {"DemandMet": 5 / 20, "PowerLimit": 2 / 20, "DemandStale": 3 / 20, "Paused": 4 / 20}
    assert off_shares(np.array([2.5]), 4, np.array(["SwitchCost"]), np.array([3])) == {
        "SwitchCost": 0.5 / 4,
        "DemandMet": 1 / 4,
    }


def test_more_workloads_than_bars_are_counted() -> None:
    many = tuple(workload(f"w{i}", np.zeros(288), 1e3) for i in range(45))
    text = read(site(workloads=many)).text
    assert "5 smaller workloads are not shown." in text
    assert "37 other mining pools" in text


def test_write_report_writes_utf8(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", site())
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(site())


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_has_enough_contrast(mode: str) -> None:
    css = re.findall(r"<style>(.*?)</style>", render(site()), flags=re.DOTALL)[0]
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0 if mode == "light" else 1]))
    for ink in ("text", "muted", "ours", "oracle", "limit", "good", "bad"):
        for ground in ("page", "surface"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for fill in (name for name in colours if re.match(r"serve|mine|off|on$|static|fixed", name)):
        assert contrast(colours[fill], colours["surface"]) >= 3 or fill in {"fixed", "off-demand"}, fill


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
