/* The small live chart of the overview: keeps its points and takes the theme's colours. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const charts = new Map();
  const KEEP = 300;
  const WINDOW_MS = 600000;

  function draw(chart, points) {
    const line = spindle.colour("accent");
    const text = spindle.colour("muted");
    const grid = spindle.colour("border");
    const end = points.length ? points[points.length - 1][0] : Date.now();
    chart.setOption({
      animation: false,
      grid: { left: 56, right: 20, top: 18, bottom: 28 },
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      tooltip: {
        trigger: "axis", confine: true, backgroundColor: spindle.colour("surface"), borderColor: grid,
        textStyle: { color: spindle.colour("text"), fontSize: 12 },
        valueFormatter: (value) => `${spindle.words.count(value)} values/s`,
      },
      xAxis: {
        type: "time", min: end - WINDOW_MS, max: end, axisLabel: { color: text, hideOverlap: true },
        axisLine: { lineStyle: { color: grid } }, splitLine: { show: false },
      },
      yAxis: {
        type: "value", min: 0, axisLabel: { color: text, formatter: spindle.words.count },
        splitLine: { lineStyle: { color: grid, opacity: 0.6 } },
      },
      series: [{
        name: "Values per second", type: "line", showSymbol: false, data: points, connectNulls: false,
        lineStyle: { width: 1.8, color: line }, itemStyle: { color: line },
        areaStyle: { color: line, opacity: 0.12 },
      }],
    }, { notMerge: true });
  }

  spindle.pulse = async function (id, fresh) {
    const known = charts.get(id);
    if (known) {
      known.points.push(...fresh);
      known.points.splice(0, known.points.length - KEEP);
      if (known.chart) draw(known.chart, known.points);
      return;
    }
    const made = { chart: null, points: fresh };
    charts.set(id, made);
    made.chart = await spindle.chart(id);
    draw(made.chart, made.points);
    window.addEventListener("spindle-theme", () => setTimeout(() => draw(made.chart, made.points), 50));
  };
})();
