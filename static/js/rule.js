// The rule editor: the condition as text and as a sentence, how it reads now, what it would have done, what differs from the saved version.
"use strict";
(() => {
  const form = document.getElementById("rule-form");
  if (!form) return;
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const PAUSE = 600, NB = "\u00a0";                            // ms after an edit
  const bar = document.getElementById("savebar"), editable = !!bar;
  const op = $("#op"), threshold = $("#threshold"), LABELS = { expr: "expression", for: "for", keep_firing_for: "goes on for", clears_at: "clears at", without_data: "without data", interval: "evaluate every", runbook_url: "runbook", immediate: "on arrival", description: "what to do" };
  let limit = null, clears = null, timer = null, asked = 0, tried = 0, drawn = "";

  async function get(url, fields) {
    const answer = await fetch(`${url}?${new URLSearchParams(fields)}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The server did not answer as expected.");
    return answer.json();
  }
  const send = (url, accept) => fetch(url, { method: "POST", headers: { "X-CSRFToken": $("meta[name=csrf-token]").content, Accept: accept }, body: new URLSearchParams(new FormData(form)) });

  // ---- the expression
  const editor = PromQL.adopt($("#expr"), {
    complete: (q, at) => (form.dataset.complete && editable ? get(form.dataset.complete, { q, at }) : Promise.resolve(null)),
    run: () => now(),
    changed: () => soon(),
  });
  async function judge() {
    const text = editor.field.value;
    if (!form.dataset.check || !text.trim()) return;
    const lead = text.length - text.trimStart().length, { error } = await get(form.dataset.check, { q: text.trim() });
    if (editor.field.value !== text || (error?.unfinished && editor.open)) return;
    editor.mark(error && { ...error, start: error.start + lead, end: error.end + lead });
  }

  // ---- the sentence: its sign and its number are characters of the expression
  function say() {
    for (const el of $$("[data-limit]")) el.hidden = !limit;
    for (const el of $$("[data-no-limit]")) el.hidden = !!limit;
    const ordered = limit && !["==", "!="].includes(limit.op);
    for (const el of $$("[data-ordered]")) el.hidden = !ordered;
    if (!limit) return;
    $("[data-clears]").textContent = limit.op.startsWith("<") ? "above" : "below";
    $("#clears_at").placeholder = editor.field.value.slice(limit.start, limit.end);
    if (document.activeElement !== op) op.value = limit.op;
    if (document.activeElement !== threshold) threshold.value = editor.field.value.slice(limit.start, limit.end);
  }
  function rewrite(start, end, text) {
    const before = editor.field.value;
    editor.set(before.slice(0, start) + text + before.slice(end));
    const grown = text.length - (end - start);
    if (start === limit.op_start) { limit.op_end += grown; limit.start += grown; }
    limit.end += grown;
    soon();
  }
  threshold?.addEventListener("input", () => {
    const text = threshold.value.trim();
    const fine = /^[-+]?(\d+\.?\d*(e[-+]?\d+)?|\.\d+)$/i.test(text);
    threshold.toggleAttribute("aria-invalid", !fine);
    if (limit && fine) rewrite(limit.start, limit.end, text);
  });
  op?.addEventListener("change", () => { if (limit) { limit.op = op.value; rewrite(limit.op_start, limit.op_end, op.value); } });

  // ---- what differs from the saved version
  const values = () => {
    const found = {};
    for (const [name, value] of new FormData(form)) if (!["csrfmiddlewaretoken", "rule", "days"].includes(name)) (found[name] ??= []).push(value);
    return found;
  };
  const saved = values(), pairs = (found, what) => (found[`${what}_name`] || []).map((name, i) => `${name}=${found[`${what}_value`][i]}`).filter((pair) => pair !== "=");
  function differences() {
    const here = values(), out = [];
    for (const name of new Set([...Object.keys(saved), ...Object.keys(here)])) {
      if (/_(name|value)$/.test(name)) continue;
      const was = (saved[name] || []).join(), is = (here[name] || []).join();
      if (was !== is) out.push({ name, was, is });
    }
    for (const what of ["label", "annotation"]) {
      const was = pairs(saved, what), is = pairs(here, what);
      const n = is.filter((one) => !was.includes(one)).length + was.filter((one) => !is.includes(one)).length;
      if (n) out.push({ name: `${what}s`, was: "", is: "" });
    }
    return out;
  }
  function told({ name, was, is }) {
    const label = LABELS[name] || name, span = document.createElement("span");
    span.append(label);
    if (was !== is && was.length < 30 && is.length < 30 && !["immediate", "enabled"].includes(name)) {
      const gone = document.createElement("s");
      gone.textContent = was || "none";
      span.append(" ", gone, " ", is || "none");
    }
    return span;
  }
  function count() {
    if (!bar) return;
    const found = differences(), fresh = "unsaved" in form.dataset, names = new Set(found.map((one) => one.name));
    bar.hidden = !found.length && !fresh;
    if (!fresh || found.length) $("[data-changes]", bar).textContent = `${found.length} change${found.length === 1 ? "" : "s"}`;
    $("[data-what]", bar).replaceChildren(...found.slice(0, 4).flatMap((one, i) => (i ? [" · ", told(one)] : [told(one)])));
    for (const name of ["for", "clears_at", "keep_firing_for", "without_data", "interval", "summary", "description", "runbook_url", "name"]) form.elements[name]?.parentElement?.classList?.toggle("is-changed", names.has(name));
  }

  // ---- faults at their fields
  function blame(faults) {
    for (const box of $$("[data-fault]")) box.replaceChildren();
    for (const fault of faults) {
      const box = $(`[data-fault="${fault.field}"]`);
      if (!box) continue;
      const line = document.createElement("div"), words = document.createElement("span");
      line.className = "invalid-feedback d-flex";
      if (fault.position != null) { const at = document.createElement("b"); at.textContent = `Character ${fault.position + 1}: `; words.append(at); }
      const named = fault.name.split(".")[1];
      words.append(named && !["summary", "description"].includes(named) ? `${named}: ${fault.message}` : fault.message);
      line.append(AIOps.icon("critical", "icon-14"), words);
      box.append(line);
    }
  }

  // ---- how it reads now
  async function preview() {
    const mine = ++asked;
    const answer = await send(form.dataset.preview, "application/json");
    if (!answer.ok || mine !== asked) return;
    const found = await answer.json();
    if (mine !== asked) return;
    [limit, clears] = [found.limit, found.clears_at];
    say();
    blame(found.faults);
    $("#reading").innerHTML = found.html;
    const head = $("#rule-now"), n = found.answered;
    head.textContent = n == null ? "" : found.compared != null ? `${found.compared.toLocaleString("en")} series, ${n.toLocaleString("en")} beyond the limit now` : `${n.toLocaleString("en")} series answered now`;
    hear(found.labels);
    chart();
  }
  async function chart() {
    const box = $("#rule-chart .plot"), text = editor.field.value.trim(), query = limit ? limit.query : text;
    if (!box || !query || editor.wrong) return;
    const key = `${query} ${limit?.op} ${limit?.value} ${clears}`;
    if (key === drawn) return;
    const { t, from, to, queries: [found] } = await get(form.dataset.data, { q: query, range: "now-24h", points: 300 });
    if (found?.error || !found) return;
    drawn = key;
    const down = limit && limit.op.startsWith("<"), best = (s) => (down ? -s.stats.min : s.stats.max) ?? -Infinity;
    const shown = [...found.series].sort((a, b) => best(b) - best(a)).slice(0, 4);
    const words = { ">": "above", ">=": "from", "<": "below", "<=": "up to", "==": "at", "!=": "unless" };
    const spec = {
      t, from, to, unit: found.unit, alone: true,
      series: shown.map((s, i) => ({ id: s.id, label: s.label, color: i + 1, data: s.data })),
      limit: limit && Number.isFinite(limit.value) ? { value: limit.value, label: `Fires ${words[limit.op]} ${Charts.short(limit.value, found.unit)}` } : undefined,
      clears: limit && clears != null ? { value: clears, label: `Clears ${down ? "above" : "below"} ${Charts.short(clears, found.unit)}` } : undefined,
    };
    $("#chart-unit").textContent = [Charts.unit(found.unit), "last 24 hours", found.total > shown.length ? `${shown.length} ${down ? "lowest" : "highest"} of ${found.total.toLocaleString("en")}` : ""].filter(Boolean).join(", ");
    $("#rule-chart").hidden = !shown.length;
    if (shown.length) Charts.draw(box, spec);
  }
  function hear(labels) {
    const box = $("#hear");
    if (!form.dataset.hear || !box || !form.elements.name.value.trim()) return;
    window.htmx?.ajax("GET", `${form.dataset.hear}?${new URLSearchParams(Object.entries(labels))}`, { target: box, swap: "innerHTML" });
  }

  // ---- what it would have done
  async function backtest() {
    const box = $("#backtest"), mine = ++tried;
    if (!editor.field.value.trim()) return;
    box.setAttribute("aria-busy", "true");
    const dim = setTimeout(() => box.classList.add("is-loading"), 150);
    try {
      const answer = await send(form.dataset.backtest, "text/html");
      const html = await answer.text();
      if (mine !== tried) return;
      if (answer.ok) box.innerHTML = html; else AIOps.toast("The backtest could not be run. Try again in a moment.", "error");
    } catch { if (mine === tried) AIOps.toast("The backtest could not be run. Try again in a moment.", "error"); }
    finally { clearTimeout(dim); if (mine === tried) { box.classList.remove("is-loading"); box.setAttribute("aria-busy", "false"); } }
  }
  let heart = "";
  function now() {
    clearTimeout(timer);
    count();
    if (!editor.field.value.trim()) return;
    judge().catch(() => {});
    preview().catch(() => {});
    const fields = ["expr", "for", "clears_at", "keep_firing_for", "without_data", "interval", "days", "kind"].map((name) => form.elements[name]?.value).join("\n");
    if (fields !== heart) { heart = fields; backtest(); }
  }
  function soon() { count(); clearTimeout(timer); timer = setTimeout(now, PAUSE); }

  // ---- fields, rows, buttons
  function kind() { for (const el of $$("[data-alert-only]")) el.hidden = form.elements.kind.value === "record"; }
  form.addEventListener("input", (e) => { if (e.target !== editor.field && e.target !== threshold) soon(); });
  form.addEventListener("change", (e) => { if (e.target.id === "kind") kind(); soon(); });
  function addPair(what) {
    const row = document.importNode($(`#pair-${what}`).content, true).firstElementChild, box = $(`[data-pairs=${what}]`);
    box.append(row);
    $$("[data-pair]", box).forEach((one, i) => $$("input", one).forEach((input) => input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/(label|annotation) \S+/i, `$1 ${i + 1}`))));
    $("input", row).focus();
  }
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-act], [data-days], [data-use-wait]");
    if (!button) return;
    if (button.dataset.days) { form.elements.days.value = button.dataset.days; return now(); }
    if (button.dataset.useWait) { form.elements.for.value = button.dataset.useWait; return now(); }
    if (button.dataset.act === "add-pair") addPair(button.dataset.what);
    else if (button.dataset.act === "remove-pair") { button.closest("[data-pair]").remove(); soon(); }
    else if (button.dataset.act === "delete") $("#delete-rule").showModal();
  });
  form.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target.matches("input")) { e.preventDefault(); now(); } });   // saving is a button's work
  let leaving = false;
  form.addEventListener("submit", () => (leaving = true));
  addEventListener("beforeunload", (e) => { if (!leaving && editable && differences().length) e.preventDefault(); });
  $("#savebar a")?.addEventListener("click", () => (leaving = true));

  // ---- how its evaluations went
  async function past() {
    const figure = $("[data-history]");
    if (!figure || !form.dataset.data) return;
    const { history: rule, group, file } = figure.dataset, of = `{rule=${JSON.stringify(rule)},rule_group=${JSON.stringify(group)},rule_file=${JSON.stringify(file)}}`;
    const query = new URLSearchParams([["q", `aiops_rule_duration_seconds${of}`], ["q", `aiops_rule_lag_seconds${of}`], ["range", "now-24h"], ["points", 300]]);
    const { t, from, to, queries } = await get(form.dataset.data, query);
    const series = queries.flatMap((q, i) => q.series.slice(0, 1).map((s) => ({ id: q.key, label: ["Duration", "Lag"][i], color: i + 1, data: s.data })));
    figure.hidden = !series.length;
    if (series.length) Charts.draw($(".plot", figure), { t, from, to, unit: "s", series, alone: true });
  }

  addEventListener("DOMContentLoaded", () => Charts.ready.then(() => {
    kind();
    count();
    now();
    past().catch(() => {});
    if (!editor.field.value) $("#name")?.focus({ preventScroll: true });
  }));
})();
