// Paint weights on cells of a picture, on features of a list, or on tokens of a strip.
// Paint is drawn at once and sent when the pointer goes up. Every edit has a number and is sent again with the next
// ones until the page says it was handled, since a message may be overtaken by the one after it; and what the page
// answers to older edits than the last is not drawn: a quick second stroke is never lost.
// Where the page draws only the answer to a stroke at once, it is told when the hand rests, and draws what is left then.

const states = new WeakMap();
const QUIET = 250; // milliseconds without a stroke after the answer: the hand rests
const text = (weight) => (weight === 0 ? "ignored" : weight === 1 ? "kept" : `weight ${+weight.toFixed(2)}`);

export default function ({ parentElement: root, data, setTriggerValue }) {
  let s = states.get(root);
  if (!s) {
    s = { sent: 0, waiting: [], at: 0, brush: 0, size: 1, painting: null, weights: [], settled: 0, timer: 0 };
    states.set(root, s);
    wire(root, s);
  }
  s.data = data;
  s.waiting = s.waiting.filter((edit) => edit.number > data.handled);
  s.send = (edit) => {
    s.sent = Math.max(s.sent, data.handled) + 1;
    s.waiting.push({ number: s.sent, ...edit });
    setTriggerValue("edits", s.waiting.slice());
  };
  s.rest = (number) => { s.settled = number; setTriggerValue("settled", number); };
  if (s.signature !== data.signature) build(root, s);
  if (data.handled >= s.sent && !s.painting) {
    s.weights = data.weights.slice();
    s.sent = data.handled;
    draw(root, s);
    settle(s);
  }
  for (const button of root.querySelectorAll("[data-do]")) {
    if (button.dataset.do === "undo") button.disabled = !data.canUndo;
    if (button.dataset.do === "redo") button.disabled = !data.canRedo;
  }
}

// Tell the page, once no stroke has come for a while, that all edits are answered.
function settle(s) {
  clearTimeout(s.timer);
  const { settles, handled } = s.data;
  if (settles && handled > s.settled && !s.painting) s.timer = setTimeout(() => s.rest(handled), QUIET);
}

function build(root, s) {
  const { data } = s;
  s.signature = data.signature;
  s.sent = data.handled;
  s.settled = data.handled;
  s.waiting = [];
  s.at = 0;
  s.painting = null;
  const stage = root.querySelector(".stage");
  const cells = root.querySelector(".cells");
  const image = root.querySelector("img");
  root.querySelector(".editor").className = `editor ${data.layout}`;
  if (data.image) { image.src = data.image; image.alt = data.alt; } else image.removeAttribute("src");
  cells.setAttribute("role", data.layout === "grid" ? "grid" : "group");
  if (data.layout === "grid") cells.setAttribute("aria-multiselectable", "true");
  else cells.removeAttribute("aria-multiselectable");
  cells.setAttribute("aria-label", data.label);
  cells.style.gridTemplate = data.layout === "grid" ? `repeat(${data.rows}, 1fr) / repeat(${data.columns}, 1fr)` : "";
  const made = data.names.map((name, k) => {
    const cell = document.createElement("div");
    cell.className = "cell";
    cell.dataset.k = k;
    cell.setAttribute("role", data.layout === "grid" ? "gridcell" : "checkbox");
    if (data.layout !== "grid") {
      const label = document.createElement("span");
      label.className = "name";
      label.textContent = name;
      const weight = document.createElement("span");
      weight.className = "weight";
      weight.setAttribute("aria-hidden", "true");
      const note = document.createElement("span");
      note.className = "note";
      note.textContent = data.notes[k] ?? "";
      cell.append(label, weight, note);
    }
    return cell;
  });
  if (data.layout === "grid") {
    cells.replaceChildren(...Array.from({ length: data.rows }, (_, r) => {
      const row = document.createElement("div");
      row.setAttribute("role", "row");
      row.style.display = "contents";
      row.append(...made.slice(r * data.columns, (r + 1) * data.columns));
      return row;
    }));
  } else cells.replaceChildren(...made);
  s.cells = made;
  s.brush = 0;
  const choices = data.binary ? [0, 1] : [0, 0.5, 1, 2];
  root.querySelector(".weights").replaceChildren(...choices.map((weight) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.dataset.weight = weight;
    button.textContent = weight === 0 ? "Ignore" : weight === 1 ? "Keep" : `× ${weight}`;
    button.onclick = () => { s.brush = weight; draw(root, s); };
    return button;
  }));
  root.querySelector(".brush").hidden = data.layout !== "grid";
  stage.hidden = false;
}

function draw(root, s) {
  const { data } = s;
  s.cells.forEach((cell, k) => {
    const weight = s.weights[k];
    cell.dataset.kept = weight > 0 ? "yes" : "no";
    cell.dataset.strong = weight > 1 ? "yes" : "no";
    if (data.layout === "grid" && weight > 0) {
      // A weak cell is veiled: the map the model starts from is seen before anything is painted.
      cell.style.backgroundColor = `rgba(10, 14, 24, ${(0.55 * (1 - Math.min(weight, 1))).toFixed(3)})`;
    } else cell.style.backgroundColor = "";
    cell.tabIndex = k === s.at ? 0 : -1;
    cell.setAttribute(data.layout === "grid" ? "aria-selected" : "aria-checked", String(weight > 0));
    const note = data.layout === "grid" ? "" : (data.notes[k] ?? "");
    cell.setAttribute("aria-label", `${data.names[k]}, ${note ? `${note}, ` : ""}${text(weight)}`);
    if (data.layout !== "grid") cell.querySelector(".weight").textContent = weight === 1 || weight === 0 ? "" : `× ${+weight.toFixed(2)}`;
    cell.title = `${data.names[k]}: ${text(weight)}`;
  });
  for (const button of root.querySelectorAll("[data-weight]")) {
    const chosen = Number(button.dataset.weight) === s.brush;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
}

function say(root, message) {
  root.querySelector(".status").textContent = message;
}

function summary(s) {
  return `${s.weights.filter((w) => w > 0).length} of ${s.weights.length} ${s.data.plural} kept`;
}

// What one click paints: the brush, or its opposite where the cell has that weight already.
function paintFor(s, k) {
  if (s.weights[k] !== s.brush) return s.brush;
  return s.brush === 0 ? 1 : 0;
}

function put(root, s, k, weight) {
  const { rows, columns, layout } = s.data;
  const reach = layout === "grid" && s.size === 3 ? 1 : 0;
  if (!reach) s.weights[k] = weight;
  else {
    const r0 = Math.floor(k / columns), c0 = k % columns;
    for (let r = Math.max(0, r0 - 1); r <= Math.min(rows - 1, r0 + 1); r++)
      for (let c = Math.max(0, c0 - 1); c <= Math.min(columns - 1, c0 + 1); c++) s.weights[r * columns + c] = weight;
  }
  draw(root, s);
}

function finish(root, s, what) {
  if (!s.weights.some((w) => w > 0)) {
    say(root, `Nothing is kept: paint the ${s.data.plural} to keep. Until then the answer stays as it was.`);
    settle(s);
    return;
  }
  say(root, `${what}. ${summary(s)}.`);
  s.send({ weights: s.weights.slice() });
}

function act(root, s, name) {
  if (name === "undo" || name === "redo") {
    // Whether there is something to undo is known there; here a quick hand may be ahead of the last answer.
    s.send({ command: name });
    return;
  }
  if (name === "reset") { s.send({ command: "reset" }); say(root, "Reset to where editing started."); return; }
  if (name === "invert") s.weights = s.weights.map((w) => (w > 0 ? 0 : 1));
  if (name === "all") s.weights = s.weights.map(() => 1);
  if (name === "clear") { s.weights = s.weights.map(() => 0); s.brush = 1; }
  draw(root, s);
  finish(root, s, { invert: "Inverted", all: "All kept", clear: "Cleared" }[name]);
}

function wire(root, s) {
  const cells = root.querySelector(".cells");
  const at = (event) => {
    if (s.data.layout !== "grid") {
      // While the pointer is captured, the event's target is no longer what lies under it.
      const under = cells.getRootNode().elementFromPoint(event.clientX, event.clientY);
      const cell = under?.closest?.(".cell");
      return cell ? Number(cell.dataset.k) : -1;
    }
    const box = cells.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * s.data.rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * s.data.columns);
    const inside = row >= 0 && column >= 0 && row < s.data.rows && column < s.data.columns;
    return inside ? row * s.data.columns + column : -1;
  };
  cells.onpointerdown = (event) => {
    const k = at(event);
    if (k < 0 || event.button > 0) return;
    event.preventDefault();
    clearTimeout(s.timer);
    const drags = s.data.layout === "grid" || event.pointerType !== "touch"; // a finger scrolls lists and strips
    s.painting = { weight: paintFor(s, k), before: s.weights.slice(), last: k, drags };
    s.at = k;
    if (drags) cells.setPointerCapture(event.pointerId);
    put(root, s, k, s.painting.weight);
  };
  cells.onpointermove = (event) => {
    if (!s.painting?.drags) return;
    // Fast strokes skip cells: events the browser has joined are taken apart again.
    for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const k = at(one);
      if (k >= 0 && k !== s.painting.last) { s.painting.last = k; put(root, s, k, s.painting.weight); }
    }
  };
  cells.onpointerup = () => {
    if (!s.painting) return;
    const { weight, last, before } = s.painting;
    s.painting = null;
    s.at = last;
    s.cells[last].focus({ preventScroll: true });
    draw(root, s);
    const changed = s.weights.filter((w, k) => w !== before[k]).length;
    finish(root, s, changed > 1 ? `${changed} ${s.data.plural} ${text(weight)}` : `${s.data.names[last]} ${text(weight)}`);
  };
  const cancel = () => {
    if (!s.painting) return;
    s.weights = s.painting.before;
    s.painting = null;
    draw(root, s);
    settle(s);
    say(root, "Stroke cancelled.");
  };
  cells.onpointercancel = cancel;
  cells.addEventListener("focusin", (event) => {
    const cell = event.target.closest(".cell");
    if (cell) { s.cells[s.at].tabIndex = -1; s.at = Number(cell.dataset.k); cell.tabIndex = 0; }
  });
  // Where a key leads from the present cell; undefined for other keys.
  const target = (key) => {
    const { layout, columns } = s.data, last = s.cells.length - 1;
    if (key === "Home") return layout === "grid" ? s.at - (s.at % columns) : 0;
    if (key === "End") return layout === "grid" ? s.at - (s.at % columns) + columns - 1 : last;
    const back = key === "ArrowLeft" || key === "ArrowUp", across = key === "ArrowLeft" || key === "ArrowRight";
    if (!back && key !== "ArrowRight" && key !== "ArrowDown") return undefined;
    const sign = back ? -1 : 1;
    if (layout === "grid") {
      const next = s.at + sign * (across ? 1 : columns);
      return across && Math.floor(next / columns) !== Math.floor(s.at / columns) ? s.at : next;
    }
    if (layout === "list" || across) return s.at + sign;
    // A strip wraps: up and down go to the nearest unit of the next line.
    const box = s.cells[s.at].getBoundingClientRect(), middle = box.left + box.width / 2;
    let best = s.at, line = null, off = Infinity;
    for (let k = s.at + sign; k >= 0 && k <= last; k += sign) {
      const here = s.cells[k].getBoundingClientRect();
      if (Math.abs(here.top - box.top) < 2) continue;
      if (line === null) line = here.top;
      if (Math.abs(here.top - line) > 2) break;
      const distance = Math.abs(here.left + here.width / 2 - middle);
      if (distance < off) { off = distance; best = k; }
    }
    return best;
  };
  cells.onkeydown = (event) => {
    if (event.key === "Escape") { cancel(); return; }
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      const weight = paintFor(s, s.at);
      put(root, s, s.at, weight);
      finish(root, s, `${s.data.names[s.at]} ${text(weight)}`);
      return;
    }
    const next = event.ctrlKey || event.metaKey ? undefined : target(event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (next >= 0 && next < s.cells.length) s.cells[next].focus();
  };
  root.querySelector(".editor").addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    act(root, s, key === "y" || event.shiftKey ? "redo" : "undo");
  });
  root.querySelector(".weights").onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...root.querySelectorAll("[data-weight]")];
    const now = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
    const next = buttons[(now + step + buttons.length) % buttons.length];
    next.onclick();
    next.focus();
  };
  root.querySelector(".brush select").onchange = (event) => { s.size = Number(event.target.value); };
  for (const button of root.querySelectorAll("[data-do]")) button.onclick = () => act(root, s, button.dataset.do);
}
