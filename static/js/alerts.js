// The list of alerts: it follows what happens, rows are ticked and acted on, thousands in portions, by mouse and keys.
"use strict";
(() => {
  const form = document.getElementById("listing");
  if (!form) return;
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const bulk = $("#bulk"), number = (n) => n.toLocaleString("en");
  const picked = new Set();                                    // ids that are ticked, also of other pages
  const PORTION = 500;

  // ---- search and filters: a GET form whose empty fields stay out of the address
  function tidy() {                                            // what is so without a word stays out as well
    for (const el of form.elements) if (el.name && (!el.value || el.name === "alert")) el.disabled = true;
    const ticked = (name) => $$(`input[type=checkbox][name=${name}]:checked`, form);
    const alone = (name, value) => ticked(name).length === 1 && ticked(name)[0].value === value;
    if (!alone("state", "firing") || form.elements.silence) return;
    ticked("state")[0].disabled = true;
    if (alone("suppressed", "none")) ticked("suppressed")[0].disabled = true;
  }
  form.addEventListener("submit", () => { tidy(); });
  addEventListener("pageshow", () => { for (const el of form.elements) el.disabled = false; });
  form.addEventListener("change", (e) => { if (e.target.matches("input[type=search], input[name=alert], [data-check-all]")) e.stopPropagation(); });
  form.addEventListener("search", () => form.requestSubmit());
  form.addEventListener("click", (e) => {
    if (e.target.closest("a, button, input, details, label, th") || String(getSelection())) return;
    e.target.closest("tr[data-alert]")?.querySelector("a[href]")?.click();
  });

  // ---- what is ticked
  const boxes = () => $$("input[name=alert]", form);
  function showPicked() {
    for (const box of boxes()) {
      box.checked = picked.has(Number(box.value));
      box.closest("tr").setAttribute("aria-selected", box.checked);
    }
    const all = $("[data-check-all]"), here = boxes(), ticked = here.filter((box) => box.checked).length;
    if (all) { all.checked = ticked > 0 && ticked === here.length; all.indeterminate = ticked > 0 && ticked < here.length; }
    if (!bulk) return;
    bulk.hidden = picked.size === 0;
    $("[data-count]", bulk).textContent = number(picked.size);
    const total = Number($("#alert-list").dataset.total), more = $("[data-select-all]");
    more.hidden = !(ticked === here.length && total > picked.size);
    $("[data-total]", more).textContent = number(total);
    if (!picked.size) AIOps.listFree?.();
  }
  form.addEventListener("change", (e) => {
    if (e.target.matches("[data-check-all]")) for (const box of boxes()) pick(Number(box.value), e.target.checked);
    else if (e.target.matches("input[name=alert]")) pick(Number(e.target.value), e.target.checked);
    else return;
    showPicked();
  });
  function pick(id, on) { if (on) picked.add(id); else picked.delete(id); }
  function clear() { picked.clear(); showPicked(); }
  $("[data-clear]")?.addEventListener("click", clear);
  $("[data-select-all]")?.addEventListener("click", async (e) => {
    e.currentTarget.disabled = true;
    try {
      const answer = await fetch(`${form.dataset.ids}${location.search}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(await AIOps.silence.problem(answer));
      const found = await answer.json();
      for (const id of found.ids) picked.add(id);
      if (found.total > found.ids.length) AIOps.toast(`The first ${number(found.ids.length)} of ${number(found.total)} are selected`);
      showPicked();
    } catch (fault) { AIOps.toast(fault.message, "error"); }
    finally { $("[data-select-all]").disabled = false; }
  });

  // ---- what is done to them: in portions, each a transaction of its own, so that the bar tells the truth
  const DOING = { acknowledge: "Acknowledging", take: "Taking", assign: "Assigning", unacknowledge: "Giving back", resolve: "Resolving", reopen: "Reopening", comment: "Commenting on" };
  const DONE = { acknowledge: "acknowledged", take: "taken", assign: "assigned", unacknowledge: "given back", resolve: "resolved", reopen: "opened again", comment: "commented on" };
  let busy = false;
  function progress(verb, done, total) {
    const box = bulk && $(".bulk-progress", bulk);
    if (!box) return;
    box.hidden = done === null || total <= PORTION;
    if (box.hidden) return;
    $("progress", box).max = total;
    $("progress", box).value = done;
    $("[role=status]", box).textContent = `${DOING[verb]} ${number(done)} of ${number(total)}`;
  }
  async function act(verb, ids, more = {}) {
    if (busy || !ids.length) return;
    busy = true;
    let changed = 0, done = 0;
    try {
      for (; done < ids.length; done += PORTION) {
        progress(verb, done, ids.length);
        const answer = await AIOps.silence.json(form.dataset.act, { action: verb, alerts: ids.slice(done, done + PORTION), ...more });
        if (!answer.ok) throw new Error(await AIOps.silence.problem(answer));
        changed += (await answer.json()).changed;
      }
      AIOps.toast(changed ? `${number(changed)} alert${changed === 1 ? "" : "s"} ${DONE[verb]}` : "Nothing to change: it was so already");
      if (ids.length > 1 || picked.has(ids[0])) clear();
    } catch (fault) {
      AIOps.toast(done ? `${fault.message} ${number(done)} of ${number(ids.length)} were done.` : fault.message, "error");
    } finally {
      busy = false;
      progress(verb, null, 0);
      refresh(true);
    }
  }
  const dialog = $("#comment");
  let commented = [];
  function comment(ids) {
    commented = ids;
    $("textarea", dialog).value = "";
    dialog.showModal();
  }
  $("#comment-form")?.addEventListener("submit", (e) => {
    e.preventDefault();
    dialog.close();
    act("comment", commented, { note: $("textarea", dialog).value });
  });
  function start(verb, ids, button) {
    if (verb === "comment") return comment(ids);
    act(verb, ids, verb === "assign" ? { assignee: button.dataset.assignee ? Number(button.dataset.assignee) : null } : {});
  }
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-verb]");
    if (!button) return;
    const row = button.closest("details[data-more]");
    start(button.dataset.verb, row ? [Number(row.dataset.more)] : [...picked], button);
  });
  document.addEventListener("toggle", (e) => {
    if (!e.target.matches?.("details[data-more]") || !e.target.open) return;
    const box = $(".menu-list", e.target);
    if (!box.childElementCount) box.append($("#row-menu").content.cloneNode(true));
  }, true);
  if (AIOps.silence) {
    AIOps.silence.ids = (menu) => (menu.dataset.silence === "selected" ? [...picked] : [Number(menu.dataset.silence)]);
    AIOps.silence.done = () => { clear(); refresh(true); };
  }

  // ---- part of an incident: what is ticked goes into one that is open, or into a new one; in portions too
  const GATHERED = 2000;
  document.addEventListener("toggle", async (e) => {
    const menu = e.target;
    if (!menu.matches?.("details[data-gather]") || !menu.open) return;
    const box = $(".menu-list", menu);
    box.textContent = "";
    try {
      const answer = await fetch(`${menu.dataset.gather}?alert=${[...picked][0]}`, { headers: { Accept: "text/html, application/json" } });
      if (!answer.ok) throw new Error("The open incidents could not be loaded.");
      box.innerHTML = await answer.text();
      $("select", box).focus();
    } catch (fault) { menu.open = false; AIOps.toast(fault.message, "error"); }
  }, true);
  document.addEventListener("change", (e) => {
    if (e.target.id === "gather-to") for (const el of $$("[data-gathering] [data-new]")) el.hidden = e.target.value !== "";
  });
  document.addEventListener("click", (e) => { if (e.target.closest("[data-gather-now]")) gather(e.target.closest("details[data-gather]")); });
  document.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target.id === "gather-title") { e.preventDefault(); gather(e.target.closest("details[data-gather]")); } });
  async function gather(menu) {
    const box = $("[data-gathering]", menu), title = $("#gather-title", box), note = $("[role=status]", box), into = $("#gather-to", box).value, ids = [...picked];
    if (!into && !title.value.trim()) {
      title.classList.add("is-invalid");
      title.setAttribute("aria-invalid", "true");
      title.focus();
      note.textContent = "Say what has happened";
      return;
    }
    let what = into ? { incident: Number(into) } : { title: title.value, severity: $("#gather-severity", box).value }, added = 0, done = 0, made;
    $("[data-gather-now]", box).disabled = true;
    try {
      for (; done < ids.length; done += GATHERED) {
        if (ids.length > GATHERED) note.textContent = `Adding ${number(done)} of ${number(ids.length)}`;
        const answer = await AIOps.silence.json(box.dataset.url, { alerts: ids.slice(done, done + GATHERED), ...what });
        if (!answer.ok) throw new Error(await AIOps.silence.problem(answer));
        made = await answer.json();
        what = { incident: made.incident };
        added += made.added;
      }
      menu.open = false;
      AIOps.toast(added ? `${number(added)} alert${added === 1 ? "" : "s"} added to ${made.number}` : `Nothing to change: they are part of ${made.number} already`);
      clear();
    } catch (fault) {
      AIOps.toast(done ? `${fault.message} ${number(done)} of ${number(ids.length)} were added.` : fault.message, "error");
    } finally { $("[data-gather-now]", box)?.toggleAttribute("disabled", false); refresh(true); }
  }

  // ---- keys: the row under the cursor, or what is ticked
  const single = document.documentElement.dataset.singleKeys !== "off", may = "mayWrite" in form.dataset;
  const cursor = () => $("tr.cursor[data-alert]");
  const target = () => (picked.size ? [...picked] : cursor() ? [Number(cursor().dataset.alert)] : []);
  const keys = {
    x: () => { const row = cursor(); if (row) { const id = Number(row.dataset.alert); pick(id, !picked.has(id)); showPicked(); } },
    a: () => act("acknowledge", target()),
    r: () => act("resolve", target()),
    s: () => { const menu = picked.size ? $("details[data-silence=selected]") : cursor() && $("details[data-silence]", cursor()); if (menu) menu.open = true; },
  };
  let jumped = 0;
  addEventListener("keydown", (e) => {
    if (e.key === "Escape" && picked.size && !$("details.menu[open], dialog[open]")) return clear();
    const typing = e.target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (!single || !may || typing || e.ctrlKey || e.metaKey || e.altKey || $("dialog[open]")) return;
    if (e.key === "g") { jumped = Date.now() + 900; return; }
    if (Date.now() < jumped) { jumped = 0; return; }             // the second letter of a jump
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  }, true);

  // ---- live: what is new flashes in, or waits while somebody reads
  const LEAST = 1500;                                          // ms between two questions
  let last = 0, timer = null, asking = false, again = null, held = null;   // again: null, or whether at once
  const reading = () => picked.size > 0 || scrollY > 120 || String(getSelection()) || $("details.menu[open]") || $("dialog[open]") || busy;
  const ids = (from) => $$("tr[data-alert]", from).map((row) => row.dataset.alert);
  const bare = (el) => el.outerHTML.replace(/(<time[^>]*>)[^<]*/g, "$1").replace(/ aria-selected="\w+"/, "").replace(/(<tr[^>]*?) class="[^"]*"/, "$1");

  async function refresh(now = false) {
    timer = null;
    if (asking) { again = again || now; return; }
    if (!now && (document.hidden || window.Live?.state === "paused")) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1", Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      swapFacets(page);
      if (!now && reading()) wait(page); else take(page, !now);
    } catch { /* the live control says that the server does not answer */ }
    finally {
      asking = false;
      last = Date.now();
      const next = again;
      again = null;
      if (next) refresh(true); else if (next === false) soon();
    }
  }
  function swapFacets(page) {
    const old = $("#alert-facets"), fresh = page.getElementById("alert-facets"), totals = page.getElementById("alert-totals");
    if (totals) $("#alert-totals").innerHTML = totals.innerHTML;
    if (!fresh || old.contains(document.activeElement) || old.innerHTML === fresh.innerHTML) return;
    const open = old.open, folded = $$(".facet", old).map((one) => [$("summary", one).textContent, one.open]), at = $(".facets", old).scrollTop;
    fresh.open = open;
    old.replaceWith(document.importNode(fresh, true));
    for (const one of $$("#alert-facets .facet")) {
      const was = folded.find(([name]) => name === $("summary", one).textContent);
      if (was) one.open = was[1];
    }
    $("#alert-facets .facets").scrollTop = at;
  }
  function take(page, flash) {                                 // the list as it is now
    const list = $("#alert-list"), fresh = page.getElementById("alert-list");
    held = null;
    $("#alert-news").replaceChildren();
    if (!fresh || bare(list) === bare(fresh)) return ages(list, fresh);
    const known = new Set(ids(list)), at = cursor()?.dataset.alert, focused = document.activeElement?.closest?.("tr[data-alert]")?.dataset.alert;
    const open = $$("details[open]", list).length;
    if (open && flash) return;
    const next = document.importNode(fresh, true);
    list.replaceWith(next);
    if (flash) for (const row of $$("tr[data-alert]", next)) if (!known.has(row.dataset.alert)) row.classList.add("just-in");
    if (at) $(`tr[data-alert="${at}"]`, next)?.classList.add("cursor");
    if (focused) $(`tr[data-alert="${focused}"] a`, next)?.focus({ preventScroll: true });
    showPicked();
  }
  function wait(page) {                                        // rows that are here follow in place, new ones wait
    const list = $("#alert-list"), fresh = page.getElementById("alert-list");
    if (!fresh) return;
    const here = new Set(ids(list)), news = ids(fresh).filter((id) => !here.has(id));
    for (const row of $$("tr[data-alert]", list)) {
      const now = $(`tr[data-alert="${row.dataset.alert}"]`, fresh);
      if (!now) { row.classList.add("muted-row"); continue; }
      if (bare(now) === bare(row) || $("details[open]", row) || row.contains(document.activeElement)) continue;
      const put = document.importNode(now, true);
      if (row.classList.contains("cursor")) put.classList.add("cursor");
      row.replaceWith(put);
    }
    list.dataset.total = fresh.dataset.total;
    showPicked();
    held = page;
    tellNews(news.length);
  }
  function tellNews(count) {
    const box = $("#alert-news");
    box.replaceChildren();
    if (!count) return;
    const n = document.createElement("span"), button = document.createElement("button");
    n.className = "num";
    n.textContent = number(count);
    Object.assign(button, { type: "button", className: "link-btn", textContent: "show" });
    button.addEventListener("click", () => { picked.clear(); scrollTo({ top: 0 }); take(held, true); showPicked(); });
    box.append(n, " new while you read, ", button);
  }
  function ages(list, fresh) {
    if (!fresh) return;
    const then = $$("time[data-ago]", fresh);
    $$("time[data-ago]", list).forEach((el, i) => { if (then[i]) el.dateTime = then[i].dateTime; });
  }
  function soon() { timer ??= setTimeout(refresh, Math.max(0, last + LEAST - Date.now())); }
  AIOps.listFree = () => { if (held && !reading()) take(held, true); };
  addEventListener("DOMContentLoaded", () => {
    for (const topic of ["alerts", "incidents"]) window.Live?.subscribe(topic, soon);
    document.addEventListener("visibilitychange", () => document.hidden || soon());
    setInterval(() => Date.now() - last > 30000 && soon(), 5000);
    showPicked();
  });
})();
