// The page of one case: its output as it comes, its parts asked for anew when something happened, the chart from before to after.
"use strict";
(() => {
  const box = document.getElementById("case");
  if (!box) return;
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const LEAST = 1000, MOST = 30000;                            // ms between two refreshes; without any event
  const TONES = { ok: "ok", warning: "warn", error: "bad" };
  const id = Number(box.dataset.case);

  // ---- output: a line is written once, wherever it comes from; a reader who scrolled up is left there
  let newest = Math.max(0, ...$$("[data-line]").map((line) => Number(line.dataset.line)));
  function write(step, line) {
    const output = $(`#step-${step} .output`);
    if (!output) return false;
    if ($(`[data-line="${line.id}"]`, output)) return true;
    const end = output.scrollHeight - output.scrollTop - output.clientHeight < 24;
    const item = document.createElement("span"), time = document.createElement("time");
    time.textContent = Charted.second(line.t ?? Date.parse(line.time) / 1000);
    item.dataset.line = line.id;
    if (TONES[line.level]) item.className = TONES[line.level];
    item.append(time, line.text);
    $("[data-none]", output)?.remove();
    output.append(item);
    if (end) output.scrollTop = output.scrollHeight;
    newest = Math.max(newest, line.id);
    return true;
  }
  const Charted = (() => {                                     // the reader's clock, without the chart's script
    const zone = document.documentElement.dataset.tz || "UTC";
    const shape = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    return { second: (t) => shape.format(new Date(t * 1000)) };
  })();
  async function readOn() {
    const answer = await fetch(`${box.dataset.lines}?after=${newest}`, { headers: { Accept: "application/json" } });
    if (answer.ok && !answer.redirected) for (const line of (await answer.json()).lines) write(line.step, line);
  }

  // ---- parts and steps
  const bare = (html) => html.replace(/(<time[^>]*>)[^<]*/g, "$1");
  const held = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, summary") || $("details.menu[open]", part);
  let last = 0, timer = null, running = false, again = false;
  async function refresh() {
    timer = null;
    if (document.hidden || window.Live?.state === "paused") return;
    if (running) { again = true; return; }                     // what happened meanwhile may not be in the answer
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1", Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      parts(page);
      steps(page);
      chart(false);
    } catch { /* the live control says that the server does not answer */ }
    finally {
      running = false;
      last = Date.now();
      if (again) { again = false; soon(); }
    }
  }
  function parts(page) {
    for (const part of $$("[data-part]")) {
      const fresh = page.getElementById(part.id);
      if (!fresh) { if (part.id === "case-approval") part.remove(); continue; }
      if (!held(part) && bare(fresh.outerHTML) !== bare(part.outerHTML)) part.replaceWith(document.importNode(fresh, true));
    }
    if ($("#case-approval", page) && !$("#case-approval")) $("#case-states").after(document.importNode($("#case-approval", page), true));
  }
  function steps(page) {                                       // a step keeps its output and whether it is unfolded
    const fresh = $("#steps", page), here = $("#steps");
    if (!$("[data-step]", here) || $$("[data-step]", fresh).length !== $$("[data-step]", here).length) {
      const open = new Set($$("details[open]", here).map((one) => one.id));
      here.replaceWith(document.importNode(fresh, true));
      for (const one of $$("#steps details")) if (open.has(one.id)) one.open = true;
      newest = Math.max(newest, ...$$("[data-line]").map((line) => Number(line.dataset.line)));
      return;
    }
    for (const one of $$("[data-step]", fresh)) {
      const mine = document.getElementById(one.id);
      if (!mine || bare($("summary", one).innerHTML) === bare($("summary", mine).innerHTML)) continue;
      $("summary", mine).innerHTML = $("summary", one).innerHTML;
      if (mine.dataset.state !== one.dataset.state && one.open) mine.open = true;
      mine.dataset.state = one.dataset.state;
      mine.className = one.className;
    }
  }
  function soon() { timer ??= setTimeout(refresh, Math.max(0, last + LEAST - Date.now())); }

  // ---- the chart
  const figure = $("#case-chart");
  let drawn = false;
  async function chart(first) {
    if (!figure || !window.Charts || (!first && !drawn)) return;
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    try {
      const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error || "The store did not answer.");
      note.textContent = found.note || "";
      note.hidden = !found.note;
      plot.hidden = !found.t.length;
      drawn = true;
      if (!found.t.length) return;
      $(".unit", figure).textContent = Charts.unit(found.unit);
      plot.setAttribute("aria-label", found.sentence);
      tell(found.events || []);
      if (first) Charts.draw(plot, found); else Charts.update(plot, found);
    } catch (fault) { note.hidden = false; note.textContent = fault.message; }
  }
  function tell(events) {                                      // the numbered marks, in words
    const list = $(".chart-events", figure);
    list.hidden = !events.length;
    list.replaceChildren(...events.map((event) => {
      const item = document.createElement("li"), n = document.createElement("b");
      n.className = "num";
      n.textContent = event.n;
      item.append(n, ` ${Charts.local(event.t, "minute")} ${event.text}`);
      return item;
    }));
  }

  addEventListener("DOMContentLoaded", () => {
    if (figure) Charts.ready.then(() => chart(true));
    window.Live?.subscribe(`execution:${id}`, (data) => {
      if (data.kind === "lines" && data.lines.every((line) => write(data.step, line))) return;
      soon();
    });
    document.addEventListener("live:state", (e) => e.detail.state === "live" && readOn().catch(() => {}));
    setInterval(() => Date.now() - last >= MOST && soon(), 5000);
    document.addEventListener("visibilitychange", () => document.hidden || soon());
  });
})();
