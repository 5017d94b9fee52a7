"use strict";
// Without this script the messages stand below the picture, and every arrow leads to its own.
(function () {
  document.documentElement.className = "js";
  const rows = Array.from(document.querySelectorAll("a.row"));
  const panel = document.getElementById("panel");
  const body = document.getElementById("chosen");
  let chosen = -1;

  function explained(headers) {
    // The words of the glossary for what this message has, each once, in its order.
    const list = document.createElement("dl");
    const seen = new Set();
    for (const link of headers) {
      const id = link.getAttribute("href").slice(1);
      const term = seen.has(id) ? null : document.getElementById(id);
      seen.add(id);
      if (term === null) continue;
      const name = document.createElement("dt");
      const meaning = document.createElement("dd");
      name.textContent = term.textContent;
      meaning.textContent = term.nextElementSibling.textContent;
      link.title = meaning.textContent;
      list.append(name, meaning);
    }
    return list;
  }

  function show(number) {
    if (number < 0 || number >= rows.length) return;
    const details = document.getElementById("m" + number);
    if (details === null) return;
    if (chosen >= 0) rows[chosen].classList.remove("chosen");
    chosen = number;
    rows[number].classList.add("chosen");
    const heading = document.createElement("h2");
    heading.textContent = details.querySelector("summary").textContent;
    const text = details.querySelector("pre").cloneNode(true);
    const words = document.createElement("h2");
    words.textContent = "In plain words";
    body.replaceChildren(heading, text, words, explained(text.querySelectorAll("a")));
    panel.scrollTop = 0;
  }

  function go(step) {
    const next = Math.min(Math.max(chosen + step, 0), rows.length - 1);
    show(next);
    rows[next].focus({ preventScroll: true });
    rows[next].scrollIntoView({ block: "nearest" });
  }

  rows.forEach(function (row, number) {
    row.addEventListener("click", function (event) {
      event.preventDefault();
      show(number);
      history.replaceState(null, "", "#m" + number);
    });
  });
  // In the panel a header's name leads to its explanation below it, not away to the glossary.
  body.addEventListener("click", function (event) {
    if (event.target.tagName !== "A") return;
    event.preventDefault();
    const wanted = document.getElementById(event.target.getAttribute("href").slice(1));
    const found = Array.from(body.querySelectorAll("dt")).find((term) => wanted && term.textContent === wanted.textContent);
    if (found) found.scrollIntoView({ block: "center" });
  });
  document.getElementById("before").addEventListener("click", function () { go(-1); });
  document.getElementById("next").addEventListener("click", function () { go(1); });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return;
    if (event.key === "j" || event.key === "ArrowDown") { go(1); event.preventDefault(); }
    if (event.key === "k" || event.key === "ArrowUp") { go(-1); event.preventDefault(); }
  });
  const asked = /^#m(\d+)$/.exec(location.hash);
  show(asked ? Number(asked[1]) : 0);
})();
