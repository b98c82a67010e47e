// A page of charts: draws them from the data in the page, zooms and goes back through the address, appends live points.
"use strict";
(() => {
  const source = document.getElementById("chart-data");
  if (!source) return;
  const box = document.querySelector(".charts");
  let data = JSON.parse(source.textContent);
  const plots = () => [...box.querySelectorAll("[data-chart]")];
  const panelOf = (key) => data.panels.find((panel) => panel.key === key);
  const $ = (sel) => document.querySelector(sel);

  // ---- drawing
  function specOf(panel) { return { ...panel, t: data.t, from: data.from, to: data.to, events: data.events }; }
  const zoom = box.dataset.url && {
    to: (from, to) => visit(`from=${Math.round(from * 1000)}&to=${Math.round(Math.max(to, from + 1) * 1000)}`),
    back: () => (history.state?.zoomed ? history.back() : null),
  };
  function draw(fresh) {
    for (const el of plots()) {
      const panel = panelOf(el.dataset.chart);
      if (!panel) continue;
      el.setAttribute("aria-label", panel.sentence);
      if (fresh) Charts.draw(el, specOf(panel), zoom); else Charts.update(el, specOf(panel));
    }
    $("main").dataset.drawn = Date.now();
  }

  // ---- the page's range
  function query(url = location) { const q = new URLSearchParams(url.search); for (const name of ["tab", "page"]) q.delete(name); return q.toString(); }
  function range() {
    const now = new URLSearchParams(location.search), kept = ["range", "from", "to"].filter((name) => now.get(name));
    return kept.length ? new URLSearchParams(kept.map((name) => [name, now.get(name)])) : `from=${Math.round(data.from * 1000)}&to=${Math.round(data.to * 1000)}`;
  }
  let asked = 0;
  async function load() {
    if (!box.dataset.url) return location.reload();
    const mine = ++asked;
    box.classList.add("is-loading");
    try {
      const answer = await fetch(`${box.dataset.url}?${query()}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The server did not answer as expected.");
      const found = await answer.json();
      if (mine !== asked) return;
      const keys = (all) => all.map((panel) => panel.key).join();
      if (keys(found.panels) !== plots().map((el) => el.dataset.chart).join()) return location.reload();
      data = found;
      $("#timebox .range").outerHTML = found.control;
      $("#events").innerHTML = found.marks;
      linkCsv();
      draw(false);
    } catch (fault) {
      AIOps.toast(fault.message, "error");
    } finally {
      if (mine === asked) box.classList.remove("is-loading");
    }
  }
  function visit(range) {
    const url = new URL(location.href);
    for (const name of ["range", "from", "to"]) url.searchParams.delete(name);
    for (const [name, value] of new URLSearchParams(range)) url.searchParams.set(name, value);
    history.pushState({ zoomed: true }, "", url);
    load();
  }
  if (box.dataset.url) {
    addEventListener("popstate", load);
    document.addEventListener("click", (e) => {
      const link = e.target.closest("a[data-range]");
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
      e.preventDefault();
      const menu = link.closest("details.menu");
      if (menu) menu.open = false;
      history.pushState({ zoomed: true }, "", link.href);
      load();
    });
  }

  // ---- live: points are appended at most once a second; the window slides; every few minutes it is read anew
  const RENEW = 240;                                           // seconds
  let waiting = [], timer = null, loadedAt = Date.now();
  function others(panel, values) {
    const known = new Set(panel.series.map((s) => s.id));
    const rest = Object.entries(values).filter(([id]) => !known.has(id)).map(([, v]) => v);
    if (!rest.length) return null;
    return panel.rest === "sum" ? rest.reduce((a, b) => a + b, 0) : Math.max(...rest);
  }
  const laid = (panel) => [panel.anomaly, ...Object.values(panel.forecast || {})].filter(Boolean);   // over the lines
  function append(point) {
    const at = data.t.length ? data.t[data.t.length - 1] : 0;
    if (point.t <= at) return replaceLast(point);
    data.t.push(point.t);
    for (const panel of data.panels) {
      const values = point.panels[panel.key] || {};
      for (const s of panel.series) {
        const v = s.id in values ? values[s.id] : /^\d+ others/.test(s.id) ? others(panel, values) : null;
        for (const column of [s.data, s.lo, s.hi]) column?.push(v);
      }
      for (const column of laid(panel)) column.push(null);       // nobody has scored or foretold it yet
    }
  }
  function replaceLast(point) {                                // the last bucket is still filling
    const i = data.t.length - 1;
    if (point.t < data.t[i] - data.step) return;
    for (const panel of data.panels) for (const s of panel.series) {
      const v = point.panels[panel.key]?.[s.id];
      if (v == null) continue;
      s.data[i] = v;
      if (s.lo) { s.lo[i] = Math.min(s.lo[i] ?? v, v); s.hi[i] = Math.max(s.hi[i] ?? v, v); }
    }
  }
  function slide(now) {
    const span = data.to - data.from;
    data.to = now; data.from = now - span;
    let gone = 0;
    while (gone < data.t.length - 2 && data.t[gone + 1] < data.from) gone++;
    if (!gone) return;
    data.t.splice(0, gone);
    for (const panel of data.panels) for (const column of [...panel.series.flatMap((s) => [s.data, s.lo, s.hi]), ...laid(panel)]) column?.splice(0, gone);
  }
  function flush() {
    timer = null;
    if (document.hidden || !data.live) return;
    if (Date.now() - loadedAt > RENEW * 1000) { loadedAt = Date.now(); waiting = []; return void load(); }
    const points = waiting;
    waiting = [];
    if (!points.length) return;
    const gap = points[0].t - data.t[data.t.length - 1];
    if (gap > Math.max(3 * data.interval, 2 * data.step)) { loadedAt = Date.now(); return void load(); }   // something was missed
    points.forEach(append);
    slide(points[points.length - 1].t);
    draw(false);
    const age = $("[data-last-sample] time");
    if (age) age.dateTime = new Date(points[points.length - 1].t * 1000).toISOString();
  }
  function take(point) {
    if (!data.live || !point?.panels) return;
    waiting.push(point);
    timer ??= setTimeout(flush, 1000 - Math.min(1000, Date.now() % 1000));
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && data.live && Date.now() - loadedAt > 15000) { loadedAt = Date.now(); load(); } });

  // ---- the numbers behind a chart
  function cell(tag, text, className) { const el = document.createElement(tag); el.textContent = text; if (className) el.className = className; return el; }
  function numbers(key) {
    const panel = panelOf(key), dialog = $("#numbers"), table = $("#numbers table");
    if (!panel) return;
    $("#numbers-title").textContent = panel.unit ? `${panel.title}, ${panel.unit}` : panel.title;
    const head = document.createElement("thead"), body = document.createElement("tbody"), row = document.createElement("tr");
    row.append(cell("th", "Time"), ...panel.series.map((s) => cell("th", s.label, "num")));
    head.append(row);
    for (let i = data.t.length - 1; i >= 0; i--) {
      const line = document.createElement("tr");
      line.append(cell("td", Charts.local(data.t[i], "full"), "num t2 text-start"), ...panel.series.map((s) => cell("td", Charts.short(s.data[i], panel.unit), "num")));
      body.append(line);
    }
    table.replaceChildren(head, body);
    dialog.showModal();
  }
  document.addEventListener("click", (e) => {
    const el = e.target.closest("[data-do=chart-table]");
    if (el) numbers(el.dataset.key);
  });
  function linkCsv() {                                         // the links of the charts' menus carry the range of the moment
    for (const a of document.querySelectorAll("[data-explore]")) a.href = `${a.dataset.explore}&${range()}`;
    for (const a of document.querySelectorAll("[data-csv-of]")) a.href = `${box.dataset.csv}?${query()}&panel=${a.dataset.csvOf}`;
  }

  addEventListener("DOMContentLoaded", () => Charts.ready.then(() => {
    linkCsv();
    draw(true);
    if (box.dataset.topic) window.Live?.subscribe(box.dataset.topic, take);
  }));
})();
