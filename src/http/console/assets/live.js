// What makes a page live: it is looked at again when its release moves, or after some seconds. All else works without.
"use strict";
(() => {
  const body = document.body;
  const told = document.getElementById("live");
  const pause = 400;
  let busy = false, again = false, over = false;

  const say = (text) => { if (told && told.textContent !== text) told.textContent = text; };

  // Parts that are the same are left alone, so that nobody loses their place.
  const put = (next) => {
    const opened = new Map([...document.querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
    const focused = document.activeElement && document.activeElement.id;
    let changed = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = next.getElementById(part.id);
      if (!fresh || fresh.isEqualNode(part)) continue;
      // Somebody is writing or choosing here.
      if (part.querySelector("input:focus, select:focus")) continue;
      for (const d of fresh.querySelectorAll("details[id]")) if (opened.has(d.id)) d.open = opened.get(d.id);
      part.replaceWith(document.adoptNode(fresh));
      changed = true;
    }
    if (changed && focused && document.activeElement.id !== focused) {
      const element = document.getElementById(focused);
      if (element) element.focus({ preventScroll: true });
    }
    document.title = next.title;
  };

  const look = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { over = true; say("Signed out: reload to sign in again."); return; }
      if (!answer.ok) { say("This page could not be refreshed."); return; }
      const before = document.querySelector("#part-head .badge");
      const was = before && before.textContent;
      put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      const badge = document.querySelector("#part-head .badge");
      if (badge && badge.textContent !== was) say("Now " + badge.textContent.trim().replace(/^\S+\s+/, "") + ".");
      else if (told && told.textContent.startsWith("This page")) say("");
    } catch { say("The server does not answer: what is shown may be old."); }
    finally {
      busy = false;
      if (again && !over) { again = false; setTimeout(look, pause); }
    }
  };

  const stream = body.dataset.stream;
  if (stream && "EventSource" in window) {
    const source = new EventSource(stream.split("#")[0]);
    const seen = Number(stream.split("#")[1] || 0);
    let due = null;
    const soon = () => { if (!due) due = setTimeout(() => { due = null; look(); }, pause); };
    source.addEventListener("record", (event) => { if (Number(event.lastEventId) > seen) soon(); });
    source.addEventListener("gap", soon);
    source.addEventListener("end", () => { source.close(); setTimeout(look, pause); });
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) soon(); });
  }
  const seconds = Number(body.dataset.refresh || 0);
  if (seconds) setInterval(() => { if (!document.hidden && !over) look(); }, seconds * 1000);
})();
