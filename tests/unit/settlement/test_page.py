"""The page: what it says, that it is whole in itself, and in a real browser that nothing overlaps."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from unit.settlement.settled import local, page, statements
from unit.simulate.test_report_browser import LISTEN, NAMES, PROBE
from wattswitch.settlement.coincident_peaks import NoPeak, Peak
from wattswitch.settlement.eventrecord import OptOut
from wattswitch.settlement.page import MOST_EVENTS, PageData, render

WIDTHS = (360, 620, 1280)
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)


class Text(HTMLParser):
    """What a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "link", "br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


def read(data: PageData) -> str:
    text = Text(render(data))
    assert text.open == []
    return " ".join(" ".join(text.words).replace("\N{NO-BREAK SPACE}", " ").split())


def test_it_says_what_the_months_and_the_events_came_to():
    told = read(page())
    assert "3 events, 1 missed, 1 not known throughout." in told
    assert "All in, a kWh cost 1.26 cents; $12,677 of credits." in told
    assert "Jul 2026 286 MWh $10,227 $9,400 " in told
    assert "−0.39" in told, "what July cost for each kWh, less than nothing"
    assert "✓ Target met in all of 11 intervals." in told
    assert "✗ Target missed in 2 of 7 intervals, worst at 16:30 by 50.9 kW." in told
    assert (
        "reduction cannot be judged: 4 of 10 days are missing: 6 eligible days in the last 12; the limit held" in told
    )
    assert "the limit held in 6 of 7 intervals." in told
    assert "5 of 10: none, 4 of 10 days are missing" in told
    assert "InferenceDeployment/serving/llama-70b (paused by hand)" in told
    assert "tenant b: a launch" in told
    assert "1 missing of 8 intervals" in told
    assert "✗ 320.0 kW could go, 80.0 kW less than the 400.0 kW promised" in told
    assert "✓ 320.0 kW could go within 312 s" in told


def test_it_is_whole_in_itself_and_lets_nothing_in():
    (event, *others) = statements()
    wicked = replace(event.event, name="<img src=x>", opt_outs=(OptOut("</script>", "<b>"),))
    month = replace(page().months[1], events=(replace(event, event=wicked), *others))
    told = render(page(site="a & <b>", months=(month,)))
    assert "<img" not in told
    assert "<b>" not in told
    assert told.count("</script>") == told.count("<script")
    assert not re.search(r"(?:https?:)?//[a-z]", told.replace("http-equiv", "")), "nothing from outside"


def test_nothing_on_record_is_said_to_be_so():
    assert "There is nothing on record." in read(page(months=(), readiness=(), facts=()))


def test_an_event_alone_is_told_without_a_month():
    met, missed, _ = statements()
    told = read(page(months=(), lone=(met,), readiness=()))
    assert "Settlement · west-texas ercot-0716 ✓ 1 event, the target met in every interval." in told
    assert "Times of America/Chicago, money in USD." in told
    assert "Lost income $87.30 not earned because of events" in told
    assert "Months" not in told
    assert "All events" not in told
    assert "All events" in read(page(months=(), lone=(met, missed)))


def test_other_baselines_stand_beside_the_one_that_counts():
    met, _, unknown = statements()
    told = read(page(others={met.event.key: (unknown,)}))
    assert "By every baseline that was asked for; the first one counts" in told
    assert "5 of 10 – – – – 4 of 10 days are missing: 6 eligible days in the last 12" in told
    assert "By every baseline" not in read(page())


def test_the_peaks_of_the_grid_are_told_or_why_there_are_none():
    found = (Peak("4CP", local(7, 22, 16.5), 900, 80_123.0, 171.2, complete=False), NoPeak("12CP", "nothing is known"))
    told = read(page(peaks=found))
    assert "4CP Wed 22 Jul 2026 16:30, 15 minutes, of the hours that are known 80,123 171 kW" in told
    assert "12CP nothing is known – –" in told


def test_many_events_are_all_in_the_table_and_the_latest_are_drawn():
    event = statements()[0]
    many = tuple(replace(event, event=replace(event.event, name=f"event-{i}.")) for i in range(MOST_EVENTS + 3))
    told = render(page(months=(replace(page().months[1], events=many),)))
    assert all(f"event-{i}." in told for i in range(MOST_EVENTS + 3))
    assert told.count("<figure") == MOST_EVENTS
    assert 'id="event-0-354-title">Load during event-3.' in told


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
@pytest.mark.parametrize(("scheme", "background"), [(1, "rgb(244, 246, 248)"), (0, "rgb(13, 17, 23)")])
def test_nothing_overlaps_or_sticks_out_in_light_and_dark(scheme: int, background: str, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    met, _, unknown = statements()
    full = page(others={met.event.key: (unknown,)}, peaks=(Peak("4CP", local(7, 22, 16.5), 900, 8e4, 171.2, True),))
    (tmp_path / "page.html").write_text(render(full).replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frames = (f'<iframe src="page.html" style="width:{width}px;height:6000px;border:0"></iframe>' for width in WIDTHS)
    outer = tmp_path / "frames.html"
    outer.write_text(LISTEN + "".join(frames), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1600,2000", "--virtual-time-budget=8000"]
    command += [f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", outer.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    (found,) = re.findall(r'<pre id="heard">(.+?)</pre>', dom, flags=re.DOTALL)
    told = sorted(json.loads(unescape(found)), key=lambda one: one["wide"])
    assert [one["wide"] for one in told] == list(WIDTHS)
    assert [one["bad"] for one in told] == [[]] * len(WIDTHS)
    assert {one["drawn"] for one in told} == {3}, "each event once"
    assert {one["dark"] for one in told} == {background}
    assert re.match(r"Thu\s16\sJul\s2026 16:[13]\d\nload: 7\d\.\d\skW\nbaseline: 39\d\skW", told[2]["told"])
