/* Tags in bulk: the place where a file is dropped, the table of an import, tables with cells to
   fill in. Rows of an import are arrays, since ten thousand of them travel at once. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const [KEY, STATE, WHAT, HINT, VALUE, LEVEL, REMARK] = [0, 2, 8, 9, 10, 11, 12];
  const STATES = {
    new: ["ok", "add_circle"], changed: ["warn", "edit"], same: ["off", "drag_handle"],
    removed: ["bad", "delete"], bad: ["bad", "error"],
  };

  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  /* The API of a table, as soon as it is drawn. */
  async function grid(id) {
    for (;;) {
      const found = getElement(id);
      if (found && found.api) return found.api;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /* ---- a file from the disk, from a drag, or from the clipboard -------------------------- */
  /* Of the page that has one: .drop is where to let go, .uploader is who sends. */
  const zone = () => document.querySelector(".drop");
  const uploader = () => getElement(Number(document.querySelector(".uploader").id.slice(1))).$refs.qRef;
  spindle.drop = {
    give(file) {
      uploader().reset();
      uploader().addFiles([file]);
    },
    pick() {
      uploader().reset();
      uploader().pickFiles();
    },
    text(text) {
      if (text.trim()) spindle.drop.give(new File([text], "pasted.tsv", { type: "text/plain" }));
    },
  };
  function over(event) {
    if (!zone() || !event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    zone().classList.toggle("over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) spindle.drop.give(event.dataTransfer.files[0]);
  }
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, over);
  document.addEventListener("paste", (event) => {
    if (!zone() || event.target.closest("input, textarea, [contenteditable=true]")) return;
    if (document.querySelector(".q-dialog") || !event.clipboardData) return;
    const file = event.clipboardData.files[0];
    const text = event.clipboardData.getData("text/plain");
    if (text) spindle.drop.text(text);
    else if (file) spindle.drop.give(file);
  });

  /* ---- the table of an import -------------------------------------------------------------- */
  spindle.cells.importState = function (params) {
    const [level, icon] = STATES[params.data[STATE]];
    const made = element("span", `badge ${level}`);
    const mark = element("i", "material-icons", icon);
    mark.setAttribute("aria-hidden", "true");
    made.append(mark, element("span", "", params.data[STATE]));
    return made;
  };
  spindle.cells.importAddress = function (params) {
    const row = params.data;
    if (row[STATE] !== "bad") return element("span", "", params.value);
    const made = element("div", "import-bad");
    made.append(element("div", "import-problem", row[WHAT]));
    if (row[HINT]) made.append(element("div", "import-hint", row[HINT]));
    return made;
  };
  spindle.cells.importValue = function (params) {
    const row = params.data;
    if (row[VALUE] === undefined) return element("span", "");
    if (row[LEVEL] === "ok") return element("span", "import-value", row[VALUE]);
    return spindle.badge(row[LEVEL], [row[VALUE], row[REMARK]].filter(Boolean).join(" "));
  };
  spindle.importTable = {
    shown: "",
    reasons: false,
    some: () => spindle.importTable.shown !== "",
    passes: (node) => node.data[STATE] === spindle.importTable.shown,
    height: (params) => (params.data[STATE] === "bad" && params.data[HINT] ? 50 : 34),
    span: (params) => (params.data && params.data[STATE] === "bad" ? 5 : 1),
    tip: (params) => [params.data[WHAT], params.data[HINT]].filter(Boolean).join("\n"),
    remark: (params) => params.data[REMARK] || "",
    async load(id, rows, shown) {
      const api = await grid(id);
      spindle.importTable.shown = shown;
      api.setColumnsVisible(["value"], false);
      api.setGridOption("rowData", rows);
      api.onFilterChanged();
      api.ensureIndexVisible(0);
    },
    async show(id, state) {
      const api = await grid(id);
      spindle.importTable.shown = state;
      api.onFilterChanged();
    },
    /* The ticked rows that are in view of the filter, else all of them: [ticked?, keys]. */
    async chosen(id) {
      const api = await grid(id);
      const ticked = [], all = [];
      api.forEachNodeAfterFilterAndSort((node) => {
        all.push(node.data[KEY]);
        if (node.isSelected()) ticked.push(node.data[KEY]);
      });
      return ticked.length ? [true, ticked] : [false, all];
    },
    /* found: [key, value in words, level, remark] */
    async results(id, found) {
      const api = await grid(id);
      const rowNodes = [];
      for (const [key, value, level, remark] of found) {
        const node = api.getRowNode(String(key));
        if (!node) continue;
        node.data[VALUE] = value;
        node.data[LEVEL] = level;
        node.data[REMARK] = remark;
        rowNodes.push(node);
      }
      const reasons = (spindle.importTable.reasons ||= found.some((item) => item[2] !== "ok"));
      const state = [{ colId: "value", hide: false, flex: reasons ? 7 : 2 }, { colId: "what", flex: reasons ? 2 : 5 }];
      api.applyColumnState({ state });
      api.refreshCells({ rowNodes, columns: ["value"], force: true });
    },
    async forget(id) {
      const api = await grid(id);
      spindle.importTable.reasons = false;
      api.forEachNode((node) => node.data.splice(VALUE, 3));
      api.refreshCells({ columns: ["value"], force: true });
    },
  };

  /* ---- cells to fill in ------------------------------------------------------------------------ */
  spindle.fill = {
    wrong: (params) => Boolean(params.data && params.data[`!${params.colDef.field}`]),
    tip: (params) => (params.data && params.data[`!${params.colDef.field}`]) || null,
    /* What a paste is about: the cell with the focus and the text; null inside a cell's editor. */
    pasted(id, event) {
      const text = event.clipboardData.getData("text/plain");
      const editing = event.target.closest("input, textarea");
      if (editing && !/[\t\n]./.test(text)) return null;
      const api = getElement(id).api;
      const cell = api.getFocusedCell();
      if (!cell || !text.trim()) return null;
      event.preventDefault();
      if (editing) api.stopEditing(true);
      return { row: cell.rowIndex, field: cell.column.getColId(), text: text.slice(0, 400000) };
    },
    async rows(id, rows) {
      (await grid(id)).setGridOption("rowData", rows);
    },
    async edit(id, row, field) {
      const api = await grid(id);
      setTimeout(() => {
        if (!api.getDisplayedRowAtIndex(row)) return;
        api.ensureIndexVisible(row);
        api.setFocusedCell(row, field);
      }, 60);
    },
    async commit(id) {
      (await grid(id)).stopEditing();
    },
  };
})();
