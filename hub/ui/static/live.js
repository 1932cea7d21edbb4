/* Live values: one WebSocket per page, messages as the hub encoded them once for everybody. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const KEEP = 60; /* points of a spark line */

  spindle.cells.value = (params) => spindle.words.value(params.data.v, params.data.unit);
  spindle.cells.age = (params) =>
    params.data.t ? spindle.words.age(Date.now() - params.data.t) : "never";
  spindle.cells.spark = function (params) {
    const points = (params.data.past || []).filter((value) => typeof value === "number");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 120 28");
    svg.setAttribute("class", "spark");
    svg.setAttribute("aria-hidden", "true");
    if (points.length < 2) return svg;
    const low = Math.min(...points);
    const span = Math.max(...points) - low || 1;
    const step = 118 / (KEEP - 1);
    const start = 119 - step * (points.length - 1);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute(
      "points",
      points.map((value, index) => `${(start + index * step).toFixed(1)},${(25 - ((value - low) / span) * 22).toFixed(1)}`).join(" "),
    );
    svg.append(line);
    return svg;
  };

  /* options: grid (element id), status (element id), device, levels {quality words: level},
     off (what to show as quality while the device is switched off, else empty) */
  spindle.live = async function (options) {
    const api = await spindle.grid(options.grid);
    const rows = new Map();
    api.forEachNode((node) => rows.set(node.data.id, node.data));
    const status = getHtmlElement(options.status);
    let socket = null;
    let wait = 500;
    let lastMessage = 0;
    let closed = false;

    function say(level, text) {
      if (status.dataset.now === level + text) return;
      status.dataset.now = level + text;
      status.replaceChildren(spindle.badge(level, text));
    }
    function apply(message) {
      const update = [];
      for (const row of message.rows) {
        const old = rows.get(row.id);
        if (!old) continue;
        const past = old.past || [];
        const value = typeof row.v === "boolean" ? Number(row.v) : row.v;
        const made = {
          ...old, v: row.v, q: options.off || row.q, t: row.t,
          level: options.off ? "off" : options.levels[row.q] || "bad",
          past: row.t === old.t ? past : [...past.slice(1 - KEEP), value],
        };
        rows.set(row.id, made);
        update.push(made);
      }
      api.applyTransactionAsync({ update });
    }
    function connect() {
      if (closed || document.hidden || socket) return;
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      socket = new WebSocket(`${scheme}://${location.host}/ws/live/${options.device}`);
      socket.onmessage = (event) => {
        wait = 500;
        lastMessage = Date.now();
        if (!options.off) say("ok", "Live");
        apply(JSON.parse(event.data));
      };
      socket.onclose = (event) => {
        socket = null;
        if (event.code === 4401) return spindle.toLogin();
        if (event.code === 4404) {
          closed = true;
          return say("bad", event.reason || "This device does not exist any more");
        }
        if (!document.hidden && !options.off) say("warn", event.reason || "Connecting again");
        setTimeout(connect, wait * (0.75 + Math.random() / 2));
        wait = Math.min(wait * 2, 5000);
      };
    }
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && socket) socket.close();
      else connect();
    });
    window.addEventListener("pagehide", () => {
      closed = true;
      if (socket) socket.close();
    });
    const ticking = setInterval(() => {
      if (!document.contains(status)) {
        closed = true;
        clearInterval(ticking);
        if (socket) socket.close();
        return;
      }
      if (!api.isDestroyed()) api.refreshCells({ columns: ["age"], force: true });
      if (!options.off && socket && socket.readyState === 1 && Date.now() - lastMessage > 5000) {
        say("warn", "Connected, no new values");
      }
    }, 1000);
    if (options.off) say("off", "Switched off");
    else say("busy", "Connecting");
    connect();
  };
})();
