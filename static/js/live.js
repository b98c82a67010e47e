// The live connection: one websocket per page, only while somebody looks at it and something is subscribed.
// Live.subscribe(topic, (data, {topic, t}) => …), Live.unsubscribe(topic, fn?), Live.pause(), Live.resume(), Live.state.
// Live.subscribe(topic, fn, true) is heard in the background and while paused too (the bell); other topics are let go meanwhile.
// Tells its state as `live:state` on document, detail {state, seconds}: connecting, live, paused, reconnecting,
// stale (seconds since the last word of the server) or signed-out.
"use strict";
(() => {
  const FIRST_WAIT = 500, LONGEST_WAIT = 30000;   // ms before another attempt, doubled each time, drawn at random below it
  const STALE_AFTER = 35;                         // s without a word: more than two heartbeats
  const HIDDEN_FOR = 10000;                       // ms in the background before the connection is let go
  const SIGNED_OUT = 4401;

  const listeners = new Map();                    // topic -> Set of functions
  const always = new Set();                       // topics heard in the background and while paused
  let socket = null, state = "connecting", paused = false, hidden = document.hidden, attempts = 0;
  let retry = null, hide = null, heardAt = Date.now();

  const silent = () => Math.round((Date.now() - heardAt) / 1000);
  function tell(next) {
    if (next === state && next !== "stale") return;
    state = next;
    document.dispatchEvent(new CustomEvent("live:state", { detail: { state, seconds: silent() } }));
  }
  const say = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const topics = () => [...listeners.keys()].filter((topic) => (!paused && !hidden) || always.has(topic));
  const wanted = () => topics().length > 0 && state !== "signed-out";

  function connect() {
    clearTimeout(retry);
    retry = null;
    if (socket || !wanted()) return;
    const url = new URL("/ws/metrics", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const mine = socket = new WebSocket(url);
    mine.onmessage = (e) => mine === socket && hear(JSON.parse(e.data));
    mine.onclose = (e) => mine === socket && lost(e.code);
  }
  function hear(message) {
    heardAt = Date.now();
    if (message.type === "hello") { attempts = 0; say({ op: "subscribe", topics: topics() }); }
    if (!paused) tell("live");
    if (message.type === "event" && (!paused || always.has(message.topic))) deliver(message);
  }
  function deliver(message) {
    for (const fn of [...(listeners.get(message.topic) || [])]) {
      try { fn(message.data, message); } catch (fault) { console.error(fault); }  // one listener's fault is not another's
    }
  }
  function lost(code) {
    socket = null;
    if (code === SIGNED_OUT) return tell("signed-out");
    if (!wanted()) return;
    if (state !== "stale" && !paused) tell("reconnecting");
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempts++);
    retry = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  }
  function drop() {
    clearTimeout(retry);
    retry = null;
    const old = socket;
    socket = null;
    old?.close();
  }
  function rest() {                               // the page is not looked at, or paused: only what is always heard
    const left = [...listeners.keys()].filter((topic) => !topics().includes(topic));
    if (!wanted()) drop(); else if (left.length) say({ op: "unsubscribe", topics: left });
  }
  function again() {                              // at once: somebody is looking
    if (!wanted()) return;
    attempts = 0;
    if (!socket) { if (state !== "stale" && !paused) tell("reconnecting"); connect(); }
    else { say({ op: "subscribe", topics: topics() }); if (!paused) tell("live"); }
  }

  setInterval(() => {
    if (!wanted() || silent() < STALE_AFTER) return;
    if (!paused) tell("stale");
    if (socket?.readyState === WebSocket.OPEN) { drop(); lost(1006); }  // open, but nobody at the other end
  }, 1000);

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hide);
    if (document.hidden) hide = setTimeout(() => { hidden = true; rest(); }, HIDDEN_FOR);
    else if (hidden) { hidden = false; heardAt = Math.max(heardAt, Date.now() - 1000); again(); }
  });
  addEventListener("online", again);
  addEventListener("pagehide", drop);
  addEventListener("pageshow", (e) => e.persisted && again());

  window.Live = {
    get state() { return state; },
    get seconds() { return silent(); },
    subscribe(topic, fn, everywhere = false) {
      if (everywhere) always.add(topic);
      const known = listeners.get(topic);
      if (known) return void known.add(fn);
      listeners.set(topic, new Set([fn]));
      if (!socket && !retry) connect();
      else if (topics().includes(topic)) say({ op: "subscribe", topics: [topic] });
    },
    unsubscribe(topic, fn) {
      const known = listeners.get(topic);
      if (!known) return;
      if (fn) known.delete(fn); else known.clear();
      if (known.size) return;
      listeners.delete(topic);
      always.delete(topic);
      if (listeners.size) say({ op: "unsubscribe", topics: [topic] }); else drop();
    },
    pause() { paused = true; rest(); tell("paused"); },
    resume() { paused = false; heardAt = Date.now(); again(); },
  };
})();
