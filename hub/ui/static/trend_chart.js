/* Trend data -> ECharts options. Pure but for colours, which come from the style sheet. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const LANE = 30; /* px per lane of text or bool */
  const GAP_FACTOR = 2.5; /* a bucket that is missing breaks the line */

  /* Points with null where samples are missing, so that a gap is drawn as a gap. */
  function withGaps(series) {
    const t = series.t;
    const steps = [];
    for (let i = 1; i < t.length; i++) steps.push(t[i] - t[i - 1]);
    steps.sort((a, b) => a - b);
    const usual = steps[Math.floor(steps.length / 2)] || 0;
    const limit = series.raw ? Math.max(usual * 20, 60000) : usual * GAP_FACTOR;
    const made = { t: [], min: [], avg: [], max: [] };
    const push = (time, low, mean, high) => {
      made.t.push(time);
      made.min.push(low);
      made.avg.push(mean);
      made.max.push(high);
    };
    for (let i = 0; i < t.length; i++) {
      if (i && t[i] - t[i - 1] > limit) push(t[i - 1] + 1, null, null, null);
      const mean = series.avg[i];
      push(t[i], series.min ? series.min[i] : mean, mean, series.max ? series.max[i] : mean);
    }
    return made;
  }

  /* One polygon per stretch without a gap: upper edge forth, lower edge back. */
  function band(points, colour, axis) {
    return {
      type: "custom",
      silent: true,
      xAxisIndex: 0,
      yAxisIndex: axis,
      clip: true,
      data: points.t.map((time, i) => [time, points.min[i], points.max[i]]),
      encode: { x: 0, y: [1, 2] },
      z: 1,
      renderItem(params, api) {
        if (params.dataIndex !== 0) return null;
        const shapes = [];
        let upper = [];
        let lower = [];
        const close = () => {
          if (upper.length > 1) {
            shapes.push({
              type: "polygon",
              shape: { points: upper.concat(lower.reverse()) },
              style: { fill: colour, opacity: 0.18 },
            });
          }
          upper = [];
          lower = [];
        };
        for (let i = 0; i < points.t.length; i++) {
          if (points.max[i] === null || points.min[i] === null) {
            close();
            continue;
          }
          upper.push(api.coord([points.t[i], points.max[i]]));
          lower.push(api.coord([points.t[i], points.min[i]]));
        }
        close();
        return { type: "group", children: shapes };
      },
    };
  }

  function line(tag, points, colour, axis, raw) {
    return {
      name: tag.name,
      type: "line",
      xAxisIndex: 0,
      yAxisIndex: axis,
      data: points.t.map((time, i) => [time, points.avg[i]]),
      showSymbol: raw && points.t.length < 80,
      symbolSize: 5,
      step: tag.kind === "int" && raw ? "end" : false,
      connectNulls: false,
      lineStyle: { width: 1.8, color: colour },
      itemStyle: { color: colour },
      emphasis: { disabled: true },
      z: 3,
    };
  }

  /* Stretches of one text: [start, end, text]; null texts are gaps. */
  spindle.stretches = function (series, end) {
    const made = [];
    const texts = series.texts || series.avg.map((v) => (v === null ? null : v ? "true" : "false"));
    for (let i = 0; i < series.t.length; i++) {
      const last = made[made.length - 1];
      const until = i + 1 < series.t.length ? series.t[i + 1] : end;
      if (texts[i] === null) continue;
      if (last && last[2] === texts[i] && last[1] === series.t[i]) last[1] = until;
      else made.push([series.t[i], until, texts[i]]);
    }
    return made;
  };

  function lane(tag, series, row, colour, axis, end) {
    const stretches = spindle.stretches(series, end);
    const names = [...new Set(stretches.map((item) => item[2]))].sort();
    const ink = spindle.colour("text");
    return {
      name: tag.name,
      type: "custom",
      xAxisIndex: 1,
      yAxisIndex: axis,
      clip: true,
      data: stretches.map((item) => [item[0], item[1], row, item[2]]),
      encode: { x: [0, 1], y: 2 },
      silent: true,
      renderItem(params, api) {
        const from = api.coord([api.value(0), row]);
        const to = api.coord([api.value(1), row]);
        const area = params.coordSys;
        const x = Math.max(from[0], area.x);
        const width = Math.min(to[0], area.x + area.width) - x;
        if (width <= 0) return null;
        const text = String(api.value(3));
        const rank = names.indexOf(text);
        const strength = names.length < 2 ? 0.5 : 0.22 + (0.6 * rank) / (names.length - 1);
        const children = [{
          type: "rect",
          shape: { x, y: from[1] - LANE * 0.36, width: Math.max(width, 1), height: LANE * 0.72, r: 2 },
          style: { fill: colour, opacity: strength * 0.6, stroke: colour, lineWidth: 0.5 },
        }];
        if (width >= 26) {
          children.push({
            type: "text",
            style: {
              text, x: x + 6, y: from[1], verticalAlign: "middle", fill: ink, fontSize: 11.5,
              width: width - 10, overflow: "truncate",
            },
          });
        }
        return { type: "group", children };
      },
    };
  }

  spindle.isLane = (tag) => tag.kind === "text" || tag.kind === "bool";

  /* An axis of one tag only has the tag's colour. */
  function valueAxes(units, numbers, text, grid) {
    return units.map((unit, index) => {
      const right = index % 2 === 1;
      const own = numbers.filter((tag) => tag.unit === unit);
      const ink = own.length === 1 && units.length > 1 ? own[0].colour : text;
      return {
        type: "value",
        gridIndex: 0,
        name: unit || "no unit",
        nameTextStyle: { color: ink, fontWeight: 600, align: right ? "left" : "right", padding: [0, 0, 2, 0] },
        position: right ? "right" : "left",
        offset: Math.floor(index / 2) * 62,
        scale: true,
        axisLine: { show: true, lineStyle: { color: grid } },
        axisLabel: { color: ink, formatter: spindle.words.tick },
        splitLine: { show: index === 0, lineStyle: { color: grid, opacity: 0.6 } },
      };
    });
  }

  /* tags: chosen tags with colour; found: Map id -> series; view, loaded: [from, to] in ms. */
  spindle.trendOptions = function (tags, found, view, loaded, tooltip) {
    const text = spindle.colour("muted");
    const grid = spindle.colour("border");
    const numbers = tags.filter((tag) => !spindle.isLane(tag));
    const lanes = tags.filter(spindle.isLane);
    const units = [...new Set(numbers.map((tag) => tag.unit))];
    const left = 64 + Math.max(0, Math.ceil(units.length / 2) - 1) * 62;
    const right = 28 + Math.floor(units.length / 2) * 62;
    const lanesHeight = lanes.length * LANE;
    const bottom = 74;
    const series = [];
    for (const tag of numbers) {
      const data = found.get(tag.id);
      if (!data) continue;
      const points = withGaps(data);
      const axis = units.indexOf(tag.unit);
      if (!data.raw) series.push(band(points, tag.colour, axis));
      series.push(line(tag, points, tag.colour, axis, data.raw));
    }
    const laneAxis = units.length || 1;
    lanes.forEach((tag, index) => {
      const data = found.get(tag.id);
      const end = Math.min(loaded[1], Date.now());
      if (data) series.push(lane(tag, data, lanes.length - 1 - index, tag.colour, laneAxis, end));
    });
    const time = (index, visible) => ({
      type: "time",
      gridIndex: index,
      min: loaded[0],
      max: loaded[1],
      axisLine: { lineStyle: { color: grid } },
      axisLabel: { show: visible, color: text, hideOverlap: true },
      axisTick: { show: visible },
      splitLine: { show: true, lineStyle: { color: grid, opacity: 0.35 } },
    });
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: text } },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: spindle.colour("surface"),
        borderColor: grid,
        textStyle: { color: spindle.colour("text"), fontSize: 12 },
        formatter: tooltip,
      },
      grid: [
        { left, right, top: 34, bottom: bottom + (lanes.length ? lanesHeight + 14 : 0) },
        { left, right, bottom, height: Math.max(lanesHeight, 1), show: false },
      ],
      xAxis: [time(0, lanes.length === 0), time(1, lanes.length > 0)],
      yAxis: [
        ...(units.length ? valueAxes(units, numbers, text, grid) : [{ type: "value", gridIndex: 0, show: false }]),
        {
          type: "value", gridIndex: 1, min: -0.5, max: Math.max(lanes.length, 1) - 0.5, interval: 1,
          axisLabel: { show: false }, splitLine: { show: false }, axisLine: { show: false },
          axisPointer: { show: false },
        },
      ],
      dataZoom: [
        {
          type: "inside", xAxisIndex: [0, 1], filterMode: "none",
          startValue: view[0], endValue: view[1], minValueSpan: 1000,
        },
        {
          type: "slider", xAxisIndex: [0, 1], filterMode: "none", height: 20, bottom: 12,
          startValue: view[0], endValue: view[1], showDataShadow: false, brushSelect: false,
          borderColor: grid, textStyle: { color: text }, labelFormatter: "",
        },
      ],
      series,
    };
  };
})();
