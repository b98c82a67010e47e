// A field for queries: paints what is typed, marks the character that is wrong, completes metrics, labels, values and functions.
// PromQL.adopt(row, {complete, run, changed}) makes an editor of a .query; the text lives in its <textarea>, the paint lies under it.
"use strict";
(() => {
  const WAIT = 120;                                            // ms of silence before completions are asked for
  const TOKEN = /(#[^\n]*)|("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?)|((?:\d+(?:ms|[smhdwy]))+|0x[0-9a-f]+|\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)|([a-z_:][\w:]*)|(\s+|.)/gi;
  const WORDS = new Set("by without on ignoring group_left group_right offset bool and or unless".split(" "));
  const KINDS = { M: "metric", L: "label", V: "value", F: "function", K: "keyword", D: "duration" };
  let count = 0;

  function el(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text != null) made.textContent = text;
    return made;
  }

  const SVG = "http://www.w3.org/2000/svg";
  function meter(share) {                                      // as the template tag of this name writes it
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of [["class", "meter"], ["viewBox", "0 0 100 6"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    for (const [className, width] of [["track", 100], ["fill", Math.max(1, Math.round(share))]]) {
      const bar = document.createElementNS(SVG, "rect");
      for (const [name, value] of [["class", className], ["width", width], ["height", 6]]) bar.setAttribute(name, value);
      svg.append(bar);
    }
    return svg;
  }

  // ---- paint
  function classOf(match, text) {
    const [, comment, string, number, name] = match;
    if (comment) return "t3";
    if (string) return "tok-str";
    if (number) return "tok-num";
    if (!name) return "";
    if (WORDS.has(name.toLowerCase())) return "tok-key";
    return /^\s*(\(|by\s*\(|without\s*\()/i.test(text.slice(match.index + name.length)) ? "tok-fn" : "";
  }
  function paint(pre, text, wrong) {
    pre.replaceChildren();
    const put = (part, className) => part && pre.append(className ? el("span", className, part) : part);
    for (const match of text.matchAll(TOKEN)) {
      const from = match.index, to = from + match[0].length, className = classOf(match, text);
      if (!wrong || to <= wrong.start || from >= wrong.end) { put(match[0], className); continue; }
      put(text.slice(from, Math.max(from, wrong.start)), className);
      put(text.slice(Math.max(from, wrong.start), Math.min(to, wrong.end)), "tok-err");
      put(text.slice(Math.min(to, wrong.end), to), className);
    }
    if (wrong && wrong.start >= wrong.end) pre.append(el("span", "tok-err tok-end", "\u00a0"));   // something is missing at the end
    pre.append("\u200b");                                      // a last empty line has a height too
  }

  function adopt(row, { complete, run, changed }) {
    const field = row.querySelector("textarea"), pre = row.querySelector(".editor-paint"), said = row.querySelector(".query-error");
    const box = row.querySelector(".completion"), list = row.querySelector("[role=listbox]"), about = row.querySelector(".comp-doc"), heard = row.querySelector("[data-heard]");
    const number = ++count;
    list.id = `completion-${number}`;
    said.id = `query-error-${number}`;
    field.setAttribute("aria-controls", list.id);
    let wrong = null, items = [], at = -1, timer = null, asked = 0, span = null, ended = false;

    // ---- the mistake
    function mark(error) {
      wrong = error;
      paint(pre, field.value, error && !error.limit ? error : null);
      field.classList.toggle("is-bad", !!error);
      field.toggleAttribute("aria-invalid", !!error);
      if (error) { field.setAttribute("aria-invalid", "true"); field.setAttribute("aria-describedby", said.id); } else field.removeAttribute("aria-describedby");
      said.hidden = !error;
      if (!error) return void said.replaceChildren();
      const words = el("span");
      if (!error.limit) words.append(el("b", "", `Character ${error.start + 1}:`), " ");
      words.append(error.message);
      if (error.fix != null) words.append(" ", fixButton(error));
      said.replaceChildren(AIOps.icon("critical"), words);
    }
    function fixButton(error) {
      const old = field.value.slice(error.start, error.end);
      const button = el("button", "link-btn", error.fix ? `Write ${error.fix}` : `Remove ${old}`);
      button.type = "button";
      button.addEventListener("click", () => { write(error.start, error.end, error.fix); mark(null); changed(); run(); });
      return button;
    }

    // ---- writing that the browser can undo
    function write(from, to, text) {
      field.focus();
      field.setSelectionRange(from, to);
      const done = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
      if (!done) { field.setRangeText(text, from, to, "end"); field.dispatchEvent(new Event("input", { bubbles: true })); }
    }

    // ---- completion
    function close() {
      clearTimeout(timer);
      asked++;
      items = []; at = -1;
      box.hidden = true;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }
    function option(item, i) {
      const li = el("li"), name = el("span", "mono clip"), hint = el("span", "push t3 small num nowrap", item.hint);
      li.id = `${list.id}-${i}`;
      li.setAttribute("role", "option");
      const typed = field.value.slice(span.start, span.end), place = item.label.toLowerCase().indexOf(typed.toLowerCase());
      if (typed && place >= 0) name.append(item.label.slice(0, place), el("b", "", item.label.slice(place, place + typed.length)), item.label.slice(place + typed.length));
      else name.textContent = item.label;
      const kind = el("span", "comp-kind", item.kind);
      kind.title = KINDS[item.kind];
      li.append(kind, name, hint);
      li.addEventListener("mousedown", (e) => { e.preventDefault(); choose(i); take(); });
      return li;
    }
    function choose(to) {
      const all = [...list.children];
      at = (to + all.length) % all.length;
      all.forEach((li, i) => li.setAttribute("aria-selected", i === at));
      all[at].scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", all[at].id);
      describe(items[at]);
    }
    function describe(item) {
      const head = el("div", "row-flex wrap");
      head.append(el("b", "mono comp-name", item.label), ...[KINDS[item.kind], ...item.tags].map((word) => el("span", "tag", word)));
      about.replaceChildren(head);
      if (item.kind === "F") about.append(el("span", "mono t3", item.label + item.hint));
      if (item.text) about.append(el("p", "mb-0", item.text));
      for (const [value, n] of item.top || []) {
        const line = el("div", "comp-value");
        line.append(el("span", "mono clip", value), meter(100 * n / item.whole), el("span", "num t2", n.toLocaleString("en")));
        about.append(line);
      }
      const keys = el("span", "t3 tiny");
      keys.append(el("kbd", "", "Tab"), " takes it · ", el("kbd", "", "Esc"), " closes");
      about.append(keys);
    }
    function open(found) {
      span = found; items = found.items;
      if (!items.length) return close();
      list.replaceChildren(...items.map(option));
      box.hidden = false;
      field.setAttribute("aria-expanded", "true");
      choose(0);
      heard.textContent = `${items.length} completion${items.length > 1 ? "s" : ""}, arrows move, Tab takes`;
    }
    async function ask() {
      const mine = ++asked;
      const found = await complete(field.value, field.selectionStart).catch(() => null);   // a field without completions still works
      if (mine === asked && found && document.activeElement === field) open(found);
    }
    function take() {
      const item = items[at];
      if (!item) return;
      const { start, end } = span;
      close();
      ended = true;
      write(start, end, item.insert);
      ended = false;
      if (item.kind === "L" && item.insert.endsWith('"')) soon(0);
    }
    function soon(wait = WAIT) { clearTimeout(timer); timer = setTimeout(ask, wait); }

    field.addEventListener("input", () => {
      if (wrong) mark(null); else paint(pre, field.value, null);
      changed();
      if (ended) return;
      const before = field.value.slice(0, field.selectionStart);
      if (/[\w:{,"'[(=]$/.test(before) && !/^\s*$/.test(before)) soon(); else close();
    });
    field.addEventListener("keydown", (e) => {
      const open = !box.hidden;
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); close(); run(); }
      else if (e.key === " " && e.ctrlKey) { e.preventDefault(); soon(0); }
      else if (open && step) { e.preventDefault(); choose(at + step); }
      else if (open && (e.key === "Tab" || e.key === "Enter") && !e.shiftKey) { e.preventDefault(); take(); }
      else if (open && e.key === "Escape") { e.preventDefault(); e.stopPropagation(); close(); }
      else if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); close(); run(); }
      else if (open && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(e.key)) close();
    });
    field.addEventListener("blur", close);
    paint(pre, field.value, null);
    return { field, mark, close, get wrong() { return wrong; }, get open() { return !box.hidden; }, set(text) { field.value = text; mark(null); }, paint: () => paint(pre, field.value, null) };
  }

  window.PromQL = { adopt, paint };
})();
