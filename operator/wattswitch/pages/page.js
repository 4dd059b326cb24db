"use strict";
// A reading under the pointer (or at the arrow keys) for each plot over time. The page says everything without it.
for (const figure of document.querySelectorAll("figure[data-read]")) {
  const { edges, heads, rows } = JSON.parse(figure.querySelector("script").textContent);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-live", "polite");
  figure.append(tip);
  for (const svg of figure.querySelectorAll("svg.plot")) {
    const cursor = svg.querySelector(".cursor");
    const left = Number(svg.dataset.left);
    const width = Number(svg.dataset.right) - left;
    let shown = 0;
    for (const title of svg.querySelectorAll("title")) {
      if (title.parentNode === svg) svg.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    svg.removeAttribute("aria-labelledby");
    svg.setAttribute("aria-describedby", svg.querySelector("desc").id);
    svg.setAttribute("tabindex", "0");
    const show = (column) => {
      shown = Math.min(Math.max(column, 0), heads.length - 1);
      const at = left + ((edges[shown] + edges[shown + 1]) / 2) * width;
      cursor.setAttribute("d", `M${at} ${cursor.dataset.top}V${cursor.dataset.bottom}`);
      tip.textContent = [heads[shown], ...rows.map(([name, values]) => `${name}: ${values[shown]}`)].join("\n");
      tip.hidden = false;
      const frame = figure.getBoundingClientRect();
      const picture = svg.getBoundingClientRect();
      const x = picture.left - frame.left + (at / svg.viewBox.baseVal.width) * picture.width;
      const beside = x + 14 + tip.offsetWidth > frame.width ? x - 14 - tip.offsetWidth : x + 14;
      tip.style.left = `${Math.max(0, beside)}px`;
      tip.style.top = `${picture.top - frame.top + 30}px`;
    };
    const hide = () => {
      tip.hidden = true;
      cursor.setAttribute("d", "");
    };
    const point = (event) => {
      const picture = svg.getBoundingClientRect();
      const place = (((event.clientX - picture.left) / picture.width) * svg.viewBox.baseVal.width - left) / width;
      if (place < 0 || place > 1) return hide();
      const after = edges.findIndex((edge) => edge > place);
      show(after < 0 ? heads.length - 1 : after - 1);
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("focus", () => svg.matches(":focus-visible") && show(shown));
    svg.addEventListener("blur", hide);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -heads.length, End: heads.length }[event.key];
      if (!step) return;
      event.preventDefault();
      show(shown + step);
    });
  }
}
