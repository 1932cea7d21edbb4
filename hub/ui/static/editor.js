/* The editor of functions in the browser: problems at their lines, completion of the SDK's names,
   unsaved work that survives a reload, keys. One editor on a page. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const KEEP_MS = 300;
  const PREFIX = "spindle.editor.";
  let open = null; /* {view, CM, effect, field, saved, key, base, words, inputs, parameters} */

  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  async function viewOf(id) {
    for (;;) {
      const found = window.getElement && getHtmlElement(id) && getElement(id);
      if (found && found.editor) return found;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /* ---- problems ------------------------------------------------------------------------ */
  function problemField(CM, effect) {
    class Mark extends CM.GutterMarker {
      constructor(problem) {
        super();
        this.problem = problem;
      }
      toDOM() {
        const made = element("i", `material-icons problem-mark ${this.problem.level}`, "error");
        made.title = this.problem.message;
        return made;
      }
    }
    const none = { list: [], lines: CM.Decoration.none, marks: CM.RangeSet.empty };
    function drawn(doc, list) {
      const lines = [];
      const marks = [];
      const fits = list.filter((item) => item.line >= 1 && item.line <= doc.lines);
      for (const item of fits) {
        const line = doc.line(item.line);
        const start = line.from + Math.min(Math.max(item.column - 1, line.text.search(/\S|$/)), line.length);
        const rest = doc.sliceString(start, line.to);
        const length = item.column > 0 ? (rest.match(/^\w+/) || [" "])[0].length : rest.length;
        lines.push(CM.Decoration.line({ class: `problem-line ${item.level}` }).range(line.from));
        const end = Math.min(start + length, line.to);
        if (end > start) lines.push(CM.Decoration.mark({ class: `problem-text ${item.level}` }).range(start, end));
        marks.push(new Mark(item).range(line.from));
      }
      return { list: fits, lines: CM.Decoration.set(lines, true), marks: CM.RangeSet.of(marks, true) };
    }
    return CM.StateField.define({
      create: () => none,
      update(value, transaction) {
        for (const found of transaction.effects) {
          if (found.is(effect)) return drawn(transaction.state.doc, found.value);
        }
        if (!transaction.docChanged) return value;
        const { changes } = transaction;
        return { list: value.list, lines: value.lines.map(changes), marks: value.marks.map(changes) };
      },
      provide: (field) => CM.EditorView.decorations.from(field, (value) => value.lines),
    });
  }
  function messages(CM, field) {
    return CM.hoverTooltip((view, position) => {
      const line = view.state.doc.lineAt(position);
      const found = [];
      view.state.field(field).marks.between(line.from, line.from, (_from, _to, mark) => { found.push(mark.problem.message); });
      if (!found.length) return null;
      return { pos: line.from, above: true, create: () => ({ dom: element("div", "problem-tip", found.join("\n")) }) };
    });
  }

  /* ---- completion ------------------------------------------------------------------------ */
  function named(names, kind) {
    return names.map((label) => ({ label, type: kind }));
  }
  /* What may stand at the cursor: [from, words], or null. */
  spindle.completions = function (before, words, inputs, parameters) {
    let found = before.match(/(?:batch\s*\[|(?:last|last_of)\(|\btags\s*\[)\s*["'](\w*)$/);
    if (found) return [found[1], named(inputs, "variable")];
    found = before.match(/ctx\.params\.(\w*)$/);
    if (found) return [found[1], named(parameters, "property")];
    found = before.match(/batch\s*\[[^\]]*\]\s*\.(\w*)$/);
    if (found) return [found[1], words.column];
    found = before.match(/(\w+)\.(\w*)$/);
    if (found) return [found[2], words[found[1]] || (/col(umn)?$/.test(found[1]) ? words.column : null)];
    if (/["'#]/.test(before) && (before.split(/["']/).length % 2 === 0 || /^\s*#/.test(before))) return null;
    found = before.match(/[A-Za-z_]\w*$/);
    return found ? [found[0], words[""]] : ["", words[""]];
  };
  function source(context) {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const found = spindle.completions(before, open.words, open.inputs, open.parameters);
    if (!found || !found[1]) return null;
    const dotted = /[.["'(]$/.test(before);
    if (!found[0] && !dotted && !context.explicit) return null;
    return { from: context.pos - found[0].length, options: found[1], validFor: /^\w*$/ };
  }

  /* ---- unsaved work ------------------------------------------------------------------------ */
  const text = () => open.view.state.doc.toString();
  const dirty = () => open !== null && !open.readOnly && text() !== open.saved;
  let keeping = null;
  function keep() {
    clearTimeout(keeping);
    keeping = null;
    if (!open || open.readOnly) return;
    try {
      if (dirty()) {
        const value = { source: text(), base: open.base, time: Date.now() };
        localStorage.setItem(PREFIX + open.key, JSON.stringify(value));
      } else localStorage.removeItem(PREFIX + open.key);
    } catch { /* the browser keeps nothing: the question before leaving remains */ }
  }
  function kept(key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
      return null;
    }
  }
  function replace(next) {
    const now = text();
    if (now !== next) open.view.dispatch({ changes: { from: 0, to: now.length, insert: next } });
  }
  function showState() {
    const mark = document.querySelector("[data-unsaved]");
    if (mark) mark.classList.toggle("hidden", !dirty());
  }
  function restore() {
    const found = kept(open.key);
    if (open.readOnly || !found || typeof found.source !== "string" || found.source === text()) return;
    replace(found.source);
    const bar = document.querySelector("[data-restored]");
    if (!bar) return;
    const since = new Date(found.time).toLocaleString("sv").slice(0, 16);
    const other = found.base !== open.base ? ` They began from version ${found.base || "none"}.` : "";
    bar.querySelector("[data-words]").textContent = `Your unsaved changes of ${since} are back.${other}`;
    bar.classList.remove("hidden");
  }
  window.addEventListener("beforeunload", (event) => {
    keep();
    if (dirty()) event.preventDefault();
  });

  /* ---- the editor ------------------------------------------------------------------------ */
  /* start: {key, base, saved, readOnly, words} */
  async function begin(id, start) {
    const holder = await viewOf(id);
    const CM = await import("nicegui-codemirror");
    const effect = CM.StateEffect.define();
    const field = problemField(CM, effect);
    open = { ...start, CM, effect, field, holder, view: holder.editor, inputs: [], parameters: [] };
    const extensions = [
      field,
      messages(CM, field),
      CM.Prec.high(CM.gutter({ class: "problem-gutter", markers: (view) => view.state.field(field).marks })),
      CM.EditorState.languageData.of(() => [{ autocomplete: source }]),
      CM.EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        clearTimeout(keeping);
        keeping = setTimeout(keep, KEEP_MS);
        showState();
      }),
      CM.EditorView.contentAttributes.of({ "aria-label": "Source of the function" }),
    ];
    open.view.dispatch({ effects: CM.StateEffect.appendConfig.of(extensions) });
    paint();
    restore();
    showState();
    getHtmlElement(id).dataset.ready = "true";
  }
  /* What the page asks for waits until the editor is there. */
  let ready = null;
  const later = (work) => (...given) => ready && ready.then(() => work(...given));
  const paint = () => open && open.holder.setTheme(spindle.theme.dark() ? "githubDark" : "githubLight");
  window.addEventListener("spindle-theme", () => setTimeout(paint, 30));

  spindle.editor = {
    open(id, start) {
      ready = begin(id, start);
    },
    problems: later((list) => open.view.dispatch({ effects: open.effect.of(list) })),
    declared: later((inputs, parameters) => Object.assign(open, { inputs, parameters })),
    go: later((number, column = 0) => {
      const { view, CM } = open;
      const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
      const anchor = line.from + Math.min(Math.max(column - 1, 0), line.length);
      view.dispatch({ selection: { anchor }, effects: CM.EditorView.scrollIntoView(anchor, { y: "center" }) });
      view.dom.scrollIntoView({ block: "nearest" });
      view.focus();
    }),
    put: later((next) => {
      replace(next);
      open.view.focus();
    }),
    /* A version was saved, maybe under a name that is new. */
    saved: later((next, key, base, path, title) => {
      const before = open.key;
      Object.assign(open, { saved: next, key, base });
      if (before !== key) localStorage.removeItem(PREFIX + before);
      if (path) {
        history.replaceState(history.state, "", path);
        document.title = `Edit ${title} · Spindle`;
        document.querySelector("h1").textContent = title;
      }
      document.querySelector("[data-restored]")?.classList.add("hidden");
      keep();
      showState();
    }),
    discard: later(() => {
      replace(open.saved);
      keep();
      document.querySelector("[data-restored]")?.classList.add("hidden");
      open.view.focus();
    }),
  };

  /* ---- keys ------------------------------------------------------------------------------ */
  document.addEventListener("keydown", (event) => {
    if (!open || !document.contains(open.view.dom) || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    const name = { s: "save", Enter: "run" }[event.key];
    if (!name) return;
    event.preventDefault();
    event.stopPropagation();
    if (document.querySelector(".q-dialog")) return;
    const button = document.querySelector(`[data-press=${name}]`);
    if (button && !event.repeat) button.click();
  }, true);
})();
