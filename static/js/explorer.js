// The explorer: rows of queries, the address that holds everything, answers, history, saved views, what changed.
"use strict";
(() => {
  const page = document.getElementById("explorer");
  if (!page) return;
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const LETTERS = page.dataset.letters, HISTORY = `explorer.history.${page.dataset.user}`, KEPT = 50, SHOWN = 8;
  const PAUSE = 900, LEAST_REST = 10, NB = "\u00a0";           // ms before an unfinished query is judged; s between two live answers

  // ---- the address
  const params = () => new URLSearchParams(location.search);
  function address(change) {
    const url = new URL(location.href);
    change(url.searchParams);
    for (const name of [...url.searchParams.keys()]) if (url.searchParams.get(name) === "" && name !== "q") url.searchParams.delete(name);
    return url;
  }
  const replace = (change) => history.replaceState(history.state, "", address(change));
  function keep() {                                            // queries into the address; a new entry of the browser's history where they differ
    const texts = editors.map((one) => one.field.value.trim()), off = editors.filter((one) => !one.on).map((one) => one.letter).join("");
    const was = params();
    if (JSON.stringify([texts, off]) === JSON.stringify([was.getAll("q").map((q) => q.trim()), was.get("off") || ""])) return;
    history.pushState({}, "", address((q) => {
      for (const name of ["q", "off", "hide", "only"]) q.delete(name);
      texts.forEach((text) => q.append("q", text));
      q.set("off", off);
    }));
  }

  // ---- rows
  let editors = [];
  async function get(name, fields, signal) {
    const answer = await fetch(`${page.dataset[name]}?${new URLSearchParams(fields)}`, { headers: { Accept: "application/json" }, signal });
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.error || "The server did not answer as expected. Try again in a moment.");
    return found;
  }
  function adopt(row) {
    let timer;
    const one = { row, on: !row.classList.contains("is-off"), checked: null };
    const editor = PromQL.adopt(row, {
      complete: (q, at) => get("complete", { q, at }),
      run: () => run(),
      changed: () => { clearTimeout(timer); one.checked = null; timer = setTimeout(() => check(one, true).catch(() => {}), PAUSE); },
    });
    return Object.defineProperties(Object.assign(one, { field: editor.field, mark: editor.mark, set: editor.set }), { wrong: { get: () => editor.wrong }, busy: { get: () => editor.open } });
  }
  async function check(one, typing = false) {                  // true: it may be asked; who is typing is not told what is only unfinished
    const text = one.field.value.trim();
    if (!text) { one.mark(null); return false; }
    if (one.checked !== text) {
      const lead = one.field.value.length - one.field.value.trimStart().length;
      const { error } = await get("check", { q: text });
      if (one.field.value.trim() !== text) return false;
      if (typing && error && (error.unfinished || one.busy)) return false;
      one.mark(error && { ...error, start: error.start + lead, end: error.end + lead });
      one.checked = text;
    }
    return !one.wrong;
  }
  function letter() {                                          // rows are A, B, C … from the top
    editors.forEach((one, i) => {
      one.letter = LETTERS[i];
      one.row.dataset.letter = $(".query-key", one.row).textContent = one.letter;
      one.field.setAttribute("aria-label", `Query ${one.letter}`);
      const toggle = $("[data-act=toggle]", one.row);
      toggle.setAttribute("aria-label", `Leave out query ${one.letter}`);
      toggle.setAttribute("aria-pressed", !one.on);
      one.row.classList.toggle("is-off", !one.on);
      $("summary", one.row).setAttribute("aria-label", `More for query ${one.letter}`);
    });
    $("[data-act=add]").disabled = editors.length >= LETTERS.length;
  }
  function add(text = "", focus = true) {
    if (editors.length >= LETTERS.length) return;
    const row = document.importNode($("#query-row").content, true).firstElementChild;
    $("#queries").append(row);
    const one = adopt(row);
    one.on = true;
    one.set(text);
    editors.push(one);
    letter();
    if (focus) one.field.focus();
  }
  function remove(one) {
    if (editors.length === 1) { one.set(""); one.field.focus(); return; }
    const at = editors.indexOf(one);
    one.row.remove();
    editors.splice(at, 1);
    letter();
    editors[Math.max(0, at - 1)].field.focus();
  }
  function rebuild() {                                         // after going back: rows as the address says
    const texts = params().getAll("q"), off = params().get("off") || "";
    while (editors.length > Math.max(1, texts.length)) editors.pop().row.remove();
    while (editors.length < texts.length) add("", false);
    editors.forEach((one, i) => { one.on = !off.includes(LETTERS[i]); if (one.field.value.trim() !== (texts[i] || "")) one.set(texts[i] || ""); });
    letter();
  }

  // ---- asking
  let data = null, running = null, loadedAt = 0;
  const width = () => Math.round(Math.min(1200, Math.max(100, ($("#results").clientWidth || 800) - 90)));
  async function run() {
    keep();
    const fine = await Promise.all(editors.map((one) => (one.on ? check(one).catch(() => true) : false)));
    const busy = editors.some((one, i) => one.on && fine[i]);
    editors.forEach((one, i) => { if (one.on && !fine[i] && one.field.value.trim()) cost(one, "not run"); });
    if (busy) return load(true);
    if (editors.every((one) => !one.field.value.trim())) return idle();
    const wrong = editors.filter((one) => one.on && one.wrong).map((one) => one.letter);
    $("#explorer-sub").textContent = wrong.length ? `Nothing was asked: ${wrong.length > 1 ? "queries" : "query"} ${wrong.join(", ")} cannot be read` : "Every query is left out";
    if (!data) $("#charts").hidden = true;
    $("#results").setAttribute("aria-busy", "false");
  }
  function idle() {
    running?.abort();
    $(".explorer-grid").classList.remove("is-table");
    $("#start").hidden = false; $("#charts").hidden = true; $("#series-column").hidden = true; $("#nothing").hidden = true;
    $("#explorer-sub").textContent = "Ask the metric store in PromQL";
  }
  async function load(own = false) {
    running?.abort();
    const mine = (running = new AbortController()), query = params();
    const results = $("#results");
    editors.forEach((one) => { if (one.wrong) query.set("off", (query.get("off") || "") + one.letter); });   // a known mistake is not asked again
    query.set("points", width());
    results.setAttribute("aria-busy", "true");
    const dim = setTimeout(() => $$("#charts, #series-column, #nothing").forEach((box) => box.classList.add("is-loading")), 150);
    const begun = performance.now(), before = $("#explorer-sub").textContent;
    const waiting = setInterval(() => ($("#explorer-sub").textContent = `Asking, ${Math.round((performance.now() - begun) / 1000)}${NB}s so far…`), 1000);
    try {
      const found = await get("data", query, mine.signal);
      loadedAt = Date.now();
      take(found, Math.round(performance.now() - begun), own);
    } catch (fault) {
      if (fault.name !== "AbortError") failed(fault.message);
      else if (running === mine) $("#explorer-sub").textContent = before;
    } finally {
      clearTimeout(dim);
      clearInterval(waiting);
      if (running === mine) {
        $$(".is-loading").forEach((box) => box.classList.remove("is-loading"));
        results.setAttribute("aria-busy", "false");
      }
    }
  }
  function failed(message) {
    $("#explorer-sub").textContent = message;
    AIOps.toast(message, "error");
  }
  function cost(one, words) { $("[data-cost]", one.row).textContent = words; }
  const plural = (n, word) => `${n.toLocaleString("en")}${NB}${word}${n === 1 ? "" : word.endsWith("s") ? "" : "s"}`;
  function take(found, ms, own) {
    data = found;
    $("#timebox .range").outerHTML = found.control;
    for (const answer of found.queries) {
      const one = editors.find((editor) => editor.letter === answer.key);
      if (!one) continue;
      if (answer.error) one.mark(answer.error); else if (one.wrong) one.mark(null);
      one.checked = answer.error ? null : answer.text;
      const cut = answer.total > answer.series.length ? `${answer.series.length} of ` : "";
      cost(one, answer.error ? (answer.error.limit ? "stopped" : "not run") : `${cut}${plural(answer.total, "series")} · ${answer.ms}${NB}ms`);
    }
    draw();
    told(ms);
    if (own) remember(found, ms);
  }
  function told(ms) {
    const asked = data.queries.filter((q) => !q.error).length;
    const shown = data.queries.reduce((n, q) => n + q.series.length, 0), total = data.queries.reduce((n, q) => n + q.total, 0);
    const cut = total > shown ? `${plural(shown, "series")} of ${total.toLocaleString("en")}, the highest` : plural(shown, "series");
    const notes = data.queries.flatMap((q) => q.notes);
    $("#explorer-sub").textContent = [`${asked}${NB}${asked === 1 ? "query" : "queries"}`, cut].join(", ") + ` · answered in ${ms}${NB}ms` + (notes.length ? ` · ${notes[0]}` : "");
    $("#step-note").textContent = `Step ${AIOps.span(data.step)} · drag zooms, double click goes back`;
    $("#series-note").textContent = `${cut}, ${$("#timebox .menu summary").textContent.trim()}`;
  }

  // ---- drawing
  const hidden = () => new Set((params().get("hide") || "").split(",").filter(Boolean));
  const how = {
    get view() { return params().get("view") || "lines"; },
    visible: (id) => { const only = params().get("only"); return only ? only === id : !hidden().has(id); },
    isolate(id) { replace((q) => { const only = q.get("only"); q.delete("hide"); q.set("only", only === id ? "" : id); }); draw(); },
    toggle(id) {
      replace((q) => {
        const off = q.get("only") ? new Set(Results.series.map((s) => s.id).filter((one) => one !== q.get("only"))) : hidden();
        off.has(id) ? off.delete(id) : off.add(id);
        q.delete("only");
        q.set("hide", [...off].join(","));
      });
      draw();
    },
    zoom: {
      to: (from, to) => visit((q) => { q.delete("range"); q.set("from", Math.round(from * 1000)); q.set("to", Math.round(Math.max(to, from + 1) * 1000)); }, { zoomed: true }),
      back: () => (history.state?.zoomed ? history.back() : null),
    },
  };
  function draw() {
    if (!data) return;
    $(".explorer-grid").classList.toggle("is-table", how.view === "table");
    const series = Results.show(data, how);
    const failed = data.queries.some((q) => q.error);
    $("#start").hidden = true;
    $("#nothing").hidden = !!series.length || failed;
    $("#csv").href = `${page.dataset.csv}?${params()}`;
    for (const one of editors) {
      const first = series.find((s) => s.key === one.letter);
      $(".query-key", one.row).className = `query-key${first && one.on ? ` key-${first.color}` : ""}`;
    }
    page.dataset.drawn = Date.now();
  }
  function visit(change, state = {}) {
    history.pushState(state, "", address(change));
    $("#changed").dataset.state === "listed" && askChanged();
    return load();
  }

  // ---- history: the queries this person ran in this browser
  const read = () => { try { return JSON.parse(localStorage.getItem(HISTORY)) || []; } catch { return []; } };
  function write(list) { try { localStorage.setItem(HISTORY, JSON.stringify(list.slice(0, KEPT))); } catch { /* storage may be blocked */ } past(); }
  function remember(found, ms) {
    const texts = found.queries.map((q) => q.text), key = JSON.stringify(texts);
    const failed = found.queries.find((q) => q.error);
    const entry = { q: texts, t: Date.now(), n: found.queries.reduce((n, q) => n + q.total, 0), ms, failed: failed ? failed.error.message : "" };
    write([entry, ...read().filter((old) => JSON.stringify(old.q) !== key)]);
  }
  function past() {
    const list = read(), clock = new Intl.DateTimeFormat("en-GB", { timeZone: document.documentElement.dataset.tz, hour: "2-digit", minute: "2-digit" });
    $("#history").replaceChildren(...list.slice(0, SHOWN).map((entry) => {
      const li = document.createElement("li"), link = document.createElement("a"), words = document.createElement("span"), text = document.createElement("span"), two = document.createElement("span"), time = document.createElement("span");
      const query = new URLSearchParams(entry.q.map((q) => ["q", q]));
      for (const name of ["range", "from", "to"]) if (params().get(name)) query.set(name, params().get(name));
      Object.assign(link, { className: "row-link row-sm", href: `?${query}` });
      words.className = "grow"; text.className = "clip d-block mono"; two.className = "two clip d-block num"; time.className = "t3 small num nowrap";
      text.textContent = text.title = entry.q.join("  ·  ");
      two.textContent = entry.failed || `${plural(entry.n, "series")} · ${entry.ms}${NB}ms`;
      if (entry.failed) two.classList.add("c-critical");
      time.textContent = Date.now() - entry.t < 86400000 ? clock.format(entry.t) : Charts.local(entry.t / 1000, "day");
      words.append(text, two); link.append(words, time); li.append(link);
      return li;
    }));
    $("#history-none").hidden = list.length > 0;
    $("[data-act=forget]").hidden = !list.length;
  }

  // ---- saved views
  $("#save-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    keep();
    const form = e.target, fields = { name: form.name.value, state: location.search };
    if (form.shared?.checked) fields.shared = "on";
    try {
      const answer = await fetch(page.dataset.views, { method: "POST", headers: { "X-CSRFToken": $("meta[name=csrf-token]").content, Accept: "application/json" }, body: new URLSearchParams(fields) });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The view could not be saved. Try again in a moment.");
      $("#saved").innerHTML = await answer.text();
      $("#save-view").close();
      AIOps.toast(`View ${fields.name.trim()} is saved`);
    } catch (fault) { $("#view-error").textContent = fault.message; }
  });

  // ---- what changed in this window
  async function askChanged(e) {
    e?.preventDefault();
    const box = $("#changed"), form = $("#changed-form"), query = params();
    query.set("among", form?.among.value.trim() ?? query.get("among") ?? "");
    replace((q) => q.set("among", query.get("among")));
    for (const name of ["q", "off"]) query.delete(name);
    box.setAttribute("aria-busy", "true");
    const button = $("button[type=submit]", box);
    if (button) button.disabled = true;
    try {
      const answer = await fetch(`${page.dataset.changed}?${query}`, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error("The ranking could not be made. Try again in a moment, or among fewer series.");
      box.innerHTML = await answer.text();
      box.dataset.state = "listed";
    } catch (fault) {
      const said = $("#changed-error");
      if (said) said.textContent = fault.message; else AIOps.toast(fault.message, "error");
      if (button) button.disabled = false;
    } finally { box.setAttribute("aria-busy", "false"); }
  }
  document.addEventListener("submit", (e) => e.target.id === "changed-form" && askChanged(e));

  // ---- what a click does
  const acts = {
    run: () => run(),
    add: () => add(),
    all: () => { Results.unfold(); $("#series").focus(); },
    save: () => { $("#view-error").textContent = ""; $("#save-view").showModal(); },
    forget: () => write([]),
    toggle: (one) => { one.on = !one.on; letter(); run(); },
    remove: (one) => { const had = one.field.value.trim(); remove(one); if (had) run(); },
    double: (one) => add(one.field.value),
    rule: (one) => { if (one.field.value.trim()) location.href = `${$("[data-act=rule]", one.row).dataset.url}?${new URLSearchParams({ expr: one.field.value.trim() })}`; },
    copy: async (one) => { try { await navigator.clipboard.writeText(one.field.value); AIOps.toast("Query copied"); } catch { AIOps.toast("The browser does not let this page copy", "error"); } },
  };
  page.addEventListener("click", (e) => {
    const button = e.target.closest("[data-act]");
    if (button) acts[button.dataset.act](editors.find((one) => one.row === button.closest(".query")));
  });
  $(".page-actions").addEventListener("click", (e) => { const button = e.target.closest("[data-act]"); if (button) acts[button.dataset.act](); });
  $("#show-as").addEventListener("click", (e) => {
    const button = e.target.closest("[data-view]");
    if (!button) return;
    $$("#show-as button").forEach((one) => one.setAttribute("aria-pressed", one === button));
    replace((q) => q.set("view", button.dataset.view === "lines" ? "" : button.dataset.view));
    draw();
  });
  $("#foresee").addEventListener("change", (e) => { replace((q) => q.set("foresee", e.target.checked ? "1" : "")); if (data) load(); });
  $("#compare").addEventListener("change", (e) => { replace((q) => q.set("compare", e.target.value)); if (data) load(); });
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-range]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    const menu = link.closest("details.menu"), range = new URL(link.href).searchParams;
    if (menu) menu.open = false;
    visit((q) => { for (const name of ["range", "from", "to"]) { q.delete(name); if (range.has(name)) q.set(name, range.get(name)); } }, { zoomed: true });
  });
  document.addEventListener("submit", (e) => {                 // From and To of the time control: the queries as they stand in the address now
    if (!e.target.matches("[data-range-form]")) return;
    e.preventDefault();
    const { from, to } = e.target;
    visit((q) => { q.delete("range"); q.set("from", from.value); q.set("to", to.value); }, { zoomed: true });
  });
  addEventListener("popstate", () => {
    rebuild();
    $("#compare").value = params().get("compare") || "";
    $("#foresee").checked = Boolean(params().get("foresee"));
    $$("#show-as button").forEach((one) => one.setAttribute("aria-pressed", one.dataset.view === how.view));
    params().getAll("q").some(Boolean) ? load() : idle();
  });

  // ---- live: the window slides; asked anew once a step, never while the page is hidden or paused
  function tick() {
    if (!data?.live || document.hidden || window.Live?.state === "paused" || $("#results").getAttribute("aria-busy") === "true") return;
    if ((Date.now() - loadedAt) / 1000 >= Math.min(300, Math.max(LEAST_REST, data.step))) load();
  }
  addEventListener("DOMContentLoaded", () => Charts.ready.then(() => {
    editors = $$("#queries .query").map(adopt);
    letter();
    past();
    window.Live?.subscribe("fleet", () => {});
    setInterval(tick, 1000);
    if (params().getAll("q").some(Boolean)) run(); else editors[0].field.focus({ preventScroll: true });
  }));
})();
