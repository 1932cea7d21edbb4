/* The trends page in the browser: chosen tags, time range, zoom, live, address bar. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const MAX_TAGS = 12;
  const MARGIN = 0.5; /* loaded on each side of what is seen, so that panning shows data at once */
  const FOLLOW_MS = 2000;

  spindle.trend = { ready: false };

  /* ids: {chart, legend, empty, toolbar, note}; start: {tags, range_s, from, to, live} */
  spindle.trend.open = async function (ids, start) {
    const parts = Object.fromEntries(
      Object.entries(ids).map(([name, id]) => [name, getHtmlElement(id)]),
    );
    const state = {
      tags: [], found: new Map(), live: start.live, range: start.range_s * 1000,
      view: start.from ? [start.from, start.to] : null, loaded: [0, 1],
    };
    const chart = await spindle.chart(ids.chart);
    let aborter = null;
    let zooming = null;
    let drawing = false;

    function view() {
      if (state.view && !state.live) return state.view;
      const now = Date.now();
      return [now - state.range, now];
    }
    function paint() {
      const palette = spindle.palette();
      state.tags.forEach((tag, index) => { tag.colour = palette[index % palette.length]; });
      parts.empty.classList.toggle("hidden", state.tags.length > 0);
      parts.chart.classList.toggle("hidden", state.tags.length === 0);
      if (state.tags.length) {
        drawing = true;
        chart.resize();
        chart.setOption(spindle.trendOptions(state.tags, state.found, state.seen, state.loaded, tooltip), { notMerge: true });
        drawing = false;
      }
      legend();
      parts.chart.dataset.drawn = String(Number(parts.chart.dataset.drawn || 0) + 1);
      parts.chart.dataset.from = Math.round(state.seen[0]);
      parts.chart.dataset.to = Math.round(state.seen[1]);
    }
    async function load() {
      if (aborter) aborter.abort();
      aborter = new AbortController();
      const seen = view();
      const span = seen[1] - seen[0];
      const end = state.live ? seen[1] : Math.min(seen[1] + span * MARGIN, Math.max(Date.now(), seen[1]));
      const loaded = [seen[0] - span * MARGIN, end];
      address();
      if (!state.tags.length) {
        Object.assign(state, { seen, loaded });
        return paint();
      }
      if (!state.live) parts.chart.classList.add("loading");
      try {
        const query = new URLSearchParams({
          tags: state.tags.map((tag) => tag.id).join(","),
          from: Math.round(loaded[0]), to: Math.round(loaded[1]),
          buckets: Math.round(Math.min(2400, Math.max(300, (parts.chart.offsetWidth || 900) * 1.2))),
        });
        const body = await spindle.fetchJson(`/ui-data/trend.json?${query}`, aborter.signal);
        state.found = new Map(body.series.map((item) => [item.id, item]));
        Object.assign(state, { seen, loaded });
        note("");
        paint();
      } catch (error) {
        if (error.name !== "AbortError") note(`${error.message || error} ${error.hint || ""}`);
      } finally {
        parts.chart.classList.remove("loading");
      }
    }
    function note(text) {
      parts.note.textContent = text;
      parts.note.classList.toggle("hidden", !text.trim());
    }

    /* ---- what the pointer shows -------------------------------------------------- */
    function at(series, time, end) {
      let low = 0;
      let high = series.t.length - 1;
      if (high < 0) return -1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (series.t[middle] <= time) low = middle;
        else high = middle - 1;
      }
      const next = low + 1;
      if (!end && next < series.t.length && series.t[next] - time < time - series.t[low]) return next;
      return low;
    }
    function shown(tag, index) {
      const series = state.found.get(tag.id);
      if (!series || index < 0) return "–";
      if (series.texts) return series.texts[index] === null ? "bad" : series.texts[index];
      const mean = series.avg[index];
      if (mean === null) return "bad";
      if (tag.kind === "bool") return mean ? "true" : "false";
      const text = spindle.words.value(mean, tag.unit);
      if (series.raw) return text;
      return `${text}  (${spindle.words.number(series.min[index])} to ${spindle.words.number(series.max[index])})`;
    }
    function tooltip(params) {
      const first = Array.isArray(params) ? params[0] : params;
      const time = first.axisValue;
      const box = document.createElement("div");
      box.className = "trend-tip";
      const head = document.createElement("div");
      head.className = "trend-tip-time";
      head.textContent = new Date(time).toLocaleString("sv");
      box.append(head);
      for (const tag of state.tags) {
        const series = state.found.get(tag.id);
        const row = document.createElement("div");
        const swatch = document.createElement("i");
        swatch.style.background = tag.colour;
        const name = document.createElement("span");
        name.textContent = `${tag.device} / ${tag.name}`;
        const value = document.createElement("b");
        value.textContent = series ? shown(tag, at(series, time, spindle.isLane(tag))) : "–";
        row.append(swatch, name, value);
        box.append(row);
      }
      return box;
    }
    function legend() {
      parts.legend.replaceChildren(...state.tags.map((tag) => {
        const chip = document.createElement("span");
        chip.className = "trend-chip";
        const swatch = document.createElement("i");
        swatch.style.background = tag.colour;
        const name = document.createElement("span");
        name.textContent = `${tag.device} / ${tag.name}`;
        name.title = `${tag.spoke} / ${tag.device} / ${tag.name}`;
        const series = state.found.get(tag.id);
        const value = document.createElement("b");
        value.textContent = series ? shown(tag, series.t.length - 1).split("  (")[0] : "–";
        const remove = document.createElement("button");
        remove.type = "button";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `Remove ${tag.name}`);
        remove.onclick = () => {
          state.tags = state.tags.filter((item) => item !== tag);
          load();
        };
        chip.append(swatch, name, value, remove);
        return chip;
      }));
    }

    /* ---- range, zoom, live -------------------------------------------------------- */
    function buttons() {
      const preset = state.view && !state.live ? "" : String(state.range / 1000);
      for (const item of parts.toolbar.querySelectorAll("[data-range]")) {
        item.setAttribute("aria-pressed", String(item.dataset.range === preset));
      }
      const live = parts.toolbar.querySelector("[data-live]");
      live.setAttribute("aria-pressed", String(state.live));
    }
    function address() {
      const query = new URLSearchParams();
      if (state.tags.length) query.set("tags", state.tags.map((tag) => tag.id).join(","));
      if (state.view && !state.live) {
        query.set("from", new Date(state.view[0]).toISOString());
        query.set("to", new Date(state.view[1]).toISOString());
      } else query.set("range", String(Math.round(state.range / 1000)));
      if (!state.live) query.set("live", "0");
      const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
      history.replaceState(history.state, "", `/trends?${text}`);
      const csv = new URLSearchParams({
        tags: state.tags.map((tag) => tag.id).join(","),
        from: Math.round(view()[0]), to: Math.round(view()[1]), buckets: 10000,
      });
      const link = parts.toolbar.querySelector("[data-csv]");
      link.href = `/ui-data/trend.csv?${csv}`;
      link.classList.toggle("disabled", !state.tags.length);
      buttons();
    }
    function look(from, to) {
      state.live = false;
      state.view = [from, to];
      load();
    }
    chart.on("datazoom", () => {
      if (drawing) return;
      const zoom = chart.getOption().dataZoom[0];
      const seen = [zoom.startValue, zoom.endValue];
      clearTimeout(zooming);
      zooming = setTimeout(() => look(seen[0], seen[1]), 250);
      state.live = false;
      buttons();
    });
    parts.toolbar.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const [from, to] = view();
      const span = to - from;
      if (button.dataset.range) {
        state.range = Number(button.dataset.range) * 1000;
        if (!state.live) state.view = [Date.now() - state.range, Date.now()];
        state.view = null;
        state.live = state.live || button.dataset.range === "300";
        load();
      } else if (button.dataset.step) {
        const shift = Number(button.dataset.step) * span;
        look(from + shift, to + shift);
      } else if (button.dataset.zoom) {
        const grow = (span * (Number(button.dataset.zoom) - 1)) / 2;
        look(from - grow, to + grow);
      } else if ("custom" in button.dataset) {
        parts.toolbar.dispatchEvent(new CustomEvent("spindle-custom"));
      } else if ("live" in button.dataset) {
        state.live = !state.live;
        if (state.live) state.range = Math.min(span, 86400000);
        state.view = state.live ? null : [from, to];
        load();
      }
    });
    setInterval(() => {
      if (state.live && state.tags.length && !document.hidden && document.contains(parts.chart)) load();
    }, FOLLOW_MS);
    window.addEventListener("spindle-theme", () => setTimeout(() => state.seen && paint(), 50));

    spindle.trend.add = function (tag) {
      if (state.tags.some((item) => item.id === tag.id)) return;
      if (state.tags.length >= MAX_TAGS) return note(`At most ${MAX_TAGS} tags fit into one trend. Remove one first.`);
      state.tags.push(tag);
      load();
    };
    spindle.trend.look = look;
    state.tags = start.tags.slice(0, MAX_TAGS);
    await load();
    spindle.trend.ready = true;
  };
})();
