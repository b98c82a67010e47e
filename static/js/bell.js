// The bell: how many notices wait, toasts and sound for those the reader wants to see at once, the number on the browser's tab.
// It hears of notices over the page's one socket, also in the background; it asks for the number once per page and then never again.
"use strict";
(() => {
  const MOST = 3, STAYS = 6000, AGAIN = 2000;          // toasts at a time; ms
  const bell = document.getElementById("bell");
  if (!bell) return;
  const bubble = bell.querySelector(".bubble"), list = bell.querySelector(".bell-list"), summary = bell.querySelector("summary");
  const tabIcon = document.querySelector("link[rel=icon]"), plainIcon = tabIcon?.href, plainTitle = document.title;
  const told = new Set();                              // keys of notices seen by this page
  let count = 0;

  function show(unread) {
    count = unread;
    bubble.hidden = !unread;
    bubble.textContent = unread > 99 ? "99+" : unread || "";
    summary.setAttribute("aria-label", unread ? `Notices, ${unread > 99 ? "more than 99" : unread} unread` : "Notices");
    document.title = unread ? `(${unread > 99 ? "99+" : unread}) ${plainTitle}` : plainTitle;
    mark(unread > 0);
  }

  // ---- the tab's icon with a dot
  function mark(on) {
    if (!tabIcon || (tabIcon.href !== plainIcon) === on) return;
    if (!on) return void (tabIcon.href = plainIcon);
    const image = new Image();
    image.onload = () => {
      if (!count) return;
      const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 }), pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0, 32, 32);
      pen.fillStyle = getComputedStyle(bubble).backgroundColor;
      pen.beginPath();
      pen.arc(24, 8, 8, 0, 2 * Math.PI);
      pen.fill();
      tabIcon.href = canvas.toDataURL();
    };
    image.src = plainIcon;
  }

  // ---- the list, fetched when somebody looks
  bell.addEventListener("toggle", () => bell.open && fill());
  async function fill() {
    list.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(bell.dataset.url, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      list.innerHTML = await answer.text();
      window.htmx?.process(list);
    } catch { list.textContent = "The notices could not be read. Close and open to try again."; }
    list.removeAttribute("aria-busy");
  }

  // ---- a toast: stays while it is hovered or focused; critical ones until they are dismissed
  function toast(notice) {
    const box = document.createElement("div"), sign = document.createElement("span"), words = document.createElement("span");
    const open = document.createElement("a"), close = document.createElement("button");
    box.className = "toast show";
    box.dataset.notice = "";
    box.setAttribute("role", notice.severity === "critical" ? "alert" : "status");
    sign.className = `c-${notice.severity}`;
    sign.append(AIOps.icon(notice.severity));
    words.className = "grow";
    words.textContent = notice.title;
    Object.assign(open, { className: "btn btn-xs", href: notice.url || bell.dataset.list || "/notifications/", textContent: "Open" });
    Object.assign(close, { type: "button", className: "icon-btn icon-btn-sm", title: "Dismiss" });
    close.dataset.do = "dismiss";
    close.setAttribute("aria-label", "Dismiss");
    close.append(AIOps.icon("close"));
    box.append(sign, words, open, close);
    const room = document.getElementById("toasts"), shown = room.querySelectorAll("[data-notice]");
    if (shown.length >= MOST) shown[0].remove();
    room.append(box);
    const leave = () => (box.matches(":hover, :focus-within") || document.hidden ? setTimeout(leave, AGAIN) : box.remove());
    if (notice.severity !== "critical") setTimeout(leave, STAYS);
  }

  // ---- two short tones; of several pages of one browser, one plays them
  function beep(key) {
    try {
      if (localStorage.getItem("aiops-beep") === key) return;
      localStorage.setItem("aiops-beep", key);
    } catch { /* without storage every page plays */ }
    const audio = new (window.AudioContext || window.webkitAudioContext)(), loudness = audio.createGain();
    loudness.gain.value = 0.08;
    loudness.connect(audio.destination);
    [[660, 0], [880, 0.16]].forEach(([pitch, at]) => {
      const tone = audio.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(loudness);
      tone.start(audio.currentTime + at);
      tone.stop(audio.currentTime + at + 0.12);
    });
    setTimeout(() => audio.close(), 600);
    bell.dataset.played = key;
  }

  function hear(notice) {
    show(notice.unread);
    if (bell.open) fill();
    if (!notice.key || told.has(notice.key)) return;
    told.add(notice.key);
    if (notice.toast) toast(notice);
    if (notice.sound) try { beep(notice.key); } catch { /* the browser plays nothing before the first click */ }
  }

  async function ask() {
    try {
      const answer = await fetch(`${bell.dataset.url}?part=count`, { headers: { Accept: "application/json" } });
      if (answer.ok && !answer.redirected) show((await answer.json()).unread);
    } catch { /* the next notice says it */ }
  }
  document.addEventListener("aiops:beep", () => beep(String(Date.now())));
  let away = false;                                    // the connection was lost: something may have been missed
  document.addEventListener("live:state", (e) => {
    if (["reconnecting", "stale"].includes(e.detail?.state)) away = true;
    else if (e.detail?.state === "live" && away) { away = false; ask(); }
  });
  document.addEventListener("visibilitychange", () => !document.hidden && away && ask());
  addEventListener("DOMContentLoaded", () => {
    ask();
    window.Live?.subscribe(bell.dataset.topic, hear, true);
  });
})();
