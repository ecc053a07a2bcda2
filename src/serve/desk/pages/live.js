// The page of a team: keeps the picture that /v1/desk/events tells. Whatever a caller said reaches the page by
// textContent only, never as markup.
"use strict";

(() => {
  const SILENT_TOO_LONG_MS = 35000; // three beats of the service
  const AGAIN_MS = 3000;
  const SLOW_S = 60;
  const LATE_S = 180;

  const body = document.body;
  const text = (name) => body.dataset[name] ?? "";
  const lang = document.documentElement.lang;
  const lists = { waiting: document.getElementById("waiting"), current: document.getElementById("current") };
  const template = document.getElementById("card").content.firstElementChild;
  const calls = new Map(); // id → { call, element, lines: Map(id → element) }

  let ahead = 0; // of this machine's clock: the service's time minus ours, in milliseconds
  let source = null;
  let heard = 0;

  // ---- what a call shows

  const title = (name) => {
    const words = name.replaceAll("_", " ").trim();
    return words.charAt(0).toUpperCase() + words.slice(1);
  };

  const first = (row, names) => {
    const key = Object.keys(row).find((column) => names.includes(column.toLowerCase()));
    return key === undefined ? "" : String(row[key]).trim();
  };

  const NAMES = {
    given: ["prenom", "prénom", "first_name", "given_name", "voornaam"],
    family: ["nom", "last_name", "family_name", "achternaam", "name", "naam", "customer_name", "nom_client"],
  };

  const who = (call) => {
    const name = [first(call.customer, NAMES.given), first(call.customer, NAMES.family)].filter(Boolean).join(" ");
    return name || call.caller_number || text("unknown");
  };

  const set = (element, value) => {
    element.hidden = !value;
    if (element.textContent !== value) element.textContent = value;
  };

  const table = (section, pairs) => {
    section.hidden = pairs.length === 0;
    section.querySelector("dl").replaceChildren(...pairs.map(([name, value]) => {
      const pair = document.createElement("div");
      const term = document.createElement("dt");
      const shown = document.createElement("dd");
      term.textContent = title(name);
      shown.textContent = value;
      pair.append(term, shown);
      return pair;
    }));
  };

  const fill = (entry) => {
    const { call, element } = entry;
    const find = (selector) => element.querySelector(selector);
    find(".card").dataset.state = call.state;
    set(find(".name"), who(call));
    set(find(".state"), text("state" + title(call.state)));
    set(find(".number"), call.caller_number || text("hiddenNumber"));
    find(".number").hidden = who(call) === call.caller_number;
    set(find(".team"), call.route_label || call.route);
    set(find(".tongue"), call.language.toUpperCase());
    find(".tongue").hidden = call.language === lang;
    set(find(".intent .label"), call.intent_label || title(call.intent ?? "") || text("noIntent"));
    find(".certainty").hidden = call.confidence === null;
    if (call.confidence !== null) {
      const percent = new Intl.NumberFormat(lang, { style: "percent" }).format(call.confidence);
      find("meter").value = call.confidence;
      set(find(".percent"), `${text("certain")} ${percent}`);
      find("meter").setAttribute("aria-label", text("certain"));
    }
    find(".second").hidden = !call.second_intent;
    set(find(".second .label"), title(call.second_intent ?? ""));
    find(".words").hidden = !call.words;
    set(find("blockquote"), call.words ?? "");
    find("blockquote").lang = call.language;
    table(find(".customer"), Object.entries(call.customer));
    table(find(".document"), Object.entries(call.document));
    // What the customer's record says as well is not said twice.
    const slots = Object.entries(call.slots).map(([name, slot]) => [name, slot.value]);
    table(find(".slots"), slots.filter(([name, value]) => call.customer[name] !== value));
    find(".steps").hidden = !call.steps;
    find(".markdown").replaceChildren(...markdown(call.steps ?? ""));
    find(".lines").setAttribute("aria-label", `${find(".talk h4").firstChild.textContent.trim()} – ${who(call)}`);
  };

  // ---- Markdown: headings, lists, paragraphs; bold, emphasis, code, links. Anything else stays as it is written.

  const INLINE = /\*\*([^*]+)\*\*|`([^`]+)`|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

  const make = (name, content) => {
    const element = document.createElement(name);
    element.append(...inline(content));
    return element;
  };

  const inline = (line) => {
    const nodes = [];
    let end = 0;
    for (const found of line.matchAll(INLINE)) {
      nodes.push(line.slice(end, found.index));
      end = found.index + found[0].length;
      const [, bold, code, soft, label, address] = found;
      const element = document.createElement(bold ? "strong" : code ? "code" : soft ? "em" : "a");
      element.textContent = bold ?? code ?? soft ?? label;
      if (address) {
        element.href = address;
        element.target = "_blank";
        element.rel = "noopener noreferrer";
      }
      nodes.push(element);
    }
    nodes.push(line.slice(end));
    return nodes;
  };

  function markdown(source) {
    const blocks = [];
    let open = null; // the list or paragraph that the next line may continue
    for (const line of source.split(/\r?\n/)) {
      const heading = /^#{1,6}\s+(.*)$/.exec(line);
      const item = /^\s*(?:([-*+])|\d+[.)])\s+(.*)$/.exec(line);
      if (!line.trim()) {
        open = null;
      } else if (heading) {
        open = null;
        blocks.push(make("h5", heading[1]));
      } else if (item) {
        const kind = item[1] ? "UL" : "OL";
        if (open?.tagName !== kind) {
          open = document.createElement(kind);
          blocks.push(open);
        }
        open.append(make("li", item[2]));
      } else if (open) {
        (open.lastElementChild?.tagName === "LI" ? open.lastElementChild : open).append(" ", ...inline(line.trim()));
      } else {
        open = make("p", line.trim());
        blocks.push(open);
      }
    }
    return blocks;
  }

  // ---- what is said

  const SPEAKERS = { caller: "byCaller", agent: "byAgent", bot: "byBot" };

  const putLine = (entry, line) => {
    const list = entry.element.querySelector(".lines");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    let element = entry.lines.get(line.id);
    if (!element) {
      element = document.createElement("li");
      const speaker = document.createElement("span");
      speaker.className = "speaker";
      speaker.textContent = text(SPEAKERS[line.channel] ?? "byOther");
      const said = document.createElement("span");
      said.className = "said";
      said.lang = entry.call.language;
      element.append(speaker, said);
      element.dataset.channel = line.channel;
      entry.lines.set(line.id, element);
      list.append(element);
    }
    element.classList.toggle("partial", !line.final);
    element.querySelector(".said").textContent = line.text;
    entry.element.querySelector(".silent").hidden = true;
    if (atEnd) list.scrollTop = list.scrollHeight;
  };

  const dropLine = (entry, id) => {
    entry.lines.get(id)?.remove();
    entry.lines.delete(id);
  };

  // ---- the picture

  const put = (call, isNews) => {
    let entry = calls.get(call.call);
    const isNew = !entry;
    if (isNew) {
      entry = { element: template.cloneNode(true), lines: new Map() };
      entry.element.dataset.call = call.call;
      calls.set(call.call, entry);
    }
    entry.call = call;
    fill(entry);
    const known = new Set(call.lines.map((line) => line.id));
    for (const id of [...entry.lines.keys()]) if (!known.has(id)) dropLine(entry, id);
    place(entry);
    call.lines.forEach((line) => putLine(entry, line));
    entry.element.querySelector(".silent").hidden = entry.lines.size > 0;
    tick();
    if (isNew && isNews) {
      document.getElementById("news").textContent = `${text("newCall")} : ${who(call)}, ${entry.element.querySelector(".intent .label").textContent}`;
      entry.element.querySelector(".card").classList.add("fresh");
    }
  };

  // The newest on top. An element that is in its place is not moved: it would lose its focus.
  const place = (entry) => {
    const list = entry.call.state === "current" ? lists.current : lists.waiting;
    const handed = Date.parse(entry.call.handed_over_at);
    const isBehind = (other) => other !== entry.element
      && Date.parse(calls.get(other.dataset.call).call.handed_over_at) < handed;
    const next = [...list.children].find(isBehind) ?? null;
    const after = entry.element.parentElement === list ? entry.element.nextElementSibling : undefined;
    if (after !== next) list.insertBefore(entry.element, next);
  };

  const drop = (id) => {
    calls.get(id)?.element.remove();
    calls.delete(id);
    tick();
  };

  const snapshot = (picture) => {
    const shown = new Set(picture.calls.map((call) => call.call));
    for (const id of [...calls.keys()]) if (!shown.has(id)) drop(id);
    [...picture.calls].reverse().forEach((call) => put(call, false));
  };

  // ---- time

  const span = (from, now) => {
    const seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000));
    const pad = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return { seconds, shown: hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}` };
  };

  const tick = () => {
    const now = Date.now() + ahead;
    for (const { call, element } of calls.values()) {
      const { seconds, shown } = span(call.since, now);
      const timer = element.querySelector(".timer time");
      timer.textContent = shown;
      timer.dateTime = `PT${seconds}S`;
      const urgency = call.state !== "waiting" ? "" : seconds >= LATE_S ? "late" : seconds >= SLOW_S ? "slow" : "";
      element.querySelector(".card").dataset.urgency = urgency;
      const began = Date.parse(call.handed_over_at) - call.on_line * 1000;
      element.querySelector(".on-line").textContent = span(new Date(began).toISOString(), now).shown;
    }
    const waiting = lists.waiting.children.length;
    document.getElementById("count-waiting").textContent = waiting;
    document.getElementById("count-current").textContent = lists.current.children.length;
    document.getElementById("clock").textContent = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" }).format(now);
    document.title = document.title.replace(/^(\(\d+\) )?/, waiting ? `(${waiting}) ` : "");
    const labels = new Set([...calls.values()].map(({ call }) => call.route_label || call.route));
    if (asked.length && labels.size === 1) document.getElementById("team").textContent = [...labels][0];
  };

  // ---- the connection

  const asked = new URLSearchParams(location.search).getAll("route").flatMap((list) => list.split(",")).filter(Boolean);
  if (asked.length) document.getElementById("team").textContent = asked.map(title).join(" · ");

  const state = (name) => {
    const shown = document.getElementById("connection");
    if (shown.dataset.state === name) return;
    shown.dataset.state = name;
    shown.textContent = shown.dataset[name];
  };

  const connect = () => {
    source?.close();
    const query = new URLSearchParams(asked.map((route) => ["route", route]));
    source = new EventSource(`/v1/desk/events?${query}`);
    heard = Date.now();
    const on = (name, act) => source.addEventListener(name, (event) => {
      heard = Date.now();
      state("live");
      act(JSON.parse(event.data));
    });
    const timed = (told) => { ahead = Date.parse(told.now) - Date.now(); };
    const known = (told, act) => { const entry = calls.get(told.call); if (entry) act(entry); };
    on("snapshot", (told) => { timed(told); snapshot(told); tick(); });
    on("beat", timed);
    on("call", (told) => put(told, true));
    on("call.gone", (told) => drop(told.call));
    on("line", (told) => known(told, (entry) => putLine(entry, told)));
    on("line.gone", (told) => known(told, (entry) => dropLine(entry, told.id)));
    source.addEventListener("error", () => {
      state("lost");
      // A browser comes back by itself unless it was refused: then nobody is signed in any more, or the service is full.
      if (source.readyState === EventSource.CLOSED) setTimeout(ask, AGAIN_MS);
    });
  };

  const ask = async () => {
    try {
      const answer = await fetch(location.href, { redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload();
    } catch {
      // The service is away; it is asked again by what follows.
    }
    connect();
  };

  setInterval(() => {
    tick();
    if (Date.now() - heard > SILENT_TOO_LONG_MS) {
      state("lost");
      connect();
    }
  }, 1000);
  tick();
  connect();
})();
