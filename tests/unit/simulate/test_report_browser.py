"""The report page in a real browser: nothing overlaps or overflows, and its script runs. Skipped without Chromium."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from unit.simulate.report_site import site, workload
from wattswitch.simulate.report import ReportData, render

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (360, 390, 620, 768, 1010, 1280)
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")

PROBE = """
<script>
const bad = [];
const wide = document.documentElement.clientWidth;
const box = (element) => element.getBoundingClientRect();
const across = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left);
const along = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
const drawn = [...document.querySelectorAll("svg.plot")].filter((svg) => box(svg).width);
for (const svg of drawn) {
  const texts = [...svg.querySelectorAll("text")];
  const frame = box(svg);
  texts.forEach((text, i) => {
    const a = box(text);
    const inside = a.left >= frame.left - 1 && a.right <= frame.right + 1 && a.top >= frame.top - 1;
    if (!inside || a.bottom > frame.bottom + 1) bad.push(`outside: ${text.textContent}`);
    if (a.height < 9) bad.push(`too small: ${text.textContent}`);
    for (const other of texts.slice(i + 1)) {
      if (across(a, box(other)) <= 0.5 || along(a, box(other)) <= 3) continue;
      bad.push(`overlap: ${text.textContent} | ${other.textContent}`);
    }
  });
}
if (document.documentElement.scrollWidth > wide) bad.push(`page is ${document.documentElement.scrollWidth} wide`);
for (const element of document.querySelectorAll("body *")) {
  if (element.closest(".scroll, svg, details, script, .tip")) continue;
  if (box(element).right > wide + 1) bad.push(`sticks out: ${element.tagName} ${element.className}`);
}
const first = drawn[0];
const point = { clientX: box(first).left + box(first).width / 2, clientY: box(first).top + 40, bubbles: true };
first.dispatchEvent(new PointerEvent("pointermove", point));
const told = first.closest("figure").querySelector(".tip").textContent;
const dark = getComputedStyle(document.body).backgroundColor;
parent.postMessage({ bad, drawn: drawn.length, wide, told, dark }, "*");
</script>
"""
LISTEN = """<!doctype html><pre id="heard"></pre>
<script>
const heard = [];
onmessage = (event) => {
  heard.push(event.data);
  document.querySelector("#heard").textContent = JSON.stringify(heard);
};
</script>
"""


@dataclass(frozen=True)
class Measured:
    """What a page told of itself: what is wrong, how many plots are shown, its width, a reading, its background."""

    bad: list[str]
    drawn: int
    wide: int
    told: str
    dark: str


def measure(data: ReportData, widths: Iterable[int], folder: Path, *options: str) -> list[Measured]:
    """What the page measures of itself in frames of these widths; a window cannot be as narrow as a phone."""
    assert CHROMIUM is not None
    page = render(data).replace("</body>", f"{PROBE}</body>")
    (folder / "page.html").write_text(page, encoding="utf-8")
    frames = (f'<iframe src="page.html" style="width:{width}px;height:6000px;border:0"></iframe>' for width in widths)
    outer = folder / "frames.html"
    outer.write_text(LISTEN + "".join(frames), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    command += [f"--user-data-dir={folder / 'profile'}", "--window-size=1600,2000", "--virtual-time-budget=8000"]
    command += [*options, "--dump-dom", outer.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    found = re.findall(r'<pre id="heard">(.+?)</pre>', dom, flags=re.DOTALL)
    assert found, "the script of the page failed"
    return sorted((Measured(**told) for told in json.loads(unescape(found[0]))), key=lambda told: told.wide)


def long_names() -> ReportData:
    """Thirty workloads with long names, a negative spike, a limit that moves, and a good many days."""
    steps = 288 * 40
    rng = np.random.default_rng(5)
    price = 40 + 30 * rng.standard_normal(steps)
    price[[700, 5_000]] = (-900.0, 4_900.0)
    many = tuple(
        replace(
            workload(f"a-namespace-of-some-length/workload-with-a-long-name-{i}", 1e5 * rng.random(steps), 1.2e5),
            worth_per_mwh=np.full(steps, 40.0 + i),
        )
        for i in range(30)
    )
    limit = np.where(np.arange(steps) % 2_000 < 300, 2e6, 3.1e6)
    return site(steps, workloads=many, price_per_mwh=price, limit_watts=limit, foresight_watts=2e6 * rng.random(steps))


@pytest.mark.parametrize("make", [site, long_names])
def test_nothing_overlaps_or_sticks_out_at_any_width(make: Callable[[], ReportData], tmp_path: Path) -> None:
    data = make()
    told = measure(data, WIDTHS, tmp_path)
    assert [page.wide for page in told] == list(WIDTHS)
    assert [page.bad for page in told] == [[]] * len(WIDTHS)
    assert {page.drawn for page in told} == {2 if len(data.times) <= 400 else 3}, "each plot once"


def test_the_reading_under_the_pointer_tells_price_and_watts(tmp_path: Path) -> None:
    told = measure(site(), [1280], tmp_path)[0].told.replace("\N{NO-BREAK SPACE}", " ")
    assert re.match(r"Mon 1 Jan 2024 1[12]:\d\d\nprice: \$", told)
    assert "\nlimit: 392 kW\n" in told
    assert "\nai/llama: 100 kW\n" in told


@pytest.mark.parametrize(("scheme", "background"), [(1, "rgb(244, 246, 248)"), (0, "rgb(13, 17, 23)")])
def test_light_is_light_and_dark_is_dark(scheme: int, background: str, tmp_path: Path) -> None:
    told = measure(site(), [1280], tmp_path, f"--blink-settings=preferredColorScheme={scheme}")[0]
    assert told.dark == background
