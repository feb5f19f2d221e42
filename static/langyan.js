// The page works without this file. It adds: ticking clocks, whether the page is live, theme, keys.
(() => {
  const root = document.documentElement;
  const stored = localStorage.getItem("theme");
  if (stored) root.dataset.theme = stored;

  let ahead = 0; // how far the server's clock is ahead of this machine's, in ms
  let heard = Date.now();
  let known = new Set();
  let retryAt = 0;
  const SILENCE = 45000; // the server says something every 15 s
  const AGAIN = 5000;
  const now = () => Date.now() + ahead;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  function hear(serverNow) {
    heard = Date.now();
    if (serverNow) ahead = serverNow - heard;
    const strip = document.getElementById("stream");
    if (!strip) return;
    strip.dataset.state = "live";
    const zone = strip.dataset.zone;
    const format = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    strip.dataset.at = new Date(now()).toLocaleTimeString("en-GB", { ...format, timeZone: zone });
    say(strip.dataset.live);
  }

  function lose() {
    const strip = document.getElementById("stream");
    if (!strip || strip.dataset.state === "stale") return;
    strip.dataset.state = "stale";
    retryAt = Date.now() + AGAIN;
    say(strip.dataset.stale.replace("{at}", strip.dataset.at));
  }

  function say(words) {
    const place = document.getElementById("stream-words");
    if (place.textContent !== words) place.textContent = words;
  }

  function digits(left) {
    let seconds = Math.floor(left / 1000);
    const sign = seconds < 0 ? "+" : "";
    seconds = Math.abs(seconds);
    const two = (n) => String(n).padStart(2, "0");
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return sign + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
  }

  function tick() {
    for (const clock of all("[data-zero]")) {
      const left = Number(clock.dataset.zero) - now();
      const limit = Number(clock.dataset.limit);
      const used = limit ? Math.min(1, Math.max(0, 1 - left / limit)) : 1;
      const face = clock.querySelector(".digits") ?? clock;
      const words = digits(left);
      if (face.textContent !== words) face.textContent = words;
      clock.classList.toggle("tone-late", left < 0);
      clock.classList.toggle("tone-warn", left >= 0 && used >= 0.8);
      clock.classList.toggle("tone-calm", left >= 0 && used < 0.8);
      const word = clock.querySelector("[data-over]");
      if (word && left < 0) word.textContent = word.dataset.over;
      const bar = clock.querySelector("progress");
      if (bar) bar.value = used;
    }
    const live = document.getElementById("live");
    if (!live) return;
    if (Date.now() - heard >= SILENCE) lose();
    const stale = document.getElementById("stream")?.dataset.state === "stale";
    // htmx never retries a first connection
    if (!stale || live._htmx?.sse || Date.now() < retryAt) return;
    retryAt = Date.now() + AGAIN;
    window.htmx?.ajax("GET", live.getAttribute("hx-sse:connect"), { source: live });
  }

  function landed() {
    const stamp = document.getElementById("as-of");
    if (stamp) {
      hear(Number(stamp.dataset.now));
      document.title = stamp.dataset.title;
    }
    const present = new Set(all("#live [id]").map((each) => each.id));
    if (known.size) // a short wash over what was not there before
      for (const id of present)
        if (!known.has(id)) document.getElementById(id).classList.add("fresh");
    known = present;
    tick();
  }

  function toggleTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme ?? dark) === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  }

  const STEPS = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

  function walk(event) { // through the lines of a list; the arrows only once one is reached
    const rows = all("#main a.row");
    const at = rows.indexOf(document.activeElement);
    if (!rows.length || (at < 0 && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, at + STEPS[event.key]))].focus();
  }

  function press(event) {
    if (event.key === "Escape") all(".sheet[open]").forEach((each) => (each.open = false));
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select")) return;
    const field = document.getElementById("find");
    if (event.key in STEPS) walk(event);
    else if (event.key === "?") showKeys();
    else if (event.key === "/" && field?.offsetParent) {
      event.preventDefault(); // else it would be typed
      field.focus();
    }
  }

  function showKeys() {
    document.getElementById("keys")?.showModal();
  }

  function rearrange(event) { // rows of a list in a form; without scripts the buttons send the form
    const button = event.target.closest("[data-add], [data-drop], [data-up]");
    const list = button?.closest("[data-list]");
    if (!list) return;
    event.preventDefault();
    const row = button.closest("[data-row]");
    const fields = "input:not([type=hidden]), select, textarea";
    let next = button;
    if ("add" in button.dataset) {
      const place = list.querySelector("[data-rows]");
      const blank = list.querySelector(":scope > template").innerHTML;
      place.insertAdjacentHTML("beforeend", blank.replaceAll(`__${list.dataset.list}__`, Date.now()));
      next = place.lastElementChild.querySelector(fields);
    } else if ("drop" in button.dataset) {
      const beside = row.nextElementSibling ?? row.previousElementSibling;
      next = beside?.querySelector(fields) ?? list.querySelector("[data-add]");
      row.remove();
    } else {
      row.previousElementSibling?.before(row);
      if (!row.previousElementSibling) next = row.querySelector(fields); // it goes no higher
    }
    next?.focus();
    list.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function grow(event) { // a further place once the last one is taken
    const place = event.target.closest("[data-grow]");
    const last = place?.lastElementChild;
    if (!last?.contains(event.target) || !event.target.value) return;
    place.append(last.cloneNode(true));
    place.lastElementChild.firstElementChild.value = "";
  }

  document.addEventListener("DOMContentLoaded", () => {
    window.htmx?.config.morphIgnore.push("open"); // an opened sheet stays open
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    landed();
    setInterval(tick, 500);
    document.getElementById("theme")?.addEventListener("click", toggleTheme);
    const keys = document.getElementById("keys-open");
    if (keys) keys.hidden = false; // without scripts there are none
    keys?.addEventListener("click", showKeys);
    document.addEventListener("keydown", press);
    document.addEventListener("click", rearrange);
    document.addEventListener("change", grow);
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { sourceElement, response } = event.detail.ctx; // never a refusal in place of the page
    if (sourceElement?.id === "live" && response?.status >= 400) event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", landed);
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.target.closest?.("form");
    form?.closest(".sheet")?.removeAttribute("open");
    if (form?.matches("[data-reset]") && event.detail.ctx.response?.status < 400) form.reset();
  });
  document.addEventListener("tick", (event) => hear(Number(event.detail?.data)));
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:error"])
    document.addEventListener(name, lose);
})();
