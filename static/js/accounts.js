// Sign-in, second factor and tokens: what the pages can do better with a script. Each works without one.
"use strict";
(() => {
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];

  // show a password
  $$("[data-reveal]").forEach((button) => {
    const field = document.getElementById(button.dataset.reveal);
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", shown);
      button.title = shown ? "Hide password" : "Show password";
      button.setAttribute("aria-label", button.title);
    });
  });

  // copy a secret
  $$("[data-copy]").forEach((button) => {
    const field = document.getElementById(button.dataset.copy), icon = $("svg", button);
    button.hidden = false;
    field.addEventListener("focus", () => field.select());
    button.addEventListener("click", async () => {
      let word = "Copied";
      try { await navigator.clipboard.writeText(field.value); } catch { field.select(); word = document.execCommand("copy") ? "Copied" : "Press Ctrl C"; }
      button.replaceChildren(...(icon ? [icon] : []), word);
      button.setAttribute("aria-live", "polite");
    });
  });

  // a token shown once: Done waits until it is stored
  const stored = $("[data-stored]"), done = $("[data-done]");
  if (stored && done) {
    const tick = $("input", stored);
    const follow = () => {
      done.classList.toggle("disabled", !tick.checked);
      done.setAttribute("aria-disabled", !tick.checked);
      done.tabIndex = tick.checked ? 0 : -1;
    };
    stored.hidden = false;
    tick.addEventListener("change", follow);
    done.addEventListener("click", (e) => tick.checked || e.preventDefault());
    follow();
  }

  // an ingest token has one scope: there is nothing to choose
  const scopes = $("[data-scopes]");
  const kinds = $$("[data-kind]");
  const kind = () => scopes && (scopes.disabled = kinds.some((k) => k.checked && k.value === "ingest"));
  kinds.forEach((k) => k.addEventListener("change", kind));
  kind();

  // six digits in six boxes: a paste fills all, the last one sends
  $$("[data-code]").forEach((box) => {
    const plain = $("input", box), label = $("label", box), form = plain.form;
    const set = document.createElement("fieldset"), legend = document.createElement("legend");
    set.className = "code-input";
    legend.className = "form-label";
    legend.textContent = label.textContent;
    const cells = Array.from({ length: 6 }, (_, i) => {
      const cell = document.createElement("input");
      cell.className = plain.className.replace("mono", "");
      cell.inputMode = "numeric";
      cell.autocomplete = i ? "off" : "one-time-code";
      cell.setAttribute("aria-label", `Digit ${i + 1}`);
      if (plain.getAttribute("aria-describedby")) cell.setAttribute("aria-describedby", plain.getAttribute("aria-describedby"));
      return cell;
    });
    set.append(legend, ...cells);
    const typed = () => cells.map((c) => c.value).join("");
    const fill = (from, digits) => {
      [...digits].slice(0, 6 - from).forEach((d, i) => (cells[from + i].value = d));
      plain.value = typed();
      cells[Math.min(5, from + digits.length)].focus();
      if (typed().length === 6) form.requestSubmit();
    };
    cells.forEach((cell, i) => {
      cell.addEventListener("input", () => {
        const digits = cell.value.replace(/\D/g, "");
        cell.value = "";
        if (digits) fill(i, digits); else plain.value = typed();
      });
      cell.addEventListener("keydown", (e) => {
        if (e.key === "Backspace" && !cell.value && i) { cells[i - 1].value = ""; cells[i - 1].focus(); plain.value = typed(); e.preventDefault(); }
        if (e.key === "ArrowLeft" && i) cells[i - 1].focus();
        if (e.key === "ArrowRight" && i < 5) cells[i + 1].focus();
      });
    });
    plain.value = "";
    plain.hidden = label.hidden = true;
    box.prepend(set);
    if (!$("#key")) cells[0].focus();

    // a recovery code has eight digits: back to the plain field
    const recovery = $("[data-recovery]");
    if (recovery) {
      recovery.hidden = false;
      recovery.addEventListener("click", () => {
        set.remove();
        recovery.remove();
        plain.hidden = label.hidden = false;
        label.textContent = "Recovery code";
        plain.autocomplete = "off";
        plain.focus();
      });
    }
  });
})();
