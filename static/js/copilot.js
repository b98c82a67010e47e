// The copilot: its panel on every page (filled when it is opened first), and the conversation in it or on its own page.
// An answer comes over the page's one socket as text, steps and blocks; when it is over, the server's own drawing of it takes their place.
// What was missed while the connection was away is asked for, up to the number (seq) the page has seen.
"use strict";
(() => {
  if (window.Copilot) return;
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const root = document.documentElement, wide = matchMedia("(min-width: 1280px)");
  const OPEN = "aiops-copilot", CURRENT = "aiops-copilot-conversation", DRAFT = "aiops-copilot-draft";
  const QUIET = 4000, AGAIN = 1000, LEAST = 150, TIGHT = 1440, OVER = new Set(["done", "stopped", "cut", "failed"]);   // ms without a word before it is asked for

  const keep = (where, name, value) => { try { if (value) where.setItem(name, value); else where.removeItem(name); } catch { /* storage may be blocked */ } };
  const kept = (where, name) => { try { return where.getItem(name) || ""; } catch { return ""; } };
  function el(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text != null) made.textContent = text;
    return made;
  }
  const part = (html) => Object.assign(document.createElement("template"), { innerHTML: html.trim() }).content.firstElementChild;
  async function get(url) {
    const answer = await fetch(url, { headers: { Accept: "text/html", "X-Fragment": "1" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.redirected ? "You have been signed out. Reload the page to sign in again." : "The server did not answer as expected. Try again in a moment.");
    return answer.text();
  }
  async function send(url, fields) {                           // the fields of a form; {error} in one sentence where it is refused
    let answer;
    try { answer = await fetch(url, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": $("meta[name=csrf-token]").content }, body: new URLSearchParams(fields) }); }
    catch { throw new Error("The server cannot be reached. What you wrote is still here; send it again."); }
    if (answer.redirected) throw new Error("You have been signed out. Reload the page to sign in again.");
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.error || "The server did not answer as expected. Send it again in a moment.");
    return found;
  }

  // ---- small charts: the drawing is fetched when one comes into sight
  let drawing = null;
  const charts = () => (drawing ??= window.Charts ? Promise.resolve() : ($("[data-plot]")?.dataset.plot || "").split(" ").reduce(
    (before, src) => before.then(() => new Promise((done, failed) => { const one = document.createElement("script"); Object.assign(one, { src, onload: done, onerror: failed }); document.head.append(one); })),
    Promise.resolve(),
  ));
  const seen = new IntersectionObserver((all) => all.forEach((one) => { if (one.isIntersecting) { seen.unobserve(one.target); draw(one.target); } }));
  async function draw(figure) {
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    try {
      await charts();
      await Charts.ready;
      const answer = await fetch(figure.dataset.chatChart, { headers: { Accept: "application/json" } }), spec = await answer.json();
      if (!answer.ok) throw new Error(spec.error || "The store did not answer.");
      note.textContent = spec.note || "";
      note.hidden = !spec.note;
      plot.hidden = !spec.t.length;
      if (!spec.t.length) return;
      $(".unit", figure).textContent = Charts.unit(spec.unit);
      if (spec.sentence) plot.setAttribute("aria-label", spec.sentence);
      Charts.draw(plot, { ...spec, alone: true });
    } catch (fault) { plot.hidden = true; note.hidden = false; note.textContent = fault.message || "The chart could not be drawn."; }
  }
  const chartsOf = (box) => $$("[data-chat-chart]", box).forEach((one) => one.dataset.watched || ((one.dataset.watched = "1"), seen.observe(one)));
  function forget(box) { if (window.Charts) $$(".plot", box).forEach((plot) => Charts.remove(plot)); }

  // ---- a conversation
  const plain = (text) => text.replace(/\s*\[(?:E\d+(?:\s*,\s*E\d+)*|guess)\]/gi, "").replace(/\s*\[[A-Za-z]?[\w, ]{0,24}$/, "").replace(/\*\*|__|^#{1,6} /gm, "");
  class Chat {
    constructor(box) {
      Object.assign(this, { box, log: $("[data-log]", box), form: $("[data-ask]", box), turns: new Map(), early: new Map() });
      this.field = this.form && $("textarea", this.form);
      this.follow = (event) => this.hear(event);
      for (const one of $$("[data-turn]", box)) this.adopt(one);
      chartsOf(box);
      if (!this.form) return;
      window.Live?.subscribe(box.dataset.topic, this.follow, true);
      this.clock = setInterval(() => this.watch(), AGAIN);
      this.form.addEventListener("submit", (e) => { e.preventDefault(); if (this.running) this.stop(); else this.ask(); });
      this.field.addEventListener("keydown", (e) => this.key(e));
      this.field.addEventListener("input", () => { this.fit(); this.fault(""); });
      for (const how of ["wheel", "touchmove", "keydown"]) this.log.addEventListener(how, () => (this.pinned = false), { passive: true });
      this.fit();
      this.end();
      this.busy();
    }
    gone() { window.Live?.unsubscribe(this.box.dataset.topic, this.follow); clearInterval(this.clock); forget(this.box); }
    get number() { return Number(this.box.dataset.conversation) || 0; }
    get running() { return [...this.turns.values()].find((one) => !one.over); }

    adopt(node) {
      const known = { node, id: Number(node.dataset.turn), seq: Number(node.dataset.seq), over: OVER.has(node.dataset.state) };
      const turn = { ...known, raw: "", heardAt: Date.now(), asking: false, late: false, askedAt: 0, behind: false, timer: null };
      const words = $("[data-answer]", node);
      if (!turn.over && words) { turn.raw = words.textContent; words.textContent = plain(turn.raw); }
      this.turns.set(turn.id, turn);
      return turn;
    }
    busy() {
      const on = Boolean(this.running), button = $("[data-send]", this.form);
      this.form.classList.toggle("is-answering", on);
      button.setAttribute("aria-label", on ? "Stop" : "Send");
      button.title = on ? "Stop (Esc)" : "Send (Enter)";
      this.log.setAttribute("aria-busy", on);
    }
    fault(sentence) {
      Object.assign($("[data-fault]", this.form), { textContent: sentence, hidden: !sentence });
      this.field.setAttribute("aria-invalid", Boolean(sentence));
    }
    fit() {                                                    // the field grows with what is written, up to a third of the window
      this.field.rows = Math.max(2, Math.min(8, this.field.value.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 52), 0)));
      if (this.inPanel) keep(sessionStorage, DRAFT, this.field.value);
    }
    key(e) {
      if (e.key === "Escape" && this.running) { e.preventDefault(); e.stopPropagation(); this.stop(); }
      else if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); if (!this.running) this.form.requestSubmit(); }
    }
    get inPanel() { return Boolean(this.box.closest(".copilot")); }

    // -- asking and stopping
    async ask() {
      const question = this.field.value.trim(), button = $("[data-send]", this.form);
      if (!question || button.disabled) return void this.field.focus();
      this.fault("");
      button.disabled = true;
      try {
        const fields = Object.fromEntries(new FormData(this.form));
        const found = await send(this.form.action, { ...fields, ...(this.inPanel ? here() : {}), conversation: this.number || "", question });
        if (!this.inPanel && !this.number) return void location.assign(found.url);   // a conversation has a page of its own
        this.box.dataset.conversation = found.conversation;
        if (this.inPanel) panel.current(found.conversation, found.url);
        this.field.value = "";
        this.fit();
        $("[data-start]", this.log)?.remove();
        this.put(part(found.html));
      } catch (fault) { this.fault(fault.message); }
      finally { button.disabled = false; this.field.focus(); }
    }
    put(node) {
      const known = this.turns.get(Number(node.dataset.turn));
      if (known) return void this.renew(known, node);          // the socket was faster
      this.log.append(node);
      const turn = this.adopt(node);
      if ((this.early.get(turn.id) || 0) > turn.seq && !turn.over) this.catchUp(turn);   // heard of before it was known
      chartsOf(node);
      this.end();
      this.busy();
    }
    async stop() {
      const turn = this.running;
      if (!turn) return;
      this.say(turn, "Stopping");
      try { await send(turn.node.dataset.stop, {}); } catch (fault) { this.fault(fault.message); }
    }

    // -- what comes over the socket
    hear(event) {
      const turn = this.turns.get(event.turn);
      if (!turn) {
        this.early.set(event.turn, event.seq);
        return void (event.conversation === this.number && event.kind === "state" && !OVER.has(event.state) && setTimeout(() => this.come(event.turn), AGAIN));
      }
      turn.heardAt = Date.now();
      if (turn.over || event.seq <= turn.seq) return;
      if (turn.asking || event.seq > turn.seq + 1) return void this.catchUp(turn);
      turn.seq = event.seq;
      this[event.kind]?.(turn, event);
    }
    async come(id) {                                           // asked in another window of this person
      if (!this.turns.has(id)) try { this.put(part(await get(this.box.dataset.turns.replace("/0/", `/${id}/`)))); } catch { /* there after a reload */ }
    }
    say(turn, words) { const line = $("[data-trace]", turn.node); if (line) line.textContent = words; }
    state(turn, event) { if (OVER.has(event.state)) this.catchUp(turn); else turn.node.dataset.state = event.state; }
    text(turn, event) {
      turn.raw = event.anew ? event.text : turn.raw + event.text;
      turn.drawn ??= requestAnimationFrame(() => {
        turn.drawn = null;
        const words = $("[data-answer].is-raw", turn.node);
        if (!words) return;
        words.textContent = plain(turn.raw);
        this.keepUp(turn);
      });
    }
    step(turn, event) {
      const list = $("[data-steps]", turn.node);
      if (!list) return;
      let line = $(`[data-step="${event.n}"]`, list);
      if (!line) { line = el("li"); line.dataset.step = event.n; line.append(el("code"), " ", el("span")); list.append(line); }
      line.dataset.state = event.state;
      $("code", line).textContent = event.name.replaceAll("_", " ");
      $("span", line).textContent = event.detail;
      this.say(turn, event.state === "running" ? `Working: ${event.name.replaceAll("_", " ")}` : "Working");
      this.keepUp(turn);
    }
    block(turn) { this.catchUp(turn); }                        // the server draws it

    async catchUp(turn) {
      if (turn.asking) { turn.late = true; return; }
      const wait = turn.askedAt + (turn.behind ? AGAIN : LEAST) - Date.now();
      if (wait > 0) return void (turn.timer ??= setTimeout(() => { turn.timer = null; this.catchUp(turn); }, wait));
      turn.asking = true;
      turn.askedAt = Date.now();
      try { this.renew(turn, part(await get(turn.node.dataset.url))); }
      catch { turn.heardAt = Date.now(); }                     // asked again when it stays quiet
      finally { turn.asking = false; }
      if (turn.late && !turn.over) { turn.late = false; this.catchUp(turn); }
    }
    renew(turn, fresh) {
      turn.behind = Boolean(fresh) && Number(fresh.dataset.seq) < turn.seq && !OVER.has(fresh.dataset.state);
      if (!fresh || turn.behind) return;                       // where another process answers, what is so far comes a little later
      const open = $(".trace", turn.node)?.open, focused = turn.node.contains(document.activeElement), was = turn.over;
      forget(turn.node);
      const { asking, late, askedAt, timer } = turn;
      turn.node.replaceWith(fresh);
      Object.assign(turn, this.adopt(fresh), { asking, late, askedAt, timer });
      this.turns.set(turn.id, turn);
      const trace = $(".trace", fresh);
      if (trace && was === turn.over && open != null) trace.open = open;
      if (focused) this.log.focus();
      chartsOf(fresh);
      this.busy();
      this.keepUp(turn);
      if (turn.over && !this.inPanel) history_.reload();
    }
    watch() {                                                  // nothing was heard for a while: the socket may be away
      for (const turn of this.turns.values()) if (!turn.over && !turn.asking && Date.now() - turn.heardAt > QUIET) { turn.heardAt = Date.now(); this.catchUp(turn); }
    }
    end() { this.log.scrollTop = this.log.scrollHeight; this.pinned = true; }
    keepUp(turn) {                                             // the last written words stay in sight, until the reader scrolls away from them
      const words = $("[data-answer]", turn.node), below = (words?.textContent ? words : $(".trace", turn.node))?.getBoundingClientRect().bottom - this.log.getBoundingClientRect().bottom + 16;
      if (this.pinned && below > 0) this.log.scrollTop += below;
    }
  }

  // ---- the buttons below an answer, and examples
  document.addEventListener("click", (e) => {
    const rate = e.target.closest("[data-rate]"), copy = e.target.closest("[data-copy]"), example = e.target.closest("[data-example]");
    if (rate) judge(rate);
    if (copy) take($("[data-answer]", copy.closest("[data-turn]")).innerText, "Answer copied");
    const chat = example && chats.find((one) => one.box.contains(example));
    if (chat) { chat.field.value = example.textContent; chat.ask(); }
    const field = e.target.closest("[data-copy-field]"), dialog = e.target.closest("[data-open-dialog]");
    if (field) take(document.getElementById(field.dataset.copyField).value, "Link copied");
    if (dialog) document.getElementById(dialog.dataset.openDialog)?.showModal();
  });
  async function take(text, said) {
    try { await navigator.clipboard.writeText(text); AIOps.toast(said); } catch { AIOps.toast("The browser does not let this page copy", "error"); }
  }
  async function judge(button) {
    const turn = button.closest("[data-turn]"), again = button.getAttribute("aria-pressed") === "true", rating = again ? "0" : button.dataset.rate;
    try {
      await send(turn.dataset.rateUrl, { rating });
      for (const one of $$("[data-rate]", turn)) one.setAttribute("aria-pressed", one.dataset.rate === rating);
      const form = $("[data-comment]", turn);
      form.hidden = rating !== "-1";
      if (!form.hidden) $("input", form).focus();
    } catch (fault) { AIOps.toast(fault.message, "error"); }
  }
  document.addEventListener("submit", async (e) => {
    const form = e.target.closest("[data-comment]");
    if (!form) return;
    e.preventDefault();
    try {
      await send(form.closest("[data-turn]").dataset.rateUrl, { rating: "-1", comment: $("input", form).value });
      form.hidden = true;
      AIOps.toast("Thank you, it is kept with the answer");
    } catch (fault) { AIOps.toast(fault.message, "error"); }
  });

  // ---- earlier conversations beside the page's own: searched in place
  const history_ = (() => {
    const box = $(".chat-history [data-history]");
    let timer = null, url = box?.dataset.url;
    async function load(next = url) {
      try { const html = await get(next), at = $("input[type=search]", box), caret = document.activeElement === at ? at.selectionStart : -1, text = at?.value;
        url = next;
        box.innerHTML = html;
        const fresh = $("input[type=search]", box);
        if (caret >= 0) { fresh.value = text; fresh.focus(); fresh.setSelectionRange(caret, caret); }
        mark();
      } catch { /* the list stays as it was */ }
    }
    function mark() { const chat = chats[0]; if (chat) $(`[data-conversation="${chat.number}"]`, box)?.setAttribute("aria-current", "true"); }
    box?.addEventListener("input", (e) => {
      clearTimeout(timer);
      timer = setTimeout(() => load(`${box.dataset.url.split("?")[0]}?q=${encodeURIComponent(e.target.value)}`), 250);
    });
    return { reload: () => box && load() };
  })();

  // ---- the panel
  function here() {                                            // what the page shows: read again with each question, for filters move
    const crumb = $(".crumbs .here"), aside = $("#copilot");
    return { path: location.pathname, query: location.search.slice(1), title: (crumb?.textContent || "").trim(), range: aside?.dataset.range || "" };
  }
  const chats = [];
  const panel = (() => {
    const aside = $("#copilot");
    if (!aside) return { open() { const chat = chats[0]; chat?.field?.focus(); }, toggle() { this.open(); }, current() {} };
    const button = $(".topbar [data-do=copilot]");
    let loading = null, before = null;
    const isOpen = () => root.dataset.copilot === "open";
    const label = () => {
      button?.setAttribute("aria-expanded", isOpen());
      if (wide.matches && innerWidth < TIGHT) for (const facets of $$("details.facets-wrap")) facets.open = !isOpen();   // no room for both
    };
    function current(number, url) {
      keep(sessionStorage, CURRENT, number ? String(number) : "");
      const link = $("[data-copilot-page]", aside);
      if (link && url) link.href = url;
    }
    async function load(number = kept(sessionStorage, CURRENT)) {
      aside.setAttribute("aria-busy", "true");
      try {
        const html = await get(`${aside.dataset.url}?${new URLSearchParams({ ...here(), conversation: number })}`);
        chats.splice(0).forEach((chat) => chat.gone());
        aside.innerHTML = html;
        const chat = new Chat($("[data-chat]", aside));
        chats.push(chat);
        current(chat.number, null);
        chat.field.value = kept(sessionStorage, DRAFT);
        chat.fit();
        chat.end();
      } catch (fault) {
        const box = el("div", "empty error"), again = el("button", "btn btn-sm", "Try again");
        box.setAttribute("role", "alert");
        again.type = "button";
        again.dataset.copilot = "again";
        box.append(AIOps.icon("down"), el("h3", "", "Copilot did not open"), el("p", "", fault.message), again);
        aside.replaceChildren(box);
        loading = null;
      } finally { aside.removeAttribute("aria-busy"); }
    }
    const ready = () => (loading ??= load());
    async function open(focus = true) {
      before = document.activeElement;
      root.dataset.copilot = "open";
      keep(localStorage, OPEN, "open");
      label();
      await ready();
      if (focus) chats[0]?.field?.focus();
      return chats[0];
    }
    function close() {
      delete root.dataset.copilot;
      keep(localStorage, OPEN, "");
      label();
      (before?.isConnected && before !== document.body && !aside.contains(before) ? before : button)?.focus();
    }
    async function fresh(number) {
      current(0);
      await (loading = load(number || "0"));
      chats[0]?.field.focus();
    }
    async function earlier(url) {
      const list = $("[data-history]", aside), chat = $("[data-chat]", aside), press = $("[data-copilot=history]", aside);
      const show = url ? true : list.hidden;
      press.setAttribute("aria-pressed", show);
      list.hidden = !show;
      chat.hidden = show;
      if (show) try { list.innerHTML = await get(url || press.dataset.url); } catch (fault) { list.textContent = fault.message; }
      if (show) $("input[type=search]", list)?.focus();
    }
    aside.addEventListener("click", (e) => {
      const act = e.target.closest("[data-copilot]")?.dataset.copilot, row = e.target.closest("[data-conversation][href]"), page = e.target.closest("[data-history-page]");
      if (act === "new") fresh();
      else if (act === "history") earlier();
      else if (act === "again") open();
      else if (page) { e.preventDefault(); earlier(page.href.replace(/^[^?]*/, $("[data-copilot=history]", aside).dataset.url.split("?")[0])); }
      else if (row && !e.ctrlKey && !e.metaKey) { e.preventDefault(); fresh(row.dataset.conversation); }
    });
    aside.addEventListener("submit", (e) => {
      const form = e.target.closest("[data-history-search]");
      if (form) { e.preventDefault(); earlier(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`); }
    });
    aside.addEventListener("keydown", (e) => { if (e.key === "Escape" && !e.defaultPrevented) { e.preventDefault(); close(); } });
    return { open, close, toggle: () => (isOpen() ? close() : open()), current, isOpen, label };
  })();

  document.addEventListener("click", (e) => { if (e.target.closest("[data-do=copilot]")) panel.toggle(); });
  addEventListener("keydown", (e) => {
    if (!(e.ctrlKey || e.metaKey) || e.altKey || e.shiftKey || e.key.toLowerCase() !== "i" || $("dialog[open]")) return;
    e.preventDefault();
    panel.toggle();
  });

  // ---- asked from elsewhere on the page: the palette's last entry, or anything that says aiops:ask
  async function asked(question) {
    const chat = (await panel.open()) || chats[0];
    if (!chat?.field || !question) return;
    Object.assign(chat.field, { value: question }).focus();
    chat.fit();
  }
  document.addEventListener("aiops:ask", (e) => asked(e.detail?.question || ""));

  addEventListener("DOMContentLoaded", () => {
    const own = $("main [data-chat]");
    if (own) chats.push(new Chat(own));
    if (own && matchMedia("(hover: hover)").matches) chats[0].field?.focus();
    panel.label?.();
    if (panel.isOpen?.() && wide.matches) panel.open(false);
  });
  window.Copilot = { ask: asked };
})();
