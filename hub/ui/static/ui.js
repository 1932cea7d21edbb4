/* What every page shares: theme, words for numbers, table cells, keyboard, sign-out.
   Loaded first and blocking, so that the theme is right before anything is painted. */
(function () {
  "use strict";
  const spindle = (window.spindle = window.spindle || {});

  /* ---- theme ---------------------------------------------------------------- */
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  spindle.theme = {
    chosen() {
      const found = document.cookie.match(/(?:^|; )spindle_theme=(light|dark|auto)/);
      return found ? found[1] : "auto";
    },
    dark() {
      const chosen = spindle.theme.chosen();
      return chosen === "dark" || (chosen === "auto" && systemDark.matches);
    },
    paint() {
      document.documentElement.dataset.theme = spindle.theme.dark() ? "dark" : "light";
      window.dispatchEvent(new Event("spindle-theme"));
    },
    choose(name) {
      document.cookie = `spindle_theme=${name}; path=/; max-age=31536000; samesite=lax`;
      window.setDark({ light: false, dark: true, auto: null }[name]);
      spindle.theme.paint();
    },
  };
  systemDark.addEventListener("change", spindle.theme.paint);
  spindle.theme.paint();
  spindle.colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /* ---- words ---------------------------------------------------------------- */
  const thin = "\u2009";
  spindle.words = {
    number(value) {
      if (typeof value !== "number") return String(value);
      if (Number.isInteger(value)) {
        return Math.abs(value) < 10000 ? String(value) : value.toLocaleString("en").replace(/,/g, thin);
      }
      const size = Math.abs(value);
      if (size >= 1e9 || size < 1e-4) return value.toExponential(3);
      if (size >= 10000) return Math.round(value).toLocaleString("en").replace(/,/g, thin);
      const digits = size >= 1000 ? 1 : size >= 100 ? 2 : size >= 1 ? 3 : 4;
      return value.toFixed(digits);
    },
    /* For axes: all ticks alike, without noise of binary fractions. */
    tick(value) {
      const size = Math.abs(value);
      if (size >= 1e7 || (size > 0 && size < 1e-4)) return value.toExponential();
      return Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 }).replace(/,/g, thin);
    },
    value(value, unit) {
      if (value === null || value === undefined) return "–";
      if (typeof value === "boolean") return value ? "true" : "false";
      const text = spindle.words.number(value);
      return unit ? `${text} ${unit}` : text;
    },
    age(ms) {
      if (ms < 0) ms = 0;
      if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
      const s = Math.floor(ms / 1000);
      if (s < 60) return `${s} s`;
      if (s < 3600) return `${Math.floor(s / 60)} min`;
      if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
      return `${Math.floor(s / 86400)} d`;
    },
    count(value) {
      if (value === null || value === undefined) return "";
      return Number(value).toLocaleString("en").replace(/,/g, thin);
    },
  };

  /* ---- table cells (text only goes in by textContent) ------------------------- */
  const ICONS = {
    ok: "check_circle", busy: "hourglass_top", warn: "warning", bad: "error",
    off: "remove_circle_outline", info: "info",
  };
  function element(tag, classes, text) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  spindle.badge = function (level, text) {
    const made = element("span", `badge ${level}`);
    const icon = element("i", "material-icons", ICONS[level] || "help");
    icon.setAttribute("aria-hidden", "true");
    made.append(icon, element("span", "", text));
    return made;
  };
  spindle.cells = {
    link(params) {
      if (!params.data || !params.data.href) return element("span", "", params.value);
      const made = element("a", "cell-link", params.value);
      made.href = params.data.href;
      return made;
    },
    /* The text as a link to the row's `<field>_href`, where it has one. */
    place(params) {
      const href = params.data && params.data[`${params.colDef.field}_href`];
      const made = element(href ? "a" : "span", href ? "cell-link" : "", params.value);
      if (href) made.href = href;
      return made;
    },
    state(params) {
      const field = params.colDef.field;
      const badge = spindle.badge(params.data[`${field}_level`] || "off", params.value || "");
      if (!params.data[`${field}_href`]) return badge;
      const link = element("a", "badge-link");
      link.href = params.data[`${field}_href`];
      link.append(badge);
      return link;
    },
    count(params) {
      return spindle.words.count(params.value);
    },
  };

  /* ---- going elsewhere --------------------------------------------------------- */
  spindle.toLogin = function () {
    const here = location.pathname + location.search;
    location.href = `/login?next=${encodeURIComponent(here)}&expired=1`;
  };
  /* `query` tells the sign-in page why, for example ?changed=1 */
  spindle.signOut = async function (query = "") {
    await fetch("/logout", { method: "POST", redirect: "manual" });
    location.href = `/login${query}`;
  };
  /* Fetch JSON of /ui-data; errors become {message, hint}. */
  spindle.fetchJson = async function (url, signal) {
    const answer = await fetch(url, { signal });
    if (answer.status === 401) {
      spindle.toLogin();
      throw new Error("signed out");
    }
    const body = await answer.json().catch(() => ({ message: `The hub answered ${answer.status}.` }));
    if (!answer.ok) throw body;
    return body;
  };

  /* ---- forms ------------------------------------------------------------------- */
  spindle.firstError = function (id) {
    setTimeout(() => {
      const form = getHtmlElement(id);
      const bad = form && form.querySelector(".q-field--error, .field-error:not(.hidden), .callout.bad:not(.hidden)");
      if (!bad) return;
      bad.scrollIntoView({ block: "center", behavior: "smooth" });
      const input = bad.querySelector("input, textarea");
      if (input) input.focus();
    }, 150);
  };

  /* ---- keyboard ------------------------------------------------------------------ */
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, textarea, [contenteditable=true]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector(".q-dialog")) return;
    const boxes = [...document.querySelectorAll("input[data-filter], [data-filter] input")];
    const box = boxes.find((item) => item.offsetParent !== null);
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });

  /* ---- chart basics ---------------------------------------------------------------- */
  spindle.palette = () =>
    Array.from({ length: 8 }, (_, index) => spindle.colour(`series-${index + 1}`));
  /* Wait for the ECharts instance of a NiceGUI element. */
  spindle.chart = async function (id) {
    for (let tries = 0; tries < 400; tries++) {
      const found = window.getElement && getHtmlElement(id) && getElement(id);
      if (found && found.chart) return found.chart;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error("The chart did not load.");
  };
  spindle.grid = async function (id) {
    for (let tries = 0; tries < 400; tries++) {
      const found = window.getElement && getHtmlElement(id) && getElement(id);
      if (found && found.api) return found.api;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error("The table did not load.");
  };
})();
