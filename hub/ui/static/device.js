/* The cells of a device's live values that lead further, and the table of requests and answers. */
(function () {
  "use strict";
  const spindle = window.spindle;

  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* ---- why a value is bad ------------------------------------------------------------ */
  /* device, problems {tag id: [message, hint]}, error [message, hint] of the device or null,
     hints {quality words: what to do} */
  spindle.why = { device: 0, problems: {}, error: null, hints: {} };
  spindle.setWhy = function (why) {
    spindle.why = why;
  };
  spindle.cells.why = function (params) {
    const row = params.data;
    if (!row || (row.level !== "bad" && row.level !== "warn")) return null;
    const why = spindle.why;
    const known = why.problems[row.id] || why.error;
    const words = row.q || "no value yet";
    const [message, hint] = known || [words[0].toUpperCase() + words.slice(1) + ".", why.hints[words]];
    return [message, hint].filter(Boolean).join("\n");
  };
  spindle.cells.quality = function (params) {
    const row = params.data;
    const badge = spindle.badge(row.level, row.q || "no value yet");
    const text = spindle.cells.why(params);
    if (!text || !spindle.why.device) return badge;
    const link = element("a", "cell-why");
    link.href = `/devices/${spindle.why.device}/diagnosis?tag=${row.id}`;
    link.setAttribute("aria-label", `${row.q}: ${text} Why?`);
    link.append(badge, element("span", "why", "Why?"));
    return link;
  };

  /* ---- write ------------------------------------------------------------------------------ */
  spindle.cells.write = function (params) {
    if (!params.data.rw) return element("span", "");
    const button = element("button", "cell-button", "Write");
    button.type = "button";
    button.tabIndex = -1; /* the cell has the focus; Enter presses it */
    button.setAttribute("aria-label", `Write ${params.data.name}`);
    button.addEventListener("click", () => emitEvent("spindle-write", params.data.id));
    return button;
  };
  spindle.cells.press = function (params) {
    if (params.event.key !== "Enter" || params.event.repeat || !params.column) return;
    const inside = params.event.target.closest(".ag-cell");
    const target = inside && inside.querySelector("button, a");
    if (!target) return;
    params.event.preventDefault();
    target.click();
  };

  /* ---- requests and answers --------------------------------------------------------------- */
  spindle.trace = function (id, rows) {
    const place = getHtmlElement(id);
    if (!place) return;
    const open = (place.openRows = place.openRows || new Set());
    const focused = document.activeElement && document.activeElement.dataset.key;
    if (!rows.length) return place.replaceChildren();
    const table = element("table");
    const head = element("tr");
    for (const title of ["Time (UTC)", "Took", "Request", "Answer"]) head.append(element("th", "", title));
    table.append(element("thead"), element("tbody"));
    table.tHead.append(head);
    for (const row of [...rows].reverse()) {
      const line = element("tr", `exchange ${row.good ? "good" : "bad"}`);
      line.tabIndex = 0;
      line.dataset.key = row.key;
      line.setAttribute("aria-expanded", String(open.has(row.key)));
      const answer = element("td", "answer");
      const icon = element("i", "material-icons", row.good ? "check_circle" : "error");
      icon.setAttribute("aria-hidden", "true");
      answer.append(icon, row.answer);
      line.append(element("td", "time", row.time), element("td", "took", row.took), element("td", "", row.request), answer);
      const bytes = element("tr", "bytes-row");
      const cell = element("td", "bytes mono");
      cell.colSpan = 4;
      for (const [title, text] of [["Sent", row.sent], ["Received", row.received]]) {
        const part = element("div");
        part.append(element("b", "", title), text || "nothing");
        cell.append(part);
      }
      bytes.append(cell);
      bytes.hidden = !open.has(row.key);
      const toggle = () => {
        bytes.hidden = !bytes.hidden;
        line.setAttribute("aria-expanded", String(!bytes.hidden));
        if (bytes.hidden) open.delete(row.key);
        else open.add(row.key);
      };
      line.addEventListener("click", toggle);
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          toggle();
        }
      });
      table.tBodies[0].append(line, bytes);
    }
    const top = place.scrollTop;
    place.replaceChildren(table);
    place.scrollTop = top;
    if (focused) {
      const again = [...place.querySelectorAll("tr.exchange")].find((line) => line.dataset.key === focused);
      if (again) again.focus();
    }
  };
})();
