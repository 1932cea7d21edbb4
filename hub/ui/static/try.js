/* A trial of a function: its inputs and outputs in one chart with one time axis. */
(function () {
  "use strict";
  const spindle = window.spindle;
  let shown = null; /* {chart, data, curves, found, hidden} */

  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  const title = (curve) => (curve.role === "before" ? `${curve.port}: ${curve.name}` : curve.name);
  /* The last point at or before a time. */
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
  function words(curve, index) {
    if (index < 0) return "–";
    const value = curve.texts ? curve.texts[index] : curve.avg[index];
    const note = curve.notes[String(index)];
    if (value === null) return note || "bad";
    const text = curve.texts ? value : spindle.words.value(value, curve.unit);
    return note ? `${text} (${note})` : text;
  }
  function tooltip(params) {
    const time = (Array.isArray(params) ? params[0] : params).axisValue;
    const box = element("div", "trend-tip");
    box.append(element("div", "trend-tip-time", new Date(time).toLocaleString("sv")));
    for (const curve of shown.curves.filter((item) => !shown.hidden.has(item.id))) {
      const row = element("div");
      const swatch = element("i");
      swatch.style.background = curve.colour;
      row.append(swatch, element("span", "", title(curve)), element("b", "", words(curve, at(curve.t, time))));
      box.append(row);
    }
    return box;
  }
  /* Inputs are thin and pale, outputs stand out. */
  function options() {
    const { data, curves, found, hidden } = shown;
    const palette = spindle.palette();
    curves.forEach((curve, index) => { curve.colour = palette[index % palette.length]; });
    const visible = curves.filter((curve) => !hidden.has(curve.id));
    const zoom = shown.chart.getOption()?.dataZoom?.[0];
    const view = zoom && shown.drawn ? [zoom.startValue, zoom.endValue] : [data.from, data.to];
    const made = spindle.trendOptions(visible, found, view, [data.from, data.to], tooltip);
    const numbers = visible.filter((curve) => !spindle.isLane(curve));
    const lines = made.series.filter((item) => item.type === "line");
    lines.forEach((line, index) => {
      const before = numbers[index].role === "before";
      Object.assign(line.lineStyle, before ? { width: 1.2, opacity: 0.6 } : { width: 2.2 });
      line.z = before ? 2 : 4;
    });
    if (lines.length && data.marks.length) {
      const stroke = (level) => spindle.colour(level === "info" ? "accent" : level);
      lines[0].markLine = {
        symbol: "none", silent: true, animation: false, label: { show: false },
        data: data.marks.map((mark) => ({ xAxis: mark.t, lineStyle: { color: stroke(mark.level), width: 1, type: "solid", opacity: 0.7 } })),
      };
    }
    return made;
  }
  function draw() {
    shown.chart.resize();
    shown.chart.setOption(options(), { notMerge: true });
    shown.drawn = true;
    shown.place.dataset.drawn = String(Number(shown.place.dataset.drawn || 0) + 1);
  }
  function chip(curve) {
    const made = element("button", `trend-chip try-chip ${curve.role}`);
    made.type = "button";
    made.setAttribute("aria-pressed", "true");
    made.title = "Show or hide";
    const swatch = element("i");
    swatch.style.background = curve.colour;
    made.append(swatch, element("span", "muted-inline", curve.role === "before" ? "in" : "out"), element("span", "", title(curve)));
    made.onclick = () => {
      if (!shown.hidden.delete(curve.id)) shown.hidden.add(curve.id);
      made.setAttribute("aria-pressed", String(!shown.hidden.has(curve.id)));
      draw();
    };
    return made;
  }
  window.addEventListener("spindle-theme", () => setTimeout(() => shown && document.contains(shown.place) && draw(), 50));

  spindle.trial = {
    async show(id, legend, data) {
      const chart = await spindle.chart(id);
      const curves = data.curves.map((curve) => ({ ...curve, device: curve.role }));
      const found = new Map(curves.map((curve) => [curve.id, { ...curve, raw: true }]));
      shown = { chart, place: getHtmlElement(id), data, curves, found, hidden: new Set(), drawn: false };
      draw();
      getHtmlElement(legend).replaceChildren(...curves.map(chip));
    },
    /* The last choice for a function, in this browser. */
    choice(key) {
      try {
        return JSON.parse(localStorage.getItem(`spindle.trial.${key}`));
      } catch {
        return null;
      }
    },
    keep(key, choice) {
      try {
        localStorage.setItem(`spindle.trial.${key}`, JSON.stringify(choice));
      } catch { /* nothing is kept, then */ }
    },
  };
})();
