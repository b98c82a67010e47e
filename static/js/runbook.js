// The editor of runbooks: line numbers, what is wrong as it is typed and in which line, Tab for two spaces.
"use strict";
(() => {
  const form = document.getElementById("runbook-form");
  if (!form) return;
  const $ = (sel, from = document) => from.querySelector(sel);
  const PAUSE = 600;                                           // ms after an edit
  const text = $("#text"), gutter = $("#gutter"), list = $("#marks"), saved = text.value;
  const SIGNS = { error: ["critical", "c-critical", "Error"], warning: ["degraded", "c-medium", "Warning"], note: ["info", "t3", "Note"] };
  let timer = null, asked = 0, levels = new Map();

  // ---- line numbers
  function number() {
    const count = text.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: count }, (_, at) => {
      const line = document.createElement("span");
      line.textContent = at + 1;
      if (levels.has(at + 1)) line.className = levels.get(at + 1);
      return line;
    }));
    gutter.scrollTop = text.scrollTop;
  }
  text.addEventListener("scroll", () => (gutter.scrollTop = text.scrollTop));

  // ---- what is wrong
  function mark(marks) {
    levels = new Map();
    for (const { line, level } of [...marks].reverse()) if (line && level !== "note") levels.set(line, level);   // the worst comes first
    list.replaceChildren(...marks.map(item));
    const errors = marks.filter((one) => one.level === "error").length;
    $("#marks-count").textContent = marks.length ? `${errors ? `${errors} error${errors === 1 ? "" : "s"} of ` : ""}${marks.length}` : "nothing to say";
    $("#anyway").classList.toggle("d-none", !errors);
    text.toggleAttribute("aria-invalid", !!errors);
    number();
  }
  function item({ line, level, place, text: words }) {
    const [sign, tone, label] = SIGNS[level] || SIGNS.note, row = document.createElement("li"), box = document.createElement("span"), body = document.createElement("span");
    row.className = "row-item";
    box.className = tone;
    box.title = label;
    box.append(AIOps.icon(sign));
    body.className = "grow";
    const said = document.createElement("span");
    said.className = "d-block wrap-any";
    said.textContent = words.charAt(0).toUpperCase() + words.slice(1);
    body.append(said);
    if (place) {
      const at = document.createElement("span");
      at.className = "two mono d-block wrap-any";
      at.textContent = place;
      body.append(at);
    }
    row.append(box, body);
    if (line) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn btn-xs num", textContent: `Line ${line}` });
      button.dataset.line = line;
      row.append(button);
    }
    return row;
  }
  async function check() {
    const mine = ++asked, fields = new URLSearchParams({ text: text.value, key: form.elements.key.value });
    const answer = await fetch(form.dataset.check, { method: "POST", headers: { "X-CSRFToken": $("meta[name=csrf-token]").content, Accept: "application/json" }, body: fields });
    if (!answer.ok || mine !== asked) return;
    const found = await answer.json();
    if (mine !== asked) return;
    mark(found.marks);
    $("#runbook-now").textContent = found.readable ? found.name : "cannot be read yet";
    if (found.readable) window.htmx?.trigger($("[hx-post]", form), "preview");
  }
  function soon() { clearTimeout(timer); timer = setTimeout(() => check().catch(() => {}), PAUSE); }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-line]");
    if (!button) return;
    const lines = text.value.split("\n"), at = Number(button.dataset.line) - 1, start = lines.slice(0, at).join("\n").length + (at ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[at] || "").length);
    text.scrollTop = Math.max(0, at * 20 - text.clientHeight / 2);
  });
  text.addEventListener("input", () => { number(); soon(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") text.dataset.leave = "1";      // Tab leaves the field after it
    else if (event.key === "Tab" && !event.shiftKey && !text.dataset.leave) {
      event.preventDefault();
      text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input"));
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const before = text.value.slice(0, text.selectionStart), line = before.slice(before.lastIndexOf("\n") + 1);
      text.setRangeText(`\n${/^ */.exec(line)[0]}`, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input"));
    }
  });
  text.addEventListener("blur", () => delete text.dataset.leave);
  let leaving = false;
  form.addEventListener("submit", () => (leaving = true));
  addEventListener("beforeunload", (event) => { if (!leaving && text.value !== saved) event.preventDefault(); });
  addEventListener("DOMContentLoaded", () => { number(); check().catch(() => {}); });
})();
