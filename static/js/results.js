// What the explorer's queries answered: one chart per unit with its legend, the table of series with their statistics, a picture to take along.
// Results.show(data, {view, visible, toggle, isolate, zoom}); series carry {id, key, label, name, labels, unit, color, data, stats, then?, was?, change?}.
"use strict";
(() => {
  const $ = (sel, from = document) => from.querySelector(sel);
  const LEGEND = 8, ROWS = 20, STATS = [["last", "Last"], ["min", "Min"], ["mean", "Avg"], ["max", "Max"], ["p95", "p95"]];
  const THEN = { "1d": "Yesterday", "7d": "Last week" };
  let all = [], shown = null, sort = { by: "", down: true }, unfolded = false;

  function el(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text != null) made.textContent = text;
    return made;
  }
  const text = (v, unit) => (v == null ? "–" : Charts.short(v, unit));
  const colour = (s) => getComputedStyle(document.documentElement).getPropertyValue(`--series-${s.color}`).trim();

  // ---- series of all queries, coloured in order
  function collect(data) {
    let n = 0;
    return data.queries.flatMap((query) => query.series.map((s) => ({ ...s, key: query.key, unit: query.unit, query: query.text, color: (n++ % 8) + 1 })));
  }
  function groups() {                                          // one chart per unit, in the order of the queries
    const found = new Map();
    for (const s of all) found.set(s.unit, [...(found.get(s.unit) || []), s]);
    return [...found];
  }
  function titleOf(series) {
    if (shown.how.title) return shown.how.title;
    const keys = [...new Set(series.map((s) => s.key))];
    const queries = [...new Set(series.map((s) => s.query))];
    return `${keys.join(", ")} · ${queries.length > 1 ? `${queries.length} queries` : queries[0]}`;
  }
  function sentence(series, unit) {
    const told = series.slice(0, 4).map((s) => `${s.label} ${text(s.stats.last, unit)} last, between ${text(s.stats.min, unit)} and ${text(s.stats.max, unit)}`);
    return `${titleOf(series)}: ${told.join("; ")}${series.length > 4 ? `; ${series.length - 4} more series` : ""}`;
  }
  function specOf(series, unit) {
    const { data, how } = shown;
    const lines = series.filter((s) => how.visible(s.id)).map((s) => ({ id: s.id, label: s.label, color: s.color, data: s.data }));
    const then = how.view === "stacked" ? [] : series.filter((s) => s.then && how.visible(s.id)).map((s) => ({ id: `${s.id}-then`, label: `${s.label}, ${THEN[data.compare]}`, color: s.color, data: s.then, dash: [4, 3] }));
    const known = lines.some((line) => line.data.some((v) => v != null));
    const alone = lines.length === 1 && !then.length && series.find((s) => s.id === lines[0].id).foretold;
    if (alone) return laidOver(lines[0], alone, data, unit);
    return { t: data.t, unit, from: data.from, to: data.to, stacked: how.view === "stacked" && lines.length > 1, series: lines.length ? [...then, ...lines] : [{ id: "none", label: "", color: 1, data: data.t.map(() => null) }], floor: known ? 0 : 1, fill: false };
  }

  function laidOver(line, laid, data, unit) {                  // one series with what was foretold of it, beyond now, and its scores
    const t = laid.t && laid.t.length > data.t.length ? laid.t : data.t, padded = (values) => t.map((_, i) => values[i] ?? null);
    const forecast = laid.t && { data: padded(laid.data), lo: padded(laid.lo), hi: padded(laid.hi) };
    const ends = Math.max(data.to, t[t.length - 1]);
    return { t, unit, from: data.from, to: ends, now: ends > data.to ? data.to : undefined, series: [{ ...line, data: padded(line.data) }], ...(forecast && { forecast }), ...(laid.anomaly && { anomaly: laid.anomaly }), floor: 0 };
  }

  // ---- charts
  function figure(unit, series, key) {
    const box = el("figure", "chart flat"), head = el("div", "chart-head"), title = el("h2", "clip", titleOf(series)), plot = el("div", `plot ${shown.how.size || (groups().length > 1 ? "plot-lg" : "plot-xl")}`);
    title.title = title.textContent;
    box.dataset.unit = unit;
    head.append(title, el("span", "unit nowrap"), menu(title.textContent, key));
    plot.setAttribute("role", "img");
    box.append(head, el("div", "chart-keys"), plot);
    return box;
  }
  function menu(title, key) {
    const details = el("details", "menu push"), summary = el("summary", "icon-btn icon-btn-sm"), items = el("div", "menu-list");
    summary.setAttribute("aria-label", `Chart actions: ${title}`);
    summary.append(AIOps.icon("more"));
    for (const [act, icon, words] of [["numbers", "columns", "Show the numbers"], ["png", "download", "Download PNG"], ["csv", "download", "Download CSV"]]) {
      const button = el("button", "menu-item");
      Object.assign(button, { type: "button" });
      button.dataset.chartAct = act; button.dataset.at = key;
      button.append(AIOps.icon(icon), words);
      items.append(button);
    }
    details.append(summary, items);
    return details;
  }
  function drawCharts() {
    const box = $("#charts"), found = groups(), { data, how } = shown;
    const same = box.dataset.units === JSON.stringify(found.map(([unit]) => unit));
    if (!same) {
      for (const plot of box.querySelectorAll(".plot")) Charts.remove(plot);
      box.replaceChildren(...found.map(([unit, series], i) => figure(unit, series, i)));
      box.dataset.units = JSON.stringify(found.map(([unit]) => unit));
    }
    found.forEach(([unit, series], i) => {
      const fig = box.children[i], plot = $(".plot", fig), title = $("h2", fig), spec = specOf(series, unit);
      title.textContent = title.title = titleOf(series);
      $(".unit", fig).textContent = [Charts.unit(unit), data.compare && how.view !== "stacked" ? `dashed: ${THEN[data.compare].toLowerCase()}` : ""].filter(Boolean).join(", ");
      plot.setAttribute("aria-label", sentence(series, unit));
      spec.hover = keys($(".chart-keys", fig), series, unit);
      Charts.update(plot, spec, how.zoom);
      spec.hover(null);
    });
  }

  // ---- legend: a click shows one series alone, with Ctrl or Shift it hides or shows it
  function keys(box, series, unit) {
    const { how } = shown, first = series.slice(0, LEGEND);
    const values = first.map((s) => {
      const button = el("button", "key"), mark = document.createElementNS("http://www.w3.org/2000/svg", "svg"), value = el("span", "v");
      button.type = "button";
      button.setAttribute("aria-pressed", how.visible(s.id));
      button.title = `${s.name}\nClick shows it alone, Ctrl click hides it`;
      mark.setAttribute("viewBox", "0 0 12 8"); mark.setAttribute("aria-hidden", "true");
      mark.innerHTML = `<path d="M0 4h12" stroke-width="2"/>`;
      mark.firstChild.setAttribute("stroke", colour(s));
      button.append(mark, el("span", "clip", s.label), value);
      button.addEventListener("click", (e) => (e.ctrlKey || e.metaKey || e.shiftKey ? how.toggle(s.id) : how.isolate(s.id)));
      return [button, value];
    });
    const focus = [...box.children].indexOf(document.activeElement);
    box.replaceChildren(...values.map(([button]) => button), ...(series.length > LEGEND ? [el("span", "t3", `and ${series.length - LEGEND} more below`)] : []));
    if (focus >= 0) box.children[focus]?.focus();
    return (at) => first.forEach((s, i) => (values[i][1].textContent = text(at == null ? s.stats.last : s.data[at], unit)));
  }

  // ---- table
  function header(columns) {
    const head = el("thead"), row = el("tr"), check = el("th", "check w-24");
    check.append(el("span", "visually-hidden", "Shown"));
    row.append(check);
    for (const [key, label, number] of columns) {
      const th = el("th", number ? "num" : ""), button = el("button", "sort-btn", label);
      button.type = "button";
      if (sort.by === key) { th.setAttribute("aria-sort", sort.down ? "descending" : "ascending"); button.append(AIOps.icon(sort.down ? "dn" : "up", "icon-14")); }
      button.addEventListener("click", () => { sort = { by: key, down: sort.by === key ? !sort.down : !!number }; drawTable(); $(`#series th:nth-child(${columns.findIndex((c) => c[0] === key) + 2}) button`)?.focus(); });
      th.append(button);
      row.append(th);
    }
    head.append(row);
    return head;
  }
  function labelColumns() {                                    // table view: the labels that tell series apart, each in a column
    const names = new Map();
    for (const s of all) for (const [name, value] of Object.entries(s.labels)) names.set(name, (names.get(name) || new Set()).add(value));
    const apart = [...names].filter(([, values]) => values.size > 1 || all.length === 1).map(([name]) => name).sort();
    return apart.slice(0, 8).map((name) => [`label:${name}`, name === "__name__" ? "metric" : name, false]);
  }
  function valueOf(s, key) {
    if (key.startsWith("label:")) return s.labels[key.slice(6)] ?? "";
    if (key === "name") return s.key + s.name;
    if (key === "was" || key === "change") return s[key] ?? -Infinity;
    return s.stats[key] ?? -Infinity;
  }
  function cellOf(s, key) {
    if (key.startsWith("label:")) { const td = el("td"), span = el("span", "clip d-block", s.labels[key.slice(6)] ?? ""); span.title = span.textContent; td.append(span); return td; }
    if (key === "name") return nameCell(s);
    if (key === "change") return el("td", "num nowrap", s.change == null ? (s.was == null ? "new" : "–") : `${s.change > 0 ? "+" : ""}${s.change.toFixed(Math.abs(s.change) < 10 ? 1 : 0)}\u00a0%`);
    return el("td", `num nowrap${key === "last" ? " medium-w" : " t2"}`, text(key === "was" ? s.was : s.stats[key], s.unit));
  }
  function nameCell(s) {
    const td = el("td"), flex = el("span", "row-flex"), key = el("span", `query-key key-sm key-${s.color}`, s.key), name = el("button", "link-plain mono clip", s.name === "{}" ? s.query : s.name);
    Object.assign(name, { type: "button", title: `${s.name}\nShow it alone` });
    name.addEventListener("click", () => shown.how.isolate(s.id));
    flex.append(key, name);
    td.append(flex);
    return td;
  }
  function drawTable() {
    const table = $("#series"), { data, how } = shown, labelled = how.view === "table" ? labelColumns() : [];
    const columns = [...(labelled.length ? [["name", "Query", false], ...labelled] : [["name", "Series", false]]), ...STATS.map(([key, label]) => [key, label, true]), ...(data.compare ? [["was", THEN[data.compare], true], ["change", "Change", true]] : [])];
    const rows = sort.by && columns.some(([key]) => key === sort.by) ? [...all].sort((a, b) => { const [x, y] = [valueOf(a, sort.by), valueOf(b, sort.by)]; return (x < y ? -1 : x > y ? 1 : 0) * (sort.down ? -1 : 1); }) : all;
    const body = el("tbody");
    const first = unfolded || rows.length <= ROWS + 5 ? rows : rows.slice(0, ROWS), more = $("#series-more");
    more.hidden = first.length === rows.length;
    $("button", more).textContent = `Show all ${rows.length} series`;
    for (const s of first) {
      const row = el("tr", how.visible(s.id) ? "" : "muted-row"), check = el("td", "check"), box = el("input", "form-check-input");
      Object.assign(box, { type: "checkbox", checked: how.visible(s.id) });
      box.setAttribute("aria-label", `Show ${s.key} ${s.label}`);
      box.addEventListener("change", () => how.toggle(s.id));
      check.append(box);
      const cells = columns.map(([key]) => (key === "name" && labelled.length ? keyCell(s) : cellOf(s, key)));
      row.append(check, ...cells);
      body.append(row);
    }
    table.replaceChildren(header(columns), body);
  }
  function keyCell(s) {
    const td = el("td"), key = el("span", `query-key key-sm key-${s.color}`, s.key);
    key.title = s.query;
    td.append(key);
    return td;
  }

  // ---- numbers and pictures
  function numbers(at) {
    const [unit, series] = groups()[at], { data, how } = shown, seen = series.filter((s) => how.visible(s.id)).slice(0, 20);
    $("#numbers-title").textContent = titleOf(series);
    const head = el("thead"), row = el("tr"), body = el("tbody");
    row.append(el("th", "", "Time"), ...seen.map((s) => el("th", "num", s.label)));
    head.append(row);
    for (let i = data.t.length - 1; i >= 0; i--) {
      const line = el("tr");
      line.append(el("td", "num t2 text-start nowrap", Charts.local(data.t[i], "full")), ...seen.map((s) => el("td", "num nowrap", text(s.data[i], unit))));
      body.append(line);
    }
    $("#numbers table").replaceChildren(head, body);
    $("#numbers").showModal();
  }
  function picture(at) {
    const fig = $("#charts").children[at], plot = $("canvas", fig), [unit, series] = groups()[at], px = devicePixelRatio;
    const style = getComputedStyle(document.documentElement), out = document.createElement("canvas"), pad = 16 * px, head = 34 * px, row = 18 * px;
    const named = series.filter((s) => shown.how.visible(s.id)).slice(0, LEGEND);
    out.width = plot.width + 2 * pad; out.height = plot.height + head + named.length * row + 2 * pad;
    const ctx = out.getContext("2d");
    ctx.fillStyle = style.getPropertyValue("--surface"); ctx.fillRect(0, 0, out.width, out.height);
    ctx.fillStyle = style.getPropertyValue("--text"); ctx.textBaseline = "middle";
    ctx.font = `600 ${14 * px}px Inter, sans-serif`;
    ctx.fillText(titleOf(series), pad, pad + 8 * px, plot.width - 200 * px);
    ctx.font = `${11 * px}px Inter, sans-serif`; ctx.fillStyle = style.getPropertyValue("--text-3"); ctx.textAlign = "right";
    ctx.fillText(`${Charts.local(shown.data.from, "full")} – ${Charts.local(shown.data.to, "full")} ${document.documentElement.dataset.tz}`, out.width - pad, pad + 8 * px, 380 * px);
    ctx.textAlign = "left";
    ctx.drawImage(plot, pad, pad + head);
    named.forEach((s, i) => {
      const y = pad + head + plot.height + (i + 0.7) * row;
      ctx.fillStyle = colour(s); ctx.fillRect(pad, y - px, 12 * px, 2 * px);
      ctx.fillStyle = style.getPropertyValue("--text-2"); ctx.fillText(`${s.key} ${s.name}   last ${text(s.stats.last, unit)}, min ${text(s.stats.min, unit)}, max ${text(s.stats.max, unit)}`, pad + 20 * px, y, plot.width - 24 * px);
    });
    out.toBlob((blob) => {
      const link = el("a");
      Object.assign(link, { href: URL.createObjectURL(blob), download: `explorer-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-")}.png` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }
  document.addEventListener("click", (e) => {
    const item = e.target.closest("[data-chart-act]");
    if (!item) return;
    if (item.dataset.chartAct === "numbers") numbers(+item.dataset.at);
    if (item.dataset.chartAct === "png") picture(+item.dataset.at);
    if (item.dataset.chartAct === "csv") $("#csv")?.click();
  });
  addEventListener("themechange", () => shown && all.length && shown.how.view !== "table" && drawCharts());

  function show(data, how) {
    shown = { data, how };
    all = collect(data);
    const table = how.view === "table", none = !all.length;
    const charts = $("#charts");
    charts.hidden = table || none;
    if (!table && !none) drawCharts();
    const column = $("#series-column");
    if (column) { column.hidden = none; if (!none) drawTable(); }
    return all;
  }
  window.Results = { show, unfold() { unfolded = true; drawTable(); }, get series() { return all; } };
})();
