// The board's page: asks for the state every two seconds and draws what changed. Every text goes in as text, never as HTML.
"use strict";

const every = 2000;
const $ = (id) => document.getElementById(id);
let words = {};
let tag = "";
let chosen = "";
let failures = 0;

function say(name, fields = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (gap, key) => fields[key] ?? gap);
}

function made(kind, text = "", names = "") {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = names;
  return element;
}

function put(element, text) {
  if (element.textContent !== text) { element.textContent = text; }
}

// Draws a list by keys: what stays is left in place, so that a button keeps the focus.
function keyed(list, items, key, draw) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstChild;
  for (const item of items) {
    const name = key(item);
    const drawn = JSON.stringify(item);
    let child = old.get(name);
    old.delete(name);
    if (!child) {
      child = draw(item, null);
    } else if (child.dataset.drawn !== drawn) {
      draw(item, child);
    }
    child.dataset.key = name;
    child.dataset.drawn = drawn;
    if (child === place) { place = place.nextSibling; } else { list.insertBefore(child, place); }
  }
  old.forEach((child) => child.remove());
}

async function send(what, body, button) {
  button.disabled = true;
  try {
    const answer = await fetch(what, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Board": "1" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) { throw new Error(answer.status); }
    tag = "";
    await look();
  } catch {
    put($("connection"), say("failed"));
    button.disabled = false;
  }
}

function drawNeed(need, old) {
  const item = old ?? made("li");
  item.dataset.reason = need.reason;
  if (!old) {
    const first = made("p");
    first.append(made("span", "", "who"), made("span", "", "why"));
    const actions = made("div", "", "actions");
    const seen = made("button");
    const offer = made("button");
    seen.type = offer.type = "button";
    seen.addEventListener("click", () => { send("seen", { learner: item.need.learner, key: item.need.key }, seen); });
    offer.addEventListener("click", () => { send("offer", { learner: item.need.learner, lesson: item.need.lesson }, offer); });
    actions.append(seen, offer);
    item.append(first, made("p", "", "where"), made("p", "", "what"), actions);
  }
  item.need = need;
  put(item.querySelector(".who"), need.label);
  put(item.querySelector(".why"), `${say(`why_${need.reason}`)} · ${say("minutes", { minutes: need.minutes })}`);
  const more = [
    need.exercise && `${need.exercise}${need.title ? ` ${need.title}` : ""}`,
    need.tries && say("tried", { tries: need.tries }),
    need.hints && say("hints", { hints: need.hints }),
    need.solution && say("solution"),
  ];
  put(item.querySelector(".where"), more.filter(Boolean).join(" · "));
  put(item.querySelector(".what"), need.belief ? say("believes", { belief: need.belief }) : "");
  const [seen, offer] = item.querySelectorAll("button");
  const offered = need.offered.includes(need.lesson);
  put(seen, say("seen"));
  seen.setAttribute("aria-label", `${say("seen")}: ${need.label}`);
  seen.disabled = false;
  offer.hidden = !need.lesson;
  put(offer, say(offered ? "offered" : "offer", { lesson: need.lesson }));
  offer.setAttribute("aria-label", `${offer.textContent}: ${need.label}`);
  offer.disabled = offered;
  return item;
}

function drawBelief(belief, old) {
  const item = old ?? made("li");
  const number = made("span", String(belief.learners), "number");
  number.setAttribute("aria-hidden", "true");
  const text = made("div");
  const holders = say(belief.learners === 1 ? "holder" : "holders", { number: belief.learners });
  text.append(made("p", belief.belief), made("p", `${holders} · ${belief.exercises.join(", ")}`, "soft"));
  if (belief.question) { text.append(made("p", belief.question, "question")); }
  item.replaceChildren(number, text);
  return item;
}

// How much of a column is done, as a picture: the numbers are beside it.
function bar(share) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "bar");
  picture.setAttribute("viewBox", "0 0 100 6");
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  for (const width of [100, Math.round(100 * share)]) {
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    box.setAttribute("width", width);
    box.setAttribute("height", 6);
    picture.append(box);
  }
  return picture;
}

function drawHead(state) {
  const row = made("tr");
  const corner = made("th", document.body.classList.contains("projector") ? say("everybody") : say("learner"));
  corner.scope = "col";
  row.append(corner);
  for (const column of state.columns) {
    const cell = made("th");
    cell.scope = "col";
    cell.title = column.title;
    const count = made("span", column.tried ? say("done_of", { done: column.done, tried: column.tried }) : "–", "count");
    cell.append(column.short, count, bar(column.tried ? column.done / column.tried : 0));
    row.append(cell);
  }
  $("head").replaceChildren(row);
}

const signs = { done: "✓", compared: "≠", open: "✗", help: "" };

function drawRow(row, old) {
  const line = old ?? made("tr");
  const name = made("th", row.label);
  name.scope = "row";
  const tags = [
    row.hand && say("why_hand"), row.left && say("left"), !row.here && !row.left && say("away"),
    row.lesson && say("in_lesson", { lesson: row.lesson }), row.offered.length && say("offered", { lesson: row.offered.join(", ") }),
  ];
  name.append(made("span", tags.filter(Boolean).join(" · "), "tag"));
  const cells = state.columns.map((column) => {
    const cell = row.cells[column.id];
    if (!cell) { return made("td", ""); }
    const tries = cell.state === "open" || cell.tries > 1 ? String(cell.tries) : "";
    const help = `${cell.hints ? ` h${cell.hints}` : ""}${cell.solution ? " s" : ""}`;
    const drawn = made("td", "", cell.state);
    const sign = made("span", `${signs[cell.state]}${tries}${help}`.trim());
    sign.setAttribute("aria-hidden", "true");
    const told = [say(`cell_${cell.state}`), cell.tries && say("tried", { tries: cell.tries }),
      cell.hints && say("hints", { hints: cell.hints }), cell.solution && say("solution")];
    const spoken = told.filter(Boolean).join(", ");
    drawn.append(sign, made("span", spoken, "spoken"));
    drawn.title = `${column.id}: ${spoken}`;
    return drawn;
  });
  line.replaceChildren(name, ...cells);
  return line;
}

let state = null;

function draw() {
  put($("count"), state.learners ? say("count", { learners: state.learners, here: state.here })
    : state.joined ? say("joined", { joined: state.joined }) : say("nobody"));
  const group = $("group");
  if (group.options.length !== Object.keys(state.groups).length) {
    group.replaceChildren(...Object.entries(state.groups).map(([id, title]) => new Option(title, id)));
  }
  group.value = state.group;
  keyed($("belief-list"), state.beliefs, (each) => each.id, drawBelief);
  if (!state.beliefs.length) { $("belief-list").replaceChildren(made("li", say("no_beliefs"), "soft")); }
  drawHead(state);
  if (!state.rows) {
    $("need-list").replaceChildren();
    $("rows").replaceChildren();
    return;
  }
  put($("waiting"), !state.waiting ? say("none_waiting")
    : state.waiting > state.needs.length ? say("more", { shown: state.needs.length, waiting: state.waiting })
      : say("waiting", { waiting: state.waiting }));
  keyed($("need-list"), state.needs, (each) => `${each.learner} ${each.key}`, drawNeed);
  const columns = state.columns.map((each) => each.id).join();
  keyed($("rows"), state.rows, (each) => `${each.id} ${columns}`, drawRow);
  put($("matching"), state.rows.length < state.matching ? say("matching", { shown: state.rows.length, all: state.matching })
    : state.rows.length ? "" : say("no_rows"));
}

async function look() {
  const projector = document.body.classList.contains("projector");
  const query = new URLSearchParams({
    group: chosen, rows: projector ? "0" : "1", name: $("name").value, minutes: $("minutes").value || "6",
  });
  const answer = await fetch(`state?${query}`, { headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status === 403) { location.reload(); return; }
  if (answer.status === 200) {
    tag = answer.headers.get("ETag") ?? "";
    state = await answer.json();
    draw();
  } else if (answer.status !== 304) {
    throw new Error(answer.status);
  }
}

async function beat() {
  try {
    if (!document.hidden) { await look(); }
    failures = 0;
  } catch {
    failures += 1;
  }
  const lost = failures > 1;
  $("connection").classList.toggle("lost", lost);
  put($("connection"), lost ? say("lost") : state ? say("connected") : "");
  setTimeout(beat, every);
}

function again() {
  tag = "";
  look().catch(() => {});
}

$("group").addEventListener("change", (event) => { chosen = event.target.value; again(); });
$("name").addEventListener("input", again);
$("minutes").addEventListener("change", again);
$("projector").addEventListener("click", () => {
  const on = document.body.classList.toggle("projector");
  $("projector").setAttribute("aria-pressed", String(on));
  again();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) { again(); } });

fetch("words").then((answer) => answer.json()).then((found) => { words = found; beat(); });
