/* The live log of a function: follows, waits when asked, shows one level and above. */
(function () {
  "use strict";
  const spindle = window.spindle;
  const MOST = 2000; /* lines that are kept on the page */
  const LEVELS = ["debug", "info", "warning", "error"];
  const logs = new Map(); /* by element id */

  function line(item) {
    const made = document.createElement("div");
    made.className = `log-line log-${item.level}`;
    const parts = item.gap ? ["", "", item.message] : [item.time, item.level, item.message];
    for (const [index, text] of parts.entries()) {
      const part = document.createElement("span");
      part.className = ["log-time", "log-level", "log-text"][index];
      part.textContent = text;
      made.append(part);
    }
    return made;
  }
  const atEnd = (place) => place.scrollHeight - place.scrollTop - place.clientHeight < 24;
  const text = (place) => [...place.querySelectorAll(".log-line")]
    .filter((item) => item.offsetParent !== null)
    .map((item) => [...item.children].map((part) => part.textContent).join("  ").trim()).join("\n");

  spindle.functionLog = {
    open(id, toolbarId, name) {
      const place = getHtmlElement(id);
      const toolbar = getHtmlElement(toolbarId);
      const state = { place, paused: false, follow: true, held: [] };
      logs.set(id, state);
      const button = (action) => toolbar.querySelector(`[data-log=${action}]`);
      const say = () => {
        button("follow").setAttribute("aria-pressed", String(state.follow));
        button("pause").setAttribute("aria-pressed", String(state.paused));
        button("pause").querySelector("span").textContent = state.paused ? `Paused, ${state.held.length} new` : "Pause";
      };
      state.say = say;
      const follow = (wanted) => {
        state.follow = wanted;
        if (wanted) place.scrollTop = place.scrollHeight;
        say();
      };
      const pause = () => {
        state.paused = !state.paused;
        const held = state.held;
        state.held = [];
        if (!state.paused) spindle.functionLog.add(id, held);
        say();
      };
      const least = (level) => {
        for (const item of toolbar.querySelectorAll("[data-least]")) item.setAttribute("aria-pressed", String(item.dataset.least === level));
        place.dataset.least = level;
        if (state.follow) place.scrollTop = place.scrollHeight;
      };
      const acts = {
        pause, follow: () => follow(!state.follow),
        copy: () => navigator.clipboard.writeText(text(place)),
        save() {
          const link = document.createElement("a");
          link.href = URL.createObjectURL(new Blob([text(place)], { type: "text/plain" }));
          link.download = `${name}.log`;
          link.click();
          setTimeout(() => URL.revokeObjectURL(link.href), 1000);
        },
      };
      toolbar.addEventListener("click", (event) => {
        const pressed = event.target.closest("button");
        if (pressed && pressed.dataset.log) acts[pressed.dataset.log]();
        else if (pressed && pressed.dataset.least) least(pressed.dataset.least);
      });
      place.addEventListener("wheel", () => setTimeout(() => { state.follow = atEnd(place); say(); }, 80), { passive: true });
      place.addEventListener("keydown", (event) => {
        const number = Number(event.key);
        if (event.key === " ") pause();
        else if (event.key === "End" || event.key === "f") follow(true);
        else if (["Home", "PageUp", "ArrowUp"].includes(event.key)) { follow(false); return; }
        else if (number >= 1 && number <= LEVELS.length) least(LEVELS[number - 1]);
        else return;
        event.preventDefault();
      });
      least("debug");
      say();
    },
    add(id, items) {
      const state = logs.get(id);
      if (!state || !items.length) return;
      if (state.paused) {
        state.held = [...state.held, ...items].slice(-MOST);
        state.say();
        return;
      }
      const { place } = state;
      place.append(...items.map(line));
      while (place.childElementCount > MOST) place.firstElementChild.remove();
      if (state.follow) place.scrollTop = place.scrollHeight;
    },
  };
})();
