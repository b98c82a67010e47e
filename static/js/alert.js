// The page of one alert: its chart, what is done to it, and what happens to it while somebody looks.
"use strict";
(() => {
  const box = document.getElementById("alert");
  if (!box) return;
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const id = Number(box.dataset.alert);

  // ---- the chart
  const figure = $("#alert-chart");
  async function chart(fresh) {
    if (!figure) return;
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    try {
      const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error || "The store did not answer.");
      note.textContent = found.note || "";
      note.hidden = !found.note;
      plot.hidden = !found.t.length;
      if (!found.t.length) return;
      $(".unit", figure).textContent = Charts.unit(found.unit);
      plot.setAttribute("aria-label", found.sentence);
      tell(found.events || []);
      const zoom = { to: (a, b) => go(a, b), back: () => history.back() };
      if (fresh) Charts.draw(plot, found, zoom); else Charts.update(plot, found, zoom);
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
  function go(from, to) {
    const url = new URL(location.href);
    url.searchParams.delete("range");
    url.searchParams.set("from", Math.round(from * 1000));
    url.searchParams.set("to", Math.round(Math.max(to, from + 1) * 1000));
    location.href = url;
  }

  // ---- what is done to it
  let busy = false;
  async function act(verb, more = {}) {
    if (busy) return;
    busy = true;
    try {
      const answer = await AIOps.silence.json(box.dataset.act, { action: verb, alerts: [id], ...more });
      if (!answer.ok) throw new Error(await AIOps.silence.problem(answer));
      if (!(await answer.json()).changed) AIOps.toast("Nothing to change: it was so already");
      await refresh();
    } catch (fault) { AIOps.toast(fault.message, "error"); }
    finally { busy = false; }
  }
  const dialog = $("#comment");
  document.addEventListener("click", (e) => {
    const button = e.target.closest("#alert [data-verb]");
    if (!button) return;
    const { verb, severity, assignee } = button.dataset;
    if (verb === "comment") { dialog.showModal(); return; }
    act(verb, severity ? { severity } : verb === "assign" ? { assignee: assignee ? Number(assignee) : null } : {});
  });
  document.addEventListener("submit", (e) => {
    if (e.target.matches("[data-comment], #comment-form")) {
      e.preventDefault();
      const field = $("input, textarea", e.target);
      act("comment", { note: field.value });
      field.value = "";
      if (dialog?.open) dialog.close();
    } else if (e.target.matches("#changed-form")) {            // the ranking's own form: among which series
      e.preventDefault();
      const button = $("#what-changed"), url = new URL(box.dataset.changed || button.dataset.asked, location.href);
      url.searchParams.set("among", $("[name=among]", e.target).value);
      htmx.ajax("GET", url.pathname + url.search, { target: "#what-changed", swap: "innerHTML" });
    }
  });
  document.addEventListener("htmx:beforeRequest", (e) => { if (e.target.closest("#what-changed")) $("#what-changed").dataset.asked = e.detail.pathInfo.requestPath; });
  if (AIOps.silence) AIOps.silence.done = () => refresh();

  // ---- keys, as in the list
  const single = document.documentElement.dataset.singleKeys !== "off", may = "mayWrite" in box.dataset;
  const keys = { a: () => act("acknowledge"), r: () => act("resolve"), s: () => { const menu = $("details[data-silence]"); if (menu) menu.open = true; } };
  let jumped = 0;
  addEventListener("keydown", (e) => {
    if (!single || !may || e.target.matches("input, textarea, select") || e.ctrlKey || e.metaKey || e.altKey || $("dialog[open]")) return;
    if (e.key === "g") { jumped = Date.now() + 900; return; }
    if (Date.now() < jumped) { jumped = 0; return; }
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  }, true);

  // ---- live: its parts are asked for anew when it changed
  const bare = (html) => html.replace(/(<time[^>]*>)[^<]*/g, "$1");
  let asking = false, again = false;
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1", Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of $$("[data-part]")) {
        const fresh = page.getElementById(part.id);
        if (!fresh || bare(fresh.outerHTML) === bare(part.outerHTML) || $("details.menu[open]", part)) continue;
        const note = $("[data-comment] input", part)?.value;
        part.replaceWith(document.importNode(fresh, true));
        if (note) $(`#${part.id} [data-comment] input`).value = note;
      }
      for (const one of $$("[data-fragment]")) window.htmx?.trigger(one, "changed");
      chart(false);
    } catch { /* the live control says that the server does not answer */ }
    finally {
      asking = false;
      if (again) { again = false; refresh(); }
    }
  }
  const concerns = (data) => ["opened", "resolved", "changed"].some((what) => (data[what] || []).includes(id) || (data.counts?.[what] || 0) > (data[what] || []).length);
  addEventListener("DOMContentLoaded", () => {
    Charts.ready.then(() => chart(true));
    window.Live?.subscribe("alerts", (data) => concerns(data) && refresh());
    window.Live?.subscribe("incidents", () => $$("#alert-incident").forEach((one) => window.htmx?.trigger(one, "changed")));
    setInterval(() => document.hidden || chart(false), 30000);
  });
})();
