// The short form that silences: in the menu of a row, of the selection and of the alert page. It is fetched when its menu opens.
// AIOps.silence.ids(menu) is set by the page where a menu stands for several alerts.
"use strict";
(() => {
  const NAMED = 100;                                           // ids that fit into an address
  const root = () => document.querySelector("[data-silence-form]").dataset;
  const problem = async (answer) => (await answer.json().catch(() => ({}))).error || "The server did not answer as expected.";
  const json = (url, body) => fetch(url, {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content },
  });
  const silence = { json, problem, ids: (menu) => [Number(menu.dataset.silence)], done: () => {} };

  async function load(menu) {
    const box = menu.querySelector(".menu-list"), ids = silence.ids(menu);
    const asked = ids.join();
    if (menu.dataset.loaded === asked && box.childElementCount) return focus(box);
    box.textContent = "";
    try {
      const answer = ids.length > NAMED ? await json(root().silenceForm, { alerts: ids }) : await fetch(`${root().silenceForm}?${ids.map((id) => `alert=${id}`).join("&")}`, { headers: { Accept: "text/html, application/json" } });
      if (!answer.ok) throw new Error(answer.status === 404 ? "This alert is not there any more." : "The form could not be loaded.");
      box.innerHTML = await answer.text();
      menu.dataset.loaded = asked;
      focus(box);
      preview(menu);
    } catch (fault) {
      menu.open = false;
      AIOps.toast(fault.message, "error");
    }
  }
  function focus(box) { box.querySelector("input[required]")?.focus(); }
  const given = (form) => ({
    matchers: JSON.parse(form.querySelector("select").value),
    preset: form.querySelector("[data-preset][aria-pressed=true]").dataset.preset,
    until: form.querySelector("[data-until] input").value,
  });
  let turn = 0;
  async function preview(menu) {
    const form = menu.querySelector("[data-silencing]"), note = form.querySelector("[role=status]"), what = given(form), mine = ++turn;
    if (what.preset === "custom" && !what.until) { note.textContent = "Say until when"; return; }
    const answer = await json(root().silencePreview, what);
    if (mine !== turn) return;
    if (!answer.ok) { note.textContent = await problem(answer); return; }
    const found = await answer.json(), time = document.createElement("span");
    time.innerHTML = found.ends;                              // a <time> of our own server
    note.replaceChildren(`Hides ${found.firing.toLocaleString("en")} alert${found.firing === 1 ? "" : "s"} now, ends `, ...time.childNodes);
  }
  async function send(menu) {
    const form = menu.querySelector("[data-silencing]"), reason = form.querySelector("input[required]"), button = form.querySelector("[data-silence-now]");
    if (!reason.value.trim()) {
      reason.setAttribute("aria-invalid", "true");
      reason.classList.add("is-invalid");
      reason.focus();
      form.querySelector("[role=status]").textContent = "Say why: others will ask";
      return;
    }
    button.disabled = true;
    try {
      const answer = await json(root().silenceUrl, { ...given(form), reason: reason.value });
      if (!answer.ok) throw new Error(await problem(answer));
      const made = await answer.json();
      menu.open = false;
      delete menu.dataset.loaded;
      AIOps.toast(`Silenced, ${made.firing.toLocaleString("en")} alert${made.firing === 1 ? "" : "s"} hidden`);
      silence.done();
    } catch (fault) {
      AIOps.toast(fault.message, "error");
    } finally { button.disabled = false; }
  }

  document.addEventListener("toggle", (e) => { if (e.target.matches?.("details[data-silence]") && e.target.open) load(e.target); }, true);
  document.addEventListener("click", (e) => {
    const menu = e.target.closest?.("details[data-silence]");
    if (!menu) return;
    const preset = e.target.closest("[data-preset]");
    if (preset) {
      for (const one of menu.querySelectorAll("[data-preset]")) one.setAttribute("aria-pressed", one === preset);
      menu.querySelector("[data-until]").hidden = preset.dataset.preset !== "custom";
      preview(menu);
    }
    if (e.target.closest("[data-silence-now]")) send(menu);
  });
  document.addEventListener("change", (e) => {
    const menu = e.target.closest?.("details[data-silence]");
    if (!menu) return;
    e.stopPropagation();                                       // the list's filters are not meant
    if (e.target.matches("select, [data-until] input")) preview(menu);
  }, true);
  document.addEventListener("keydown", (e) => {
    const menu = e.target.closest?.("details[data-silence]");
    if (menu && e.key === "Enter" && e.target.matches("input")) { e.preventDefault(); send(menu); }
  });
  window.AIOps.silence = silence;
})();
