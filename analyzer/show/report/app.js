"use strict";
// The page without this script has the verdict, the numbers, the plots and the first rows of each table. The script
// unpacks the tables, sorts, searches and filters them, and draws the ladder of a call. What is shown is in the fragment of
// the address, so that the way back works and a line can be mailed: #calls?outcome=busy&sort=-pdd_s, #call/12.
// Text of the capture enters the page through textContent alone.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);

  // A text in the language of the page (explain/phrases_*.toml), with what stands in braces filled in.
  function say(text, parts = {}) {
    const said = Object.hasOwn(data.phrases, text) ? data.phrases[text] : text;
    return said.replace(/\{([a-z]+)\}/g, (whole, name) => (Object.hasOwn(parts, name) ? parts[name] : whole));
  }
  const NOTHING = "-";
  const TIMES = data.zone.offsets;

  // ---- elements ---------------------------------------------------------------------------------------------------

  function element(name, attributes, ...inside) {
    return filled(document.createElement(name), attributes, inside);
  }

  function drawn(name, attributes, ...inside) {
    return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, inside);
  }

  function filled(made, attributes, inside) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...inside.filter((part) => part !== null && part !== ""));
    return made;
  }

  // ---- unpacking --------------------------------------------------------------------------------------------------

  async function inflated(base64) {
    const letters = atob(base64);
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  async function unpackedTable(base64) {
    const table = JSON.parse(new TextDecoder().decode(await inflated(base64)));
    table.byName = {};
    for (const column of table.columns) {
      table.byName[column.name] = column;
      if (column.type === "time") {
        let second = 0;
        column.s = column.s.map((step) => (step === null ? null : (second += step)));
      }
    }
    return table;
  }

  function unpackedChunk(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const total = head.events.reduce((sum, count) => sum + count, 0);
    const columns = {};
    let from = 4 + length;
    for (const [name, width] of head.planes) {
      const values = new Uint32Array(total);
      for (let place = 0; place < width; place++, from += total) {
        const plane = new Uint8Array(buffer, from, total);
        for (let row = 0; row < total; row++) values[row] |= plane[row] << (8 * place);
      }
      columns[name] = values;
    }
    return { head, columns };
  }

  // ---- values as text ---------------------------------------------------------------------------------------------

  const two = (number) => String(number).padStart(2, "0");
  const counted = (number) => number.toLocaleString("en-US");

  function moment(second, offset) {
    const date = new Date((second + offset) * 1000);
    const day = `${String(date.getUTCFullYear()).padStart(4, "0")}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
    return [day, `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`];
  }

  function local(second) {
    let offset = TIMES[0][1];
    for (const [from, ahead] of TIMES) if (second >= from) offset = ahead;
    return moment(second, offset);
  }

  // As show/text.py tells durations: below a millisecond in the unit that still has digits.
  function clock(nanoseconds) {
    const whole = Math.abs(nanoseconds);
    const sign = nanoseconds < 0 ? "-" : "";
    if (whole === 0 || whole >= 1e6) return `${sign}${(whole / 1e9).toFixed(3)}`;
    return whole >= 1000 ? `${sign}${Math.floor((whole + 500) / 1000)}us` : `${sign}${whole}ns`;
  }

  function duration(nanoseconds) {
    if (nanoseconds < 60e9) {
      const text = clock(nanoseconds);
      return /s$/.test(text) ? text.replace(/(us|ns)$/, " $1") : `${text} s`;
    }
    const seconds = Math.floor((nanoseconds + 5e8) / 1e9);
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  // The value a column has in a row: what is compared, searched and exported.
  function value(column, row) {
    switch (column.type) {
      case "time": return column.s[row] === null ? null : column.s[row] + column.n[row] / 1e9;
      case "text": return column.c[row] === null ? null : column.d[column.c[row]];
      case "texts": return column.v[row] === null ? null : column.v[row].join(" ");
      case "bool": return column.v[row] ? "yes" : "no";
      default: return column.v[row];
    }
  }

  // The same for people.
  function shown(column, row) {
    const known = value(column, row);
    if (known === null) return NOTHING;
    switch (column.type) {
      case "time": {
        const [day, time] = local(column.s[row]);
        const part = String(Math.floor(column.n[row] / 1e6)).padStart(3, "0");
        return column.day ? `${time}.${part}` : `${day} ${time}.${part}`;
      }
      case "duration": return clock(Math.round(known * 1e9));
      case "share": return `${(100 * known).toFixed(1)} %`;
      default: return String(known);
    }
  }

  // Of a column of times that all lie on one day its heading has the day.
  function dayOf(column) {
    const days = new Set();
    for (const second of column.s) if (second !== null) days.add(local(second)[0]);
    return days.size === 1 ? [...days][0] : "";
  }

  function heading(column) {
    const name = column.name.replace(/_at$/, "").replaceAll("_", " ");
    return column.day ? `${name} ${column.day}` : name;
  }

  const RIGHT = new Set(["int", "duration", "share"]);
  const MARKS = { good: "✓", bad: "✕", people: "○", unknown: "?" };
  const REGISTERED = { registered: "good", deregistered: "good", failed: "bad", challenged: "unknown", pending: "unknown" };

  // ---- CSV --------------------------------------------------------------------------------------------------------

  // A spreadsheet runs a cell that starts so (OWASP "CSV Injection"); a telephone number or a signed number is data.
  function disarmed(text) {
    return /^[=+@\-＝＋－＠]/.test(text) && !/^[+-]?[0-9(][0-9 .()\-/]*$/.test(text) ? `'${text}` : text;
  }

  function csvCell(column, row) {
    const known = value(column, row);
    if (known === null) return "";
    if (column.type === "time") {
      const [day, time] = moment(column.s[row], 0);
      return `${day}T${time}.${String(column.n[row]).padStart(9, "0")}Z`;
    }
    if (column.type === "bool") return known === "yes" ? "true" : "false";
    const text = column.type === "text" || column.type === "texts" ? disarmed(known) : String(known);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csv(table, rows) {
    const lines = [table.columns.map((column) => column.name).join(",")];
    for (const row of rows) lines.push(table.columns.map((column) => csvCell(column, row)).join(","));
    return `${lines.join("\n")}\n`;
  }

  function save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    const link = element("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  // ---- the query of a table ---------------------------------------------------------------------------------------

  // Commas part values, so those inside one are escaped: this is not what URLSearchParams does.
  function queryOf(text) {
    const query = new Map();
    for (const pair of text.split("&").filter(Boolean)) {
      const [name, , values] = pair.match(/^([^=]*)(=(.*))?$/).slice(1);
      query.set(decoded(name), (values || "").split(",").map(decoded));
    }
    return query;
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  function textOf(query) {
    return [...query].map(([name, values]) => `${encodeURIComponent(name)}=${values.map(encodeURIComponent).join(",")}`).join("&");
  }

  // A column as it is named, or as its heading reads: pdd_s, pdd, "pdd s".
  function columnOf(table, name) {
    const plain = (text) => text.toLowerCase().replace(/_(s|at)$/, "");
    return table.byName[name.toLowerCase()] ?? table.columns.find((column) => plain(column.name) === plain(name));
  }

  // Words of a search: text anywhere, "quoted text", column:text, pdd_s>2; blanks around a sign do not count. What is
  // not understood is searched as text, and said in `unclear`.
  function words(table, text, unclear = []) {
    const tests = [];
    const close = text.replace(/(\w)\s*(>=|<=|>|<|=)\s*(?=\S)/g, "$1$2").replace(/\b(\w+) (s|at)(>=|<=|>|<|=)/g, (whole, name, unit, sign) => (table.byName[`${name}_${unit}`] ? `${name}_${unit}${sign}` : whole));
    for (const found of close.matchAll(/(?:(\w+)(>=|<=|>|<|=|:))?(?:"([^"]*)"|(\S+))/g)) {
      const column = found[1] === undefined ? undefined : columnOf(table, found[1]);
      const wanted = (found[3] ?? found[4]).toLowerCase();
      if (column === undefined && found[1] !== undefined && found[2] !== ":") unclear.push(say("{name} is no column, so {text} is searched as text", { name: found[1], text: found[0] }));
      if (column !== undefined && /[<>]/.test(found[2]) && ["int", "duration", "share", "number"].includes(column.type) && Number.isNaN(Number(wanted))) unclear.push(say("{text}: a number is wanted", { text: found[0] }));
      if (column === undefined) {
        const whole = (found[3] ?? found[0]).toLowerCase();
        tests.push((row) => haystack(table, row).includes(whole));
      } else if (found[2] === ":") {
        tests.push((row) => String(value(column, row) ?? "").toLowerCase().includes(wanted));
      } else {
        tests.push((row) => compared(value(column, row), found[2], wanted));
      }
    }
    return tests;
  }

  function compared(known, how, wanted) {
    if (known === null) return false;
    const number = Number(wanted);
    const [left, right] = typeof known === "number" && wanted !== "" && !Number.isNaN(number)
      ? [known, number] : [String(known).toLowerCase(), wanted];
    switch (how) {
      case ">": return left > right;
      case "<": return left < right;
      case ">=": return left >= right;
      case "<=": return left <= right;
      default: return left === right;
    }
  }

  function haystack(table, row) {
    table.haystacks ??= new Array(table.rows);
    return (table.haystacks[row] ??= table.columns
      .filter((column) => column.type !== "time" && column.type !== "duration" && column.type !== "share")
      .map((column) => value(column, row) ?? "").join("\n").toLowerCase());
  }

  function chosenRows(table, query, unclear = []) {
    const tests = words(table, (query.get("q") || [""])[0], unclear);
    for (const [name, values] of query) {
      const column = table.byName[name];
      if (name === "has") {
        for (const one of values) if (table.byName[one]) tests.push((row) => value(table.byName[one], row) !== null);
      } else if (column) {
        const wanted = new Set(values);
        tests.push((row) => wanted.has(String(value(column, row) ?? "")));
      }
    }
    const rows = [];
    for (let row = 0; row < table.rows; row++) if (tests.every((test) => test(row))) rows.push(row);
    return sorted(table, rows, (query.get("sort") || [""])[0]);
  }

  function sorted(table, rows, how) {
    const column = table.byName[how.replace(/^-/, "")];
    if (!column) return rows;
    const down = how.startsWith("-") ? -1 : 1;
    const keys = new Array(table.rows);
    for (const row of rows) keys[row] = value(column, row);
    // What is missing comes last either way; equal ones keep their order.
    return rows.sort((a, b) => {
      const [left, right] = [keys[a], keys[b]];
      if (left === null || right === null) return (left === null) - (right === null);
      if (left === right) return column.type === "time" ? down * (column.n[a] - column.n[b]) : 0;
      return left < right ? -down : down;
    });
  }

  // ---- tables -----------------------------------------------------------------------------------------------------

  // What chips are made of: the first one is always there, the others under "more filters".
  const FACETS = {
    calls: ["outcome", "status", "released_by", "outcome_detail", "emergency"],
    failures: ["method", "status"],
    outliers: ["delay", "outcome"],
    registrations: ["outcome", "kind", "status"],
    responses: ["method"],
    violations: ["code"],
    holds: ["held_by"],
    problems: ["code", "layer"],
    files: ["cut"],
    account: ["layer"],
  };
  const FEW = 5; // rows that nobody has to search
  const MOST_CHIPS = 16;
  const PAGES = [50, 200, 1000];
  const views = {};

  class View {
    constructor(name, table) {
      this.name = name;
      this.table = table;
      this.query = new Map();
      this.page = 0;
      this.size = PAGES[0];
      this.all = false;
      this.section = document.getElementById(name);
      for (const column of table.columns) if (column.type === "time") column.day = dayOf(column);
      if (table.rows) this.build();
    }

    build() {
      const label = this.section.querySelector("h2").firstChild.textContent.trim();
      this.box = element("input", {
        type: "search", placeholder: this.name === "calls" ? say("Search: text, pdd_s>2, callee:4930") : say("Search"),
        "aria-label": say("Search {table}", { table: label }), autocomplete: "off", spellcheck: "false",
        oninput: () => this.change((query) => put(query, "q", this.box.value ? [this.box.value] : []), true),
      });
      this.columnsButton = element("button", {
        class: "plain", type: "button", "aria-pressed": "false",
        onclick: () => { this.all = !this.all; this.columnsButton.setAttribute("aria-pressed", this.all); this.render(); },
      }, say("All columns"));
      this.clear = element("button", { class: "plain", type: "button", onclick: () => this.change((query) => query.clear()) }, say("Show all rows"));
      this.count = element("span", { class: "muted", role: "status" });
      this.unclear = element("span", { class: "is-bad unclear", role: "status", hidden: true });
      this.download = element("button", {
        class: "plain", type: "button", onclick: () => save(`${this.name}.csv`, csv(this.table, this.rows)),
      }, say("Download CSV"));
      this.chips = element("div", { class: "chips" });
      const [first, ...others] = (FACETS[this.name] || []).map((column) => this.facet(column)).filter(Boolean);
      const tools = this.section.querySelector(".tools");
      const few = this.table.rows <= FEW;
      tools.replaceChildren(...(few ? [] : [this.box]), this.columnsButton, this.download, this.clear, ...(few ? [] : [this.count, this.unclear]), this.chips);
      if (first && !few) tools.append(first);
      if (others.length && !few) tools.append(element("details", { class: "more" }, element("summary", {}, say("More filters")), ...others));
      this.before = element("button", { class: "plain", type: "button", onclick: () => this.turn(-1) }, say("Previous"));
      this.after = element("button", { class: "plain", type: "button", onclick: () => this.turn(1) }, say("Next"));
      this.place = element("span", {});
      const sizes = element("select", { "aria-label": say("Rows per page"), onchange: (event) => { this.size = Number(event.target.value); this.page = 0; this.render(); } },
        ...PAGES.map((size) => element("option", { value: size }, say("{n} rows", { n: size }))));
      this.pager = element("div", { class: "pager" }, this.before, this.place, this.after, sizes);
      this.section.querySelector(".note.shown").replaceWith(this.pager);
    }

    // The values of a column with how many rows have each; those that tell nothing apart have no chips.
    facet(name) {
      const column = this.table.byName[name];
      if (!column) return null;
      const counts = new Map();
      for (let row = 0; row < this.table.rows; row++) {
        const known = String(value(column, row) ?? "");
        counts.set(known, (counts.get(known) || 0) + 1);
      }
      if (counts.size < 2) return null;
      const most = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST_CHIPS);
      const chips = most.map(([known, count]) => element("button", {
        class: "chip", type: "button", "aria-pressed": "false", "data-column": name, "data-value": known,
        onclick: () => this.change((query) => toggle(query, name, known)),
      }, known === "" ? "none" : known.replaceAll("_", " "), " ", element("span", { class: "n" }, counted(count))));
      return element("div", { class: "chips", role: "group", "aria-label": heading(column) }, element("span", { class: "name" }, heading(column)), ...chips);
    }

    // A change by hand; what is typed letter by letter makes no steps on the way back.
    change(edit, typed = false) {
      edit(this.query);
      const address = this.address();
      if (typed) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
      this.page = 0;
      this.render();
    }

    address() {
      const text = textOf(this.query);
      return `#${this.name}${text ? `?${text}` : ""}`;
    }

    take(query) {
      this.query = query;
      this.page = 0;
      this.render();
    }

    turn(step) {
      this.page += step;
      this.render();
      this.section.scrollIntoView({ block: "start" });
    }

    shownColumns() {
      if (this.all) return this.table.columns;
      const names = data.shown[this.name];
      // What is sorted or filtered by is shown too.
      const asked = [...this.query.keys(), ...(this.query.get("has") || []), (this.query.get("sort") || [""])[0].replace(/^-/, "")];
      const more = asked.filter((name) => this.table.byName[name] && !names.includes(name));
      return [...names, ...new Set(more)].map((name) => this.table.byName[name]);
    }

    render() {
      if (!this.table.rows) return;
      const unclear = [];
      this.rows = chosenRows(this.table, this.query, unclear);
      this.unclear.textContent = unclear.join("; ");
      this.unclear.hidden = !unclear.length;
      const text = (this.query.get("q") || [""])[0];
      if (this.box.value !== text) this.box.value = text;
      this.count.textContent = this.rows.length === this.table.rows
        ? say("{n} rows", { n: counted(this.table.rows) }) : say("{n} of {all} rows", { n: counted(this.rows.length), all: counted(this.table.rows) });
      this.clear.hidden = this.query.size === 0;
      this.download.disabled = this.rows.length === 0;
      const pages = Math.max(Math.ceil(this.rows.length / this.size), 1);
      this.page = Math.min(Math.max(this.page, 0), pages - 1);
      const first = this.page * this.size;
      const page = this.rows.slice(first, first + this.size);
      const columns = this.shownColumns();
      this.section.querySelector("thead").replaceChildren(element("tr", {}, ...columns.map((column) => this.header(column))));
      this.section.querySelector("tbody").replaceChildren(...page.map((row) => this.line(columns, row)));
      if (!page.length) {
        this.section.querySelector("tbody").append(element("tr", {}, element("td", { colspan: columns.length }, say("No row fits: change the search or show all rows."))));
      }
      this.place.textContent = pages > 1 || page.length < this.table.rows ? say("rows {first} to {last} of {n}", { first: counted(first + 1), last: counted(first + page.length), n: counted(this.rows.length) }) : "";
      this.before.hidden = this.after.hidden = pages === 1;
      this.before.disabled = this.page === 0;
      this.after.disabled = this.page === pages - 1;
      this.pager.querySelector("select").hidden = this.rows.length <= PAGES[0];
      for (const chip of this.section.querySelectorAll(".chip[data-column]")) {
        chip.setAttribute("aria-pressed", (this.query.get(chip.dataset.column) || []).includes(chip.dataset.value));
      }
      this.renderOthers();
    }

    // Filters that have no chip of their own.
    renderOthers() {
      const own = new Set([...this.section.querySelectorAll(".chip[data-column]")].map((chip) => `${chip.dataset.column}=${chip.dataset.value}`));
      const others = [];
      for (const [name, values] of this.query) {
        if (name === "q" || name === "sort" || (name !== "has" && !this.table.byName[name])) continue;
        for (const one of values) if (!own.has(`${name}=${one}`)) others.push([name, one]);
      }
      this.chips.hidden = others.length === 0;
      this.chips.replaceChildren(...others.map(([name, one]) => element("button", {
        class: "chip", type: "button", "aria-pressed": "true", onclick: () => this.change((query) => toggle(query, name, one)),
      }, name === "has" ? `has ${one.replaceAll("_", " ")}` : `${name.replaceAll("_", " ")}: ${one || "none"}`, " ×")));
    }

    header(column) {
      const how = (this.query.get("sort") || [""])[0];
      const up = how === column.name;
      const down = how === `-${column.name}`;
      const next = up ? `-${column.name}` : down ? "" : column.name;
      return element("th", {
        scope: "col", class: RIGHT.has(column.type) ? "right" : null, "aria-sort": up ? "ascending" : down ? "descending" : "none",
      }, element("button", {
        type: "button", title: column.meaning, "data-sort": column.name,
        onclick: () => { this.change((query) => put(query, "sort", next ? [next] : [])); this.section.querySelector(`[data-sort="${column.name}"]`).focus(); },
      }, heading(column)));
    }

    line(columns, row) {
      const number = this.table.byName.no ? value(this.table.byName.no, row) : null;
      const opens = number !== null && ["calls", "outliers", "registrations", "holds", "violations"].includes(this.name);
      const kind = this.name === "registrations" ? "registration" : "call";
      const line = element("tr", { class: opens ? "opens" : null }, ...columns.map((column) => this.cell(column, row)));
      if (opens) line.addEventListener("click", (event) => {
        if (event.target.closest("a") || String(getSelection())) return;
        location.hash = `#${kind}/${number}`;
      });
      return line;
    }

    cell(column, row) {
      const text = shown(column, row);
      const right = RIGHT.has(column.type) ? "right" : null;
      const link = text === NOTHING ? null : this.link(column, row);
      if (link) return element("td", { class: right }, element("a", { href: link }, text));
      const title = meaning(column.name, text) || (text.length > 40 ? text : null);
      if (column.name === "outcome" && text !== NOTHING) return element("td", { title }, ending(this.name, text));
      if (column.name === "status" && Number(text) >= 400) return element("td", { class: "right is-bad", title }, text);
      return element("td", { class: right, title }, text);
    }

    // Where a number leads.
    link(column, row) {
      const of = (name) => String(value(this.table.byName[name], row) ?? "");
      if (column.name === "no") return `#${this.name === "registrations" ? "registration" : "call"}/${of("no")}`;
      if (this.name === "failures" && column.name === "calls" && of("method") === "INVITE") return `#calls?status=${of("status")}`;
      if (this.name === "failures" && column.name === "requests" && of("method") === "REGISTER") return `#registrations?status=${of("status")}`;
      if (this.name === "latency" && column.name === "n") return `#calls?has=${of("delay")}_s&sort=-${of("delay")}_s`;
      return null;
    }
  }

  function put(query, name, values) {
    if (values.length) query.set(name, values);
    else query.delete(name);
  }

  function toggle(query, name, one) {
    const values = query.get(name) || [];
    put(query, name, values.includes(one) ? values.filter((other) => other !== one) : [...values, one]);
  }

  // What a status, a role, an outcome means, in the words of `sip-analyzer explain`.
  function meaning(column, text) {
    const words = Object.hasOwn(data.meanings, column) ? data.meanings[column] : {};
    return Object.hasOwn(words, text) ? words[text] : null;
  }

  function ending(table, outcome) {
    const tone = (table === "registrations" ? REGISTERED[outcome] : data.tones[outcome]) || "unknown";
    return element("span", { class: `is-${tone}` }, `${MARKS[tone]} ${outcome.replaceAll("_", " ")}`);
  }

  // ---- the story of a call ----------------------------------------------------------------------------------------

  const SECOND = 1e9;
  const SILENCE = 10 * SECOND; // as show/timeline.py
  const BURST = 4;
  const UNANSWERED = {
    timeout: ["no_response", "no response seen"],
    provisional_only: ["no_response", "no final response seen"],
    pending: ["pending", "no response before the capture ended"],
    transport_error: ["transport_error", "refused by the network or the host (ICMP, TCP reset or SCTP abort)"],
  };
  const TONES = ["request", "provisional", "success", "redirect", "failure", "failure", "failure"];
  const places = { calls: new Map(), registrations: new Map() }; // number -> [chunk, place in it]
  for (const [name, chunks] of Object.entries(data.ladders)) {
    for (const chunk of chunks) {
      let place = 0;
      for (const [first, count] of chunk.calls) for (let number = first; number < first + count; number++) places[name].set(number, [chunk, place++]);
    }
  }

  // Frames are told as steps from one event to the next one in time of its file, whatever its call.
  function framesOf(head, columns) {
    if (columns.frames) return columns.frames;
    const total = columns.frame.length;
    const seconds = new Float64Array(total);
    const rest = new Float64Array(total);
    let event = 0;
    head.events.forEach((count, story) => {
      let [second, part] = head.began[story] || [0, 0];
      for (const end = event + count; event < end; event++) {
        second += columns.seconds[event];
        part += columns.nanoseconds[event] * head.unit;
        if (part >= SECOND) { part -= SECOND; second += 1; }
        [seconds[event], rest[event]] = [columns.flags[event] & 2 ? Infinity : second, columns.flags[event] & 2 ? 0 : part];
      }
    });
    const order = Uint32Array.from({ length: total }, (_, place) => place).sort((a, b) =>
      columns.file[a] - columns.file[b] || (seconds[a] === seconds[b] ? rest[a] - rest[b] : seconds[a] - seconds[b]) || a - b);
    const frames = new Float64Array(total);
    let frame = 0;
    for (const place of order) {
      const step = columns.frame[place];
      frame += step & 1 ? -(step + 1) / 2 : step / 2;
      frames[place] = frame;
    }
    columns.frames = frames;
    return frames;
  }

  async function unpackedOnce(chunk) {
    chunk.unpacked ??= inflated(chunk.data).then(unpackedChunk);
    return chunk.unpacked;
  }

  // Events, marks and phases of a call or registration, times in nanoseconds after its first event; null: it is not in
  // the report.
  async function storyOf(name, table, row) {
    const number = value(table.byName.no, row);
    if (!places[name].has(number)) return null;
    const [chunk, place] = places[name].get(number);
    const { head, columns } = await unpackedOnce(chunk);
    const first = head.events.slice(0, place).reduce((sum, count) => sum + count, 0);
    const began = head.began[place];
    const legs = head.legs[place] || (table.byName.call_ids ? table.byName.call_ids.v[row] : [value(table.byName.call_id, row)]);
    const events = [];
    const frames = framesOf(head, columns);
    let at = 0;
    for (let event = first; event < first + head.events[place]; event++) {
      at += columns.seconds[event] * SECOND + columns.nanoseconds[event] * head.unit;
      const tone = TONES[head.tones[columns.label[event]]];
      events.push({
        at: columns.flags[event] & 2 ? null : at, frame: frames[event] || null, file: head.files[columns.file[event]],
        source: columns.source[event], target: columns.target[event], leg: columns.leg[event],
        what: head.labels[columns.label[event]], info: head.infos[columns.info[event]], sdp: Boolean(columns.flags[event] & 1),
        tone, failed: tone === "failure", copies: 1, later: 0, text: head.texts.length ? head.texts[event] : null,
      });
    }
    for (const [event, copies, later] of head.again) {
      if (event >= first && event - first < events.length) Object.assign(events[event - first], { copies, later });
    }
    const lanes = head.lanes[place];
    // Role, and host name or product, under each address.
    const products = head.products[place].map((product, lane) => {
      const [role, host] = data.captions[lanes[lane]] || ["", ""];
      return [role, host || product].filter(Boolean).join(" · ");
    });
    const roles = lanes.map((lane) => (data.captions[lane] || [""])[0]);
    const phases = name === "calls" ? phasesOf(table, row, began, events) : [];
    const marks = [...unanswered(head, first, events, lanes), ...silences(events)];
    for (const [of, late, kind, text] of head.marks) if (of === place) marks.push({ kind, at: late, text });
    const holds = head.holds.filter(([of]) => of === place)
      .map(([, from, until, media, by]) => ({ from, until, text: `${media} on hold by ${by}` }));
    const streams = head.streams.filter(([of]) => of === place)
      .map(([, from, until, text, by]) => ({ from, until, text, kind: by ? `stream-${by}` : "stream" }));
    const left = head.total[place] - events.length;
    if (left) marks.push({ kind: "folded", at: events[events.length - Math.floor(events.length / 4) - 1].at, text: `${counted(left)} messages are not in this report, to keep it small; ${KINDS[name.slice(0, -1)].command(number, (column) => shown(table.byName[column], row))} draws them` });
    return { number, texts: events.some((event) => event.text !== null), began, lanes, products, roles, legs, phases, holds, streams, events, left, rows: inOrder(events, marks, phases) };
  }

  function unanswered(head, first, events, lanes) {
    const said = new Map(head.silent.map(([event, outcome, later]) => [event - first, [outcome, later]]));
    const marks = [];
    events.forEach((event, number) => {
      if (!said.has(number) && event.copies < BURST) return;
      const [outcome, later] = said.get(number) || ["", event.later];
      const [kind, sentence] = UNANSWERED[outcome] || ["resent", ""];
      const told = [sentence, event.copies > 1 ? copiesOf(event) : ""].filter(Boolean).join(", ");
      marks.push({ kind, at: event.at === null ? null : event.at + later, text: `${event.what} to ${lanes[event.target]}: ${told}` });
    });
    return marks;
  }

  function copiesOf(event) {
    return `sent ${counted(event.copies)} times${event.at === null ? "" : ` in ${duration(event.later)}`}`;
  }

  // Between one event and all that was captured before it, also what is folded.
  function silences(events) {
    const times = [];
    for (const event of events) {
      if (event.at === null) continue;
      times.push(event.at);
      if (event.copies > 1) times.push(event.at + event.later);
    }
    times.sort((a, b) => a - b);
    const marks = [];
    let place = 0;
    for (const event of events) {
      if (event.at === null) continue;
      while (place < times.length && times[place] < event.at) place++;
      const before = times[place - 1];
      if (place > 0 && event.at - before >= SILENCE) marks.push({ kind: "silence", at: before, text: `${duration(event.at - before)} of silence` });
    }
    return marks;
  }

  // As timed at the reference hop; null: before the capture, or after it.
  function phasesOf(calls, row, began, events) {
    if (began === null) return [];
    const at = (name) => {
      const column = calls.byName[name];
      return column.s[row] === null ? null : (column.s[row] - began[0]) * SECOND + column.n[row] - began[1];
    };
    const joined = value(calls.byName.outcome, row) === "joined";
    const bounds = joined
      ? [["talk", null], ["release", at("ended_at")]]
      : [["setup", at("started_at")], ["ringing", at("ringing_at")], ["talk", at("answered_at")], ["release", at("ended_at")]];
    const begun = bounds.filter(([, from], number) => from !== null || (joined && number === 0));
    if (!begun.length || (begun[0][0] !== "setup" && !joined)) return [];
    const kept = begun.filter(([, from], number) => from === null || from !== (begun[number + 1] || [])[1]);
    const times = events.filter((event) => event.at !== null).map((event) => event.at + event.later);
    const end = times.length && kept[kept.length - 1][0] === "release" ? Math.max(...times) : null;
    return kept.map(([name, from], number) => {
      const until = number + 1 < kept.length ? kept[number + 1][1] : end;
      return { name, from, lasted: from === null || until === null ? "" : duration(until - from) };
    });
  }

  function inOrder(events, marks, phases) {
    const rank = (row) => (row.kind === undefined ? 0 : row.kind === "silence" ? 2 : 1);
    const rows = [...events, ...marks].sort((a, b) =>
      (a.at === null) - (b.at === null) || (a.at || 0) - (b.at || 0) || rank(a) - rank(b));
    for (const row of rows) {
      row.phase = null;
      if (row.at !== null) phases.forEach((phase, number) => { if (phase.from === null || phase.from <= row.at) row.phase = number; });
    }
    return rows;
  }

  // ---- the ladder -------------------------------------------------------------------------------------------------

  // The drawing of show/ladder/svg.py, whose style sheet this page has: sheets of rows under the names of the lanes.
  const SHEET = 40, ROW = 26, HEADER = 62, NAME_LINES = 3, NAME_LINE = 15, EDGE = 16, PHASE = 28, SECONDS = 172, DELTA = 240, FRAME = 296, LEG = 326, STREAM = 6;
  const WIDE = 1040, NARROWEST = 96, WIDEST = 300, LABEL = 260, CHARACTER = 7, SMALL = 6;
  const MOST_LANES = 40, MOST_SHEETS = 10;
  const TINTS = new Set(["setup", "ringing", "talk", "release"]);
  const WIDE_LETTERS = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/gu;

  function width(text) {
    return [...text].length + (text.match(WIDE_LETTERS) || []).length;
  }

  function fit(text, columns) {
    if (width(text) <= columns) return text;
    if (columns < 1) return "";
    const kept = [...text].slice(0, columns - 1);
    while (kept.length && width(kept.join("")) > columns - 1) kept.pop();
    return `${kept.join("")}…`;
  }

  function words_(x, y, text, kind, anchor, columns) {
    const made = drawn("text", { x, y, class: kind || null, "text-anchor": anchor || null }, columns === undefined ? text : fit(text, columns));
    if (columns !== undefined && width(text) > columns) made.append(drawn("title", {}, text));
    return made;
  }

  const box = (x, y, wide, high, kind, round) => drawn("rect", { x, y, width: wide, height: high, class: kind, rx: round || null });
  const path = (d, kind) => drawn("path", { d, class: kind });
  const cross = (x, y) => path(`M${x} ${y}l8 8m0 -8l-8 8`, "cross failure");

  function ladder(story, choose) {
    const legs = story.legs.length > 1;
    const left = (legs ? LEG : FRAME) + 24;
    const gap = Math.min(Math.max(Math.floor((WIDE - left - EDGE) / Math.max(story.lanes.length, 2)), NARROWEST), WIDEST);
    const lanes = story.lanes.map((_, number) => left + Math.floor(gap / 2) + number * gap);
    const wide = Math.max(lanes[lanes.length - 1] + Math.floor(gap / 2) + EDGE, 640);
    const plan = { story, legs, gap, lanes, wide, choose, name: gap - 10, begins: new Map() };
    story.rows.forEach((row, place) => { if (!plan.begins.has(row.phase)) plan.begins.set(row.phase, place); });
    const sheets = [];
    for (let at = 0; at < story.rows.length; at += SHEET) sheets.push(() => sheet(plan, at));
    return [sheets, () => legend(plan)];
  }

  function picture(wide, high, inside) {
    const made = drawn("svg", { class: "sip-ladder", width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "group" }, box(0, 0, wide, high, "paper"));
    made.append(...inside);
    return made;
  }

  function sheet(plan, at) {
    const { story, lanes, wide } = plan;
    const rows = story.rows.slice(at, at + SHEET);
    const top = at === 0 && story.began !== null ? 28 : 8;
    const first = top + HEADER;
    const high = first + rows.length * ROW + 6;
    const inside = [];
    if (top === 28) {
      const [day, time] = local(story.began[0]);
      inside.push(words_(EDGE, 18, `${day} ${time}.${String(story.began[1]).padStart(9, "0").replace(/000$/, "")}  (${data.zone.name})`, "muted num"));
    }
    inside.push(...headerOf(plan, top), ...bands(plan, rows, at, first));
    inside.push(path(lanes.map((x) => `M${x + 0.5} ${first - 4}V${high}`).join(""), "lane"));
    rows.forEach((row, place) => {
      const y = first + place * ROW;
      inside.push(row.kind === undefined ? eventOf(plan, row, y) : markOf(plan, row, y));
    });
    return picture(wide, high, inside);
  }

  function headerOf(plan, top) {
    const y = top + HEADER - 12;
    const names = [
      plan.story.phases.length ? words_(PHASE, y, "phase", "small muted") : "",
      words_(SECONDS, y, "seconds", "small muted", "end"), words_(DELTA, y, "delta", "small muted", "end"),
      words_(FRAME, y, "frame", "small muted", "end"), plan.legs ? words_(LEG, y, "leg", "small muted", "end") : "",
    ].filter(Boolean);
    const wide = Math.floor((plan.name - 8) / CHARACTER), small = Math.floor((plan.name - 8) / SMALL);
    plan.lanes.forEach((x, number) => {
      const [name, product, role] = [plan.story.lanes[number], plan.story.products[number], plan.story.roles[number]];
      const below = (product.startsWith(role) ? product.slice(role.length) : product).replace(/^ · /, "");
      const lines = role ? [[role, "strong", wide]] : [];
      // Under a role the address is small; one that is too long takes the line of the name.
      const [kind, columns] = role ? ["small", small] : ["strong", wide];
      if (name.length > columns && name.length <= 2 * columns) {
        const cut = Math.max(name.lastIndexOf(":", columns - 1), name.lastIndexOf(".", columns - 1)) + 1 || columns;
        lines.push([name.slice(0, cut), kind, columns], [name.slice(cut), kind, columns]);
      } else lines.push([name, kind, columns]);
      if (below && lines.length < NAME_LINES) lines.push([below, "small muted", small]);
      const first = top + Math.floor((HEADER - 8 - (lines.length - 1) * NAME_LINE) / 2) + 4;
      names.push(box(x - Math.floor(plan.name / 2), top, plan.name, HEADER - 8, "box", 4));
      names.push(drawn("g", {}, drawn("title", {}, [name, product].filter(Boolean).join(" · ")),
        ...lines.map(([text, look, room], line) => words_(x, first + line * NAME_LINE, text, look, "middle", room))));
    });
    return names;
  }

  function bands(plan, rows, base, first) {
    const made = [];
    let begin = 0;
    for (let place = 1; place <= rows.length; place++) {
      if (place < rows.length && rows[place].phase === rows[begin].phase) continue;
      const number = rows[begin].phase;
      if (number !== null) {
        const phase = plan.story.phases[number];
        const kind = TINTS.has(phase.name) ? phase.name : "other";
        const [y, high] = [first + begin * ROW, (place - begin) * ROW];
        made.push(box(EDGE, y, plan.wide - 2 * EDGE, high, `tint-${kind}`), box(EDGE, y, 6, high, `band-${kind}`));
        made.push(words_(PHASE, y + 12, phase.name, "strong"));
        const below = plan.begins.get(number) === base + begin ? phase.lasted : "continued";
        if (below) made.push(words_(PHASE, y + 23, below, "small muted"));
      }
      begin = place;
    }
    for (const hold of plan.story.holds) {
      const held = rows.map((row, place) => (row.at !== null && hold.from <= row.at && (hold.until === null || row.at < hold.until) ? place : -1)).filter((place) => place >= 0);
      if (!held.length) continue;
      const bar = box(EDGE + 6, first + held[0] * ROW, 4, (held[held.length - 1] - held[0] + 1) * ROW, "hold");
      made.push(drawn("g", {}, drawn("title", {}, hold.text), bar));
    }
    plan.story.streams.forEach((stream, number) => {
      const there = rows.map((row, place) => (row.at !== null && stream.from <= row.at && row.at <= stream.until ? place : -1)).filter((place) => place >= 0);
      if (!there.length) return;
      const bar = box(plan.wide - EDGE - STREAM * (number + 1), first + there[0] * ROW, 4, (there[there.length - 1] - there[0] + 1) * ROW, stream.kind);
      made.push(drawn("g", {}, drawn("title", {}, stream.text), bar));
    });
    return made;
  }

  function eventOf(plan, event, y) {
    const { story, lanes, wide } = plan;
    const inside = [box(EDGE + 10, y, wide - 2 * EDGE - 10, ROW, "hit")];
    if (event.at !== null) {
      inside.push(words_(SECONDS, y + 18, clock(event.at), "num", "end"));
      if (event.delta !== null) inside.push(words_(DELTA, y + 18, `+${clock(event.delta)}`, "num muted", "end"));
    }
    if (event.frame !== null) inside.push(words_(FRAME, y + 18, String(event.frame), "num muted", "end"));
    if (plan.legs) inside.push(words_(LEG, y + 18, String(event.leg + 1), "num muted", "end"));
    inside.push(...arrow(lanes, event, y + 19), ...label(plan, event, y + 13));
    const row = drawn("g", { class: "row", "data-event": event.number, onclick: () => plan.choose(event.number) }, drawn("title", {}, told(story, event)));
    row.append(...inside);
    return row;
  }

  function told(story, event) {
    const ends = `${story.lanes[event.source]} > ${story.lanes[event.target]}`;
    const frame = event.frame === null ? "" : `frame ${event.frame}${event.file ? ` of ${event.file}` : ""}`;
    const status = /^[1-6][0-9]{2}(?= |$)/.exec(event.what);
    const means = status ? meaning("status", status[0]) : "";
    return [`${event.what}${event.sdp ? " with SDP" : ""}, ${ends}`, event.info, event.copies > 1 ? copiesOf(event) : "", frame, means].filter(Boolean).join("; ");
  }

  function arrow(lanes, event, y) {
    const [x1, x2] = [lanes[event.source], lanes[event.target]];
    let [line, head] = [`M${x1} ${y - 10}h22v10h-14`, `M${x1 + 1} ${y}l9 -4v8z`];
    if (x1 !== x2) {
      const back = x1 < x2 ? 8 : -8;
      [line, head] = [`M${x1} ${y}H${x2 - back}`, `M${x2} ${y}l${-back - back / 8} -4v8z`];
    }
    return [path(line, `line ${event.tone}${event.copies > 1 ? " again" : ""}`), path(head, `${event.tone}-head`)];
  }

  // Over its arrow; where that is too short the text runs over the lanes beside it.
  function label(plan, event, y) {
    const { lanes, gap, wide } = plan;
    const [x1, x2] = [lanes[event.source], lanes[event.target]];
    const room = Math.max(Math.abs(x2 - x1) - 24, Math.min(LABEL, lanes[lanes.length - 1] - lanes[0] + gap));
    const copies = event.copies > 1 ? `×${event.copies}` : "";
    const mark = event.failed ? 14 : 0;
    const extra = (copies ? width(copies) + 1 : 0) * CHARACTER + (event.sdp ? 26 : 0) + mark;
    const what = fit(event.what, Math.max(Math.floor((room - extra) / CHARACTER), 3));
    let taken = width(what) * CHARACTER + extra;
    const left = Math.floor((room - taken) / SMALL) - 1;
    const info = event.info && left >= 6 ? fit(event.info, left) : "";
    if (info) taken += (width(info) + 1) * SMALL;
    let x = Math.min(x1 + 30, wide - EDGE - taken);
    if (x1 === x2) y += 4;
    else x = Math.min(Math.max(Math.floor((x1 + x2) / 2) - Math.floor(taken / 2), lanes[0] - Math.floor(gap / 2)), wide - EDGE - taken);
    const text = drawn("text", { x: x + mark, y, class: event.failed ? "halo bad" : "halo" }, drawn("tspan", {}, what));
    if (event.sdp) text.append(drawn("tspan", { dx: 4, class: "small strong" }, "SDP"));
    if (copies) text.append(drawn("tspan", { dx: 4, class: "strong" }, copies));
    if (info) text.append(drawn("tspan", { dx: 5, class: "small muted" }, info));
    return event.failed ? [cross(x, y - 8), text] : [text];
  }

  function markOf(plan, mark, y) {
    const { lanes, gap, story } = plan;
    const [left, right] = [lanes[0] - Math.floor(gap / 2), lanes[lanes.length - 1] + Math.floor(gap / 2)];
    const middle = Math.floor((left + right) / 2);
    const text = fit(mark.text, Math.floor((right - left - 40) / SMALL));
    const made = drawn("g", {}, drawn("title", {}, mark.text));
    if (mark.kind === "silence" || mark.kind === "folded") {
      const kind = mark.phase === null ? "paper" : `tint-${TINTS.has(story.phases[mark.phase].name) ? story.phases[mark.phase].name : "other"}`;
      made.append(box(left, y, right - left, ROW, kind), path(lanes.map((x) => `M${x + 0.5} ${y}v${ROW}`).join(""), "gap"),
        words_(middle, y + 17, text, "muted halo", "middle"));
      return made;
    }
    const failed = ["no_response", "transport_error", "refused"].includes(mark.kind);
    const sign = failed ? 14 : 0;
    const wide = width(text) * SMALL + 24 + sign;
    made.append(box(middle - Math.floor(wide / 2), y + 4, wide, ROW - 8, `pill${failed ? " failure" : ""}`, 9));
    if (failed) made.append(cross(middle - Math.floor(wide / 2) + 10, y + 9));
    made.append(words_(middle + sign / 2, y + 17, text, `small${failed ? " bad" : ""}`, "middle"));
    return made;
  }

  // What the colours mean, Call-IDs by their number, and what is not drawn.
  function legend(plan) {
    const { story, wide } = plan;
    const tones = new Set(story.events.map((event) => event.tone));
    const inside = [];
    let x = EDGE;
    for (const [tone, name] of [["request", "request"], ["provisional", "1xx"], ["success", "2xx"], ["redirect", "3xx"], ["failure", "4xx 5xx 6xx"]]) {
      if (!tones.has(tone)) continue;
      if (tone === "failure") { inside.push(cross(x, 8)); x += 14; }
      inside.push(path(`M${x} 12h20`, `line ${tone}`), path(`M${x + 28} 12l-9 -4v8z`, `${tone}-head`), words_(x + 34, 16, name, "small"));
      x += 34 + name.length * CHARACTER + 14;
    }
    if (story.events.some((event) => event.copies > 1)) {
      inside.push(path(`M${x} 12h28`, "line request again"), words_(x + 34, 16, "×n: sent n times", "small"));
    }
    let y = 36;
    const columns = Math.floor((wide - 2 * EDGE) / SMALL);
    if (plan.legs) story.legs.forEach((leg, number) => { inside.push(words_(EDGE, y, `leg ${number + 1}: Call-ID ${leg}`, "small muted", "", columns)); y += 16; });
    const sent = story.events.reduce((sum, event) => sum + event.copies, 0);
    const again = sent - story.events.length;
    inside.push(words_(EDGE, y, [`${counted(sent)} message${sent === 1 ? "" : "s"}`, again ? `${counted(again)} of them sent again, ×N: sent N times` : ""].filter(Boolean).join("; "), "small muted"));
    return picture(wide, y + 14, inside);
  }

  // ---- one call ---------------------------------------------------------------------------------------------------

  const report = document.getElementById("report");
  const callView = document.getElementById("call");
  let opened = 0;

  const KINDS = {
    call: { view: "calls", title: (cell) => say(": {caller} to {callee} ", { caller: cell("caller"), callee: cell("callee") }), name: say("Call"), command: (number) => `sip-analyzer ladder ${number} FILE` },
    registration: { view: "registrations", title: (cell) => `: ${cell("aor")} `, name: say("Registration"), command: (number, cell) => `sip-analyzer ladder '${cell("call_id")}' FILE` },
  };

  // What stands above the facts: the verdict, why, what to check, and the frames that show it.
  const TOLD = [["verdict", "told"], ["cause", "told-more"], ["check", "told-more"], ["evidence", "told-more muted"]];

  // The story of a call but for its verdict, in sections: not every call of a large report has one.
  async function sectionsOf(number) {
    data.told ??= data.stories ? inflated(data.stories).then((bytes) => JSON.parse(new TextDecoder().decode(bytes))) : {};
    return (await data.told)[number] || [];
  }

  async function open(kind, number) {
    const mine = ++opened;
    const { view: name, title, name: noun, command } = KINDS[kind];
    const view = views[name];
    const table = view?.table;
    const row = table?.rows ? table.byName.no.v.indexOf(number) : -1;
    report.hidden = true;
    callView.hidden = false;
    if (row < 0) {
      callView.replaceChildren(view ? backBar(kind, row) : "", element("p", { class: "missing" }, kind === "call" ? say("No call {n} in this report.", { n: number }) : say("No registration {n} in this report.", { n: number })));
      return;
    }
    const story = await storyOf(name, table, row);
    if (mine !== opened) return;
    const cell = (column) => shown(table.byName[column], row);
    const told = kind === "call" ? await sectionsOf(number) : [];
    if (mine !== opened) return;
    const parts = [backBar(kind, row), element("h2", {}, `${noun} ${number}${title(cell)}`, ending(name, cell("outcome")))];
    for (const [name, kind] of TOLD) {
      const text = table.byName[name] ? value(table.byName[name], row) : null;
      // The story tells the evidence line by line.
      if (text !== null && !(name === "evidence" && told.length)) parts.push(element("p", { class: kind }, text));
    }
    for (const [name, lines] of told) {
      parts.push(element("section", { class: "story" }, element("h3", {}, name), element("pre", { class: lines.some((line) => line.includes("│")) ? "bars-of-time" : null }, lines.join("\n"))));
    }
    parts.push(element("h3", { id: "facts-heading" }, say("Facts")), factsOf(name, table, row), element("h3", {}, say("Ladder")));
    if (story === null) {
      parts.push(element("p", { class: "missing" }, say("The ladder is not in this report, to keep it small; {command} draws it.", { command: command(number, cell) })));
    } else {
      parts.push(...ladderAndMessages(story, `${noun} ${number}`));
    }
    callView.replaceChildren(...parts);
    callView.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  function backBar(kind, row) {
    const view = views[KINDS[kind].view];
    const rows = view.rows || [];
    const place = rows.indexOf(row);
    const button = (name, disabled, hash) => element("button", { class: "plain", type: "button", disabled, onclick: () => { location.hash = hash(); } }, name);
    const step = (by, name) => button(name, place < 0 || rows[place + by] === undefined, () => `#${kind}/${value(view.table.byName.no, rows[place + by])}`);
    return element("nav", { "aria-label": `${KINDS[kind].name}s` }, button(`← ${kind === "call" ? say("All calls") : say("All registrations")}`, false, () => view.address()),
      step(-1, kind === "call" ? say("Previous call") : say("Previous registration")), step(1, kind === "call" ? say("Next call") : say("Next registration")),
      place < 0 ? "" : element("span", { class: "muted" }, say("{n} of {all} in the table", { n: counted(place + 1), all: counted(rows.length) })));
  }

  function factsOf(name, table, row) {
    const facts = table.columns.filter((column) => !TOLD.some(([told]) => told === column.name) && value(column, row) !== null).map((column) =>
      element("div", { title: column.meaning }, element("dt", {}, column.name.replace(/_(at|s)$/, "").replaceAll("_", " ")), element("dd", {}, factOf(name, column, row))));
    return element("dl", { class: "facts", "aria-labelledby": "facts-heading" }, ...facts);
  }

  function factOf(name, column, row) {
    if (column.type === "duration") return duration(Math.round(value(column, row) * 1e9));
    if (column.type === "time") {
      const [day, time] = local(column.s[row]);
      return `${day} ${time}.${String(column.n[row]).padStart(9, "0").replace(/000$/, "")}`;
    }
    return column.name === "outcome" ? ending(name, value(column, row)) : shown(column, row);
  }

  function ladderAndMessages(story, name) {
    let before = null;
    story.events.forEach((event, place) => {
      event.number = place;
      event.delta = event.at === null || before === null ? null : event.at - before;
      if (event.at !== null) before = event.at;
    });
    const text = element("section", { class: "text", "aria-live": "polite", "aria-label": "The message chosen", hidden: true });
    const choose = (place) => { mark(place); showText(text, story, place); };
    const parts = [];
    if (!story.events.length) return [element("p", { class: "missing" }, say("No messages."))];
    if (story.lanes.length > MOST_LANES) {
      parts.push(element("p", { class: "missing" }, say("{n} hosts are too many for a picture: the messages are listed below.", { n: counted(story.lanes.length) })), text);
    } else {
      const frame = element("div", { class: "picture", tabindex: "0", role: "group", "aria-label": `Ladder of ${name}; the same messages are in the table below` });
      const [sheets, last] = ladder(story, choose);
      const finish = () => frame.append(last());
      frame.append(...sheets.slice(0, MOST_SHEETS).map((made) => made()));
      if (sheets.length > MOST_SHEETS) {
        const more = element("button", { class: "plain", type: "button", onclick: () => { more.remove(); frame.append(...sheets.slice(MOST_SHEETS).map((made) => made())); finish(); } },
          say("Draw the other {n} rows", { n: counted(story.rows.length - MOST_SHEETS * SHEET) }));
        frame.append(more);
      } else finish();
      parts.push(element("div", { class: "pair" }, frame, text));
    }
    parts.push(element("p", { class: "note" }, story.texts ? say("Choose a message, in the picture or in the table, to read it.") : say("The text of these messages is not in this report, to keep it small; sip-analyzer report --texts includes it.")));
    parts.push(element("h3", { id: "messages-heading" }, say("Messages"), " ", element("span", { class: "n" }, counted(story.events.length))), messagesOf(story, choose));
    return parts;
  }

  function messagesOf(story, choose) {
    const headings = [["#", true], ["seconds", true], ["delta", true], ["frame", true], ["message", false], ["from", false], ["to", false], ["", false]];
    if (story.legs.length > 1) headings.splice(4, 0, ["leg", true]);
    const rows = story.events.map((event) => element("tr", { "data-event": event.number, class: "opens", onclick: () => choose(event.number) },
      ...[String(event.number + 1), event.at === null ? NOTHING : clock(event.at), event.delta === null ? "" : `+${clock(event.delta)}`, event.frame === null ? NOTHING : String(event.frame)]
        .map((text) => element("td", { class: "right" }, text)),
      ...(story.legs.length > 1 ? [element("td", { class: "right" }, String(event.leg + 1))] : []),
      element("td", { class: event.failed ? "what is-bad" : "what" }, `${event.failed ? "✕ " : ""}${event.what}${event.sdp ? " SDP" : ""}${event.copies > 1 ? ` ×${event.copies}` : ""}`),
      element("td", {}, story.lanes[event.source]), element("td", {}, story.lanes[event.target]),
      element("td", { class: "what muted" }, [event.info, event.copies > 1 ? copiesOf(event) : ""].filter(Boolean).join("; "))));
    return element("div", { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": "messages-heading" },
      element("table", { class: "messages" }, element("thead", {}, element("tr", {}, ...headings.map(([name, right]) => element("th", { scope: "col", class: right ? "right" : null }, name)))),
        element("tbody", {}, ...rows)));
  }

  function mark(place) {
    for (const old of callView.querySelectorAll(".chosen")) old.classList.remove("chosen");
    for (const found of callView.querySelectorAll(`[data-event="${place}"]`)) found.classList.add("chosen");
  }

  function showText(section, story, place) {
    const event = story.events[place];
    if (event.text === null) return;
    section.hidden = false;
    const go = (step, name) => element("button", {
      class: "plain", type: "button", disabled: !story.events[place + step],
      onclick: () => { mark(place + step); showText(section, story, place + step); },
    }, name);
    section.replaceChildren(element("h4", {}, told(story, event)), element("nav", {}, go(-1, say("Previous message")), go(1, say("Next message")),
      element("button", { class: "plain", type: "button", onclick: () => { section.hidden = true; } }, say("Close"))), element("pre", {}, event.text));
  }

  // ---- the way around ---------------------------------------------------------------------------------------------

  function follow() {
    const [, where, query] = /^#?([^?]*)\??(.*)$/.exec(location.hash);
    const one = /^(call|registration)\/(\d+)$/.exec(where);
    if (one) {
      open(one[1], Number(one[2]));
      return;
    }
    opened++;
    const wasCall = !callView.hidden;
    callView.hidden = true;
    report.hidden = false;
    const view = views[where];
    // The address is all there is: a table it does not name shows all its rows.
    for (const other of Object.values(views)) if (other !== view && other.query.size) other.take(new Map());
    if (view) {
      view.take(queryOf(query));
      view.section.scrollIntoView({ block: "start" });
    } else if (wasCall && where) {
      document.getElementById(where)?.scrollIntoView({ block: "start" });
    }
  }

  async function begin() {
    if (typeof DecompressionStream === "undefined") {
      document.querySelector("#verdict").append(element("p", { class: "note" },
        say("This browser is too old to unpack the tables (it has no DecompressionStream): only their first rows are shown.")));
      return;
    }
    for (const [name, packed] of Object.entries(data.tables)) views[name] = new View(name, await unpackedTable(packed));
    document.documentElement.classList.add("js");
    for (const view of Object.values(views)) view.render();
    addEventListener("hashchange", follow);
    addEventListener("popstate", follow);
    // Keys for the call that is open.
    addEventListener("keydown", (event) => {
      if (callView.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") callView.querySelector("button").click();
    });
    follow();
    document.documentElement.dataset.ready = "yes";
  }

  begin();
})();
