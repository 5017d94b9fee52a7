"use strict";
// Without this script every link leads to a page. With it a message stands beside the ladder, and what takes its time is
// put into the page when it is there. Pages are made by this server and come from nowhere else (Content-Security-Policy).
(function () {
  async function part(address) {
    const answer = await fetch(address, { referrerPolicy: "no-referrer" });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.getElementById("part");
  }

  function failed(error) {
    const told = document.createElement("p");
    told.className = "is-bad";
    told.textContent = error.message;
    return told;
  }

  async function load(place) {
    if (place.dataset.loaded) return;
    place.dataset.loaded = "yes";
    const old = place.querySelector("p.note");
    try {
      const found = await part(place.dataset.load);
      if (old) old.replaceWith(...found.childNodes);
    } catch (error) {
      place.append(failed(error));
    }
    place.dataset.loaded = "done";
  }

  for (const place of document.querySelectorAll("[data-load]")) {
    if (place.tagName === "DETAILS") place.addEventListener("toggle", () => load(place));
    else load(place);
  }

  // ---- a message beside the ladder ----------------------------------------------------------------------------------

  const panel = document.querySelector(".pair .text");
  if (panel) {
    const rows = Array.from(document.querySelectorAll("table.messages tbody tr"));
    let asked = 0;

    async function show(row) {
      const link = row.querySelector("a");
      if (link === null) return;
      const mine = ++asked;
      for (const old of document.querySelectorAll(".chosen")) old.classList.remove("chosen");
      row.classList.add("chosen");
      const arrow = document.querySelector(`.picture a[href="#${row.id}"]`);
      if (arrow) arrow.classList.add("chosen");
      let found;
      try {
        found = await part(link.href);
      } catch (error) {
        found = failed(error);
      }
      if (mine !== asked) return;
      panel.hidden = false;
      panel.replaceChildren(found);
      panel.scrollTop = 0;
      panel.dataset.shows = row.id;
    }

    document.querySelector(".picture").addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#m']");
      if (link === null) return;
      event.preventDefault();
      show(document.getElementById(link.getAttribute("href").slice(1)));
    });
    for (const row of rows) {
      row.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
        if (event.target.closest("a")) event.preventDefault();
        show(row);
      });
    }
    // A name in the panel leads to its explanation below it.
    panel.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#word-']");
      if (link === null) return;
      event.preventDefault();
      const word = panel.querySelector(`[id="${link.getAttribute("href").slice(1)}"]`);
      if (word) word.scrollIntoView({ block: "center" });
    });
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") panel.hidden = true;
      if (step === undefined || panel.hidden) return;
      event.preventDefault();
      const place = rows.findIndex((row) => row.id === panel.dataset.shows) + step;
      if (rows[place]) show(rows[place]);
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
