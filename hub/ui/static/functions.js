/* Functions in the browser: steps through what differs, and charts that follow. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const FOLLOW_MS = 5000;
  const charts = new Map(); /* by element id */

  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  /* The last point at or before a time, -1 before the first. */
  function at(times, time) {
    let low = -1;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  function shown(curve, series, time) {
    const index = series ? at(series.t, time) : -1;
    if (index < 0) return "–";
    if (series.texts) return series.texts[index] === null ? "bad" : series.texts[index];
    return series.avg[index] === null ? "bad" : spindle.words.value(series.avg[index], curve.unit);
  }
  function tooltip(state) {
    return (params) => {
      const time = (Array.isArray(params) ? params[0] : params).axisValue;
      const box = element("div", "trend-tip");
      box.append(element("div", "trend-tip-time", new Date(time).toLocaleString("sv")));
      for (const curve of state.curves) {
        const row = element("div");
        const swatch = element("i");
        swatch.style.background = curve.colour;
        row.append(swatch, element("span", "", curve.title), element("b", "", shown(curve, state.found.get(curve.id), time)));
        box.append(row);
      }
      return box;
    };
  }
  const STROKES = { pale: { width: 1.2, opacity: 0.65 }, wide: { width: 5, opacity: 0.4 }, thin: { width: 1.4 } };
  /* Inputs are thin and pale; what is at work lies as a broad band under its shadow. */
  function draw(state) {
    if (!state.place.offsetParent || !state.seen) return;
    const palette = spindle.palette();
    state.curves.forEach((curve, index) => { curve.colour = palette[index % palette.length]; });
    const options = spindle.trendOptions(state.curves, state.found, state.seen, state.seen, tooltip(state));
    options.dataZoom = [];
    options.grid[0].bottom -= 44;
    options.grid[1].bottom -= 44;
    const numbers = state.curves.filter((curve) => !spindle.isLane(curve) && state.found.has(curve.id));
    options.series.filter((item) => item.type === "line").forEach((line, index) => {
      Object.assign(line.lineStyle, STROKES[numbers[index].stroke] || { width: 2.2 });
    });
    state.chart.resize();
    state.chart.setOption(options, { notMerge: true });
    state.place.dataset.drawn = String(Number(state.place.dataset.drawn || 0) + 1);
    state.legend.replaceChildren(...state.curves.map((curve) => {
      const chip = element("span", "trend-chip still");
      const swatch = element("i");
      swatch.style.background = curve.colour;
      if (curve.role) chip.append(element("span", "muted-inline", curve.role));
      chip.prepend(swatch);
      chip.append(element("span", "", curve.title),
        element("b", "", shown(curve, state.found.get(curve.id), state.seen[1])));
      return chip;
    }));
  }
  async function opened(id, legend) {
    if (!charts.has(id)) {
      const chart = await spindle.chart(id);
      charts.set(id, { chart, place: getHtmlElement(id), legend: getHtmlElement(legend), curves: [], found: new Map(), seen: null });
    }
    return charts.get(id);
  }
  async function load(state) {
    if (document.hidden || !state.place.offsetParent || !state.curves.length) return;
    const end = Date.now();
    const seen = [end - state.range * 1000, end];
    const query = new URLSearchParams({
      tags: state.curves.map((curve) => curve.id).join(","), from: seen[0], to: seen[1],
      buckets: Math.round(Math.min(1200, Math.max(200, state.place.offsetWidth))),
    });
    try {
      const body = await spindle.fetchJson(`/ui-data/trend.json?${query}`);
      state.found = new Map(body.series.map((item) => [item.id, item]));
      state.seen = seen;
      state.place.classList.remove("loading");
      draw(state);
    } catch {
      state.place.classList.add("loading"); /* what stands there is old; the page's own line says why */
    }
  }
  window.addEventListener("spindle-theme", () => setTimeout(() => {
    for (const state of charts.values()) if (document.contains(state.place)) draw(state);
  }, 50));

  spindle.functions = {
    /* To the next (1) or the last (-1) change of a comparison. */
    step(box, way) {
      const places = [...box.querySelectorAll("[data-change]")];
      if (!places.length) return;
      const now = places.findIndex((item) => item.classList.contains("here"));
      if (now >= 0) places[now].classList.remove("here");
      const next = now < 0 ? (way > 0 ? 0 : places.length - 1) : (now + way + places.length) % places.length;
      places[next].classList.add("here");
      const top = places[next].getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTo({ top: box.scrollTop + top - 60 });
    },
    /* A trend of tags that follows; again with another range in seconds. */
    async trend(id, legend, curves, range) {
      const state = await opened(id, legend);
      Object.assign(state, { curves, range });
      clearInterval(state.timer);
      state.timer = setInterval(() => (document.contains(state.place) ? load(state) : clearInterval(state.timer)), FOLLOW_MS);
      await load(state);
    },
    /* Curves with their points: what is at work and its shadow. */
    async compare(id, legend, curves, series) {
      const state = await opened(id, legend);
      const times = series[0].t;
      Object.assign(state, { curves, found: new Map(series.map((item) => [item.id, item])), seen: [times[0], times[times.length - 1]] });
      draw(state);
    },
  };
})();
