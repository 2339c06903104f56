// The page: it joins the list, the slider, the details and the keys.

import { get, graphql, Refused } from "./api.js";
import { Details, save } from "./details.js";
import { element, find, visible } from "./dom.js";
import { days } from "./dates.js";
import { Fields } from "./fields.js";
import { History } from "./history.js";
import { Live } from "./live.js";
import { arrange, progress } from "./order.js";
import { Rows } from "./rows.js";
import { momentInWords, Timeline } from "./timeline.js";
import * as words from "./words.js";

const ANSWER = "{ position commits commit { command } }";
const PLAY_SECONDS = 20; // how long the whole history is played
const NEW = "+new"; // no list can be called so
const MOST_LOADED = 300_000; // how many events are loaded without being asked for; the slider loads more at its left end
const TOAST_MS = 7_000;
const HOVER_MS = 120;
const CONNECTING_MS = 5_000; // how long a change waits for the connection
const SETTLE_MS = 120; // after the last movement, what takes longer is computed

let fields;
let history = null;
let view = "board";
let query = ""; // what is searched for
let wanted = null; // the numbers that the query wants at `wantedAt`; null without a query
let wantedAt = null;
let live = "connecting"; // connecting, live, lost or failed
let scheduled = false;
let settling = null;
let playing = null;
const own = new Set(); // the ids of commands of this page
const waiting = []; // changes that were made while the page connects

const rows = new Rows({ toggle, open: (slot, editing) => openDetails(slot, editing) });
const timeline = new Timeline({ move: moveByHand });
const details = new Details({ toggle, remove, goTo, save: saveDetails, closed: () => rows.grid.focus() });
const follower = new Live({ news: sync, up: connected, down: lost, failed });

// What is shown

function context() {
  return { history, now: history.time, progress: progress(history), editable: history.atNow && live === "live", label };
}

function label(id) {
  const slot = history.slots.get(id);
  return slot === undefined ? id : String(history.numbers[slot]);
}

function render() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    if (history) draw();
  });
}

function draw() {
  const arranged = arrange(history, view, wanted);
  rows.show(arranged, context());
  timeline.draw();
  put("moment", history.atNow ? "now" : momentInWords(history));
  find("past").hidden = history.atNow;
  put("past-text", "The list as it was."); // and more once nothing moves
  document.body.classList.toggle("in-the-past", !history.atNow);
  const { count } = arranged;
  find("empty").hidden = count > 0;
  put("empty", emptyText());
  const searching = wanted !== null && wantedAt !== history.momentPosition ? ", searching …" : "";
  put("count", `${count.toLocaleString("en")} ${count === 1 ? "todo" : "todos"}${searching}`);
  clearTimeout(settling);
  settling = setTimeout(settled, SETTLE_MS);
}

// A text that stays the same is not put there again, because that costs a layout.
function put(id, text) {
  const place = find(id);
  if (place.textContent !== text) place.textContent = text;
}

function emptyText() {
  if (wanted !== null) return "No todo matches.";
  if (view === "all") return history.atNow ? "There are no todos." : "There were no todos.";
  return history.atNow ? "No todo is open." : "No todo was open.";
}

// What takes longer than a frame, once nothing moves any more.
function settled() {
  rows.settle();
  details.update(context());
  if (!history.atNow) {
    const { states, now } = history;
    let differ = 0;
    for (let slot = 0; slot < states.length; slot++) {
      if (states[slot] !== now[slot] && history.fields.differing(states[slot], now[slot]).length) differ++;
    }
    put("past-text",
      `The list as it was: ${momentInWords(history)}. ${differ.toLocaleString("en")} ${differ === 1 ? "todo differs" : "todos differ"} from now.`);
  }
  if (query && wantedAt !== history.momentPosition) search();
  if (!playing) rememberMoment();
}

function setLive(state, text) {
  live = state;
  document.body.dataset.live = state;
  find("live").textContent = text;
  if (state !== "connecting") for (const goOn of waiting.splice(0)) goOn();
  if (history) render();
}

// Returns whether the list that is shown can be changed. While the page connects, it waits for the outcome.
async function canChange() {
  const shown = history;
  if (live === "connecting") {
    await new Promise((goOn) => {
      waiting.push(goOn);
      setTimeout(goOn, CONNECTING_MS);
    });
  }
  if (history !== shown) toast("Another list is shown now: nothing was changed.", false);
  else if (!history.atNow) toast("The past cannot be changed. Go back to now first.", false);
  else if (live !== "live") toast("Not connected: nothing was changed.", false);
  else return true;
  return false;
}

// Banners, which stay until they no longer hold

const banners = new Map();

function banner(name, text, ...actions) {
  banners.get(name)?.remove();
  banners.delete(name);
  if (text === null) return;
  const made = element("div", { class: `notice ${name}` }, element("p", {}, text),
    ...actions.map(([action, run]) => element("button", { type: "button", onclick: run }, action)));
  banners.set(name, made);
  find("alert").append(made);
}

function refused(error) {
  if (!(error instanceof Refused) && error.code === undefined) throw error;
  if (error.code === "NO_TOKEN") {
    follower.stop();
    setLive("failed", "not allowed");
    banner("lost", `${error.message} ${error.hint} What you see may be old.`);
    return;
  }
  banner("refused", `${error.message}${error.hint ? ` (${error.hint})` : ""}`, ["Dismiss", () => banner("refused", null)]);
}

function announce(text) {
  find("said").textContent = visible(text);
}

let toastTimer;
function toast(text, undoes) {
  find("toast-text").textContent = visible(text);
  find("toast-undo").hidden = !undoes;
  find("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { find("toast").hidden = true; }, TOAST_MS);
}

// Loading

let loads = 0;

// Shows a list, unless another one is chosen meanwhile. Returns whether it is shown.
async function load(name, { keepMoment = false } = {}) {
  const number = ++loads;
  follower.stop();
  setLive("connecting", "connecting");
  const at = keepMoment && history && !history.atNow ? history.momentPosition : null;
  banner("list", null);
  let state;
  try {
    state = await get("/state", { list: name });
  } catch (error) {
    if (number !== loads) return false;
    if (error.code === "UNREACHABLE") {
      setLive("lost", "not connected");
      banner("lost", "The server cannot be reached. Trying again …");
      setTimeout(() => { if (number === loads) load(name, { keepMoment }); }, 2_000);
      return false;
    }
    await cannotRead(name, error);
    return false;
  }
  if (number !== loads) return false;
  details.close();
  history = new History(fields, state);
  wanted = wantedAt = null;
  showLists(state.lists, state.list);
  document.title = `${visible(state.list)} – todo`;
  banner("damage", state.damage === null ? null
    : `This list is damaged: ${state.damage}. What comes before the damage is shown. Nothing can be changed until it is repaired: todo verify --repair.`);
  timeline.update(history);
  follower.follow(state.list, () => history.position);
  draw();
  settled();
  if (query) search();
  loadOlder(history, at);
  return true;
}

async function cannotRead(name, error) {
  if (error.code === "NO_TOKEN") {
    refused(error);
    return;
  }
  setLive("failed", "not current");
  const number = loads;
  const archived = await graphql("{ lists { name } archivedLists }").catch(() => null);
  if (number !== loads) return;
  const names = archived?.lists.map((list) => list.name) ?? [];
  showLists(names, null);
  const also = archived?.archivedLists.includes(name) ? " It is archived now." : "";
  banner("list", `${error.message}.${also} ${history ? "What you see is old." : ""} ${error.code === "NOT_FOUND" ? "It may have another name now: choose a list above." : error.hint ?? ""}`,
    ["Try again", () => load(name)]);
}

function showLists(names, chosen) {
  const all = chosen === null || names.includes(chosen) ? names : [chosen, ...names];
  const select = find("list");
  select.replaceChildren(...(chosen === null ? [element("option", { value: "" }, "– choose a list –")] : []),
    ...all.map((name) => element("option", { value: name }, name)), element("option", { value: NEW }, "New list …"));
  select.value = chosen ?? "";
}

async function makeList() {
  const name = find("new-list-name").value.trim();
  const made = find("new-list").returnValue === "make" && name !== "";
  find("list").value = history?.list ?? "";
  if (!made) return;
  banner("refused", null);
  try {
    const { newList } = await graphql("mutation($name: String!) { newList(name: $name) }", { name });
    if (await load(newList)) rememberMoment();
  } catch (error) {
    refused(error);
  }
}

// Loads the whole history in the background, the newest first, and goes to a position once it is there.
async function loadOlder(loaded, at) {
  try {
    let more = !loaded.complete;
    while (more && history === loaded && (at !== null || loaded.eventCount < MOST_LOADED)) {
      more = await loaded.older();
      if (history !== loaded) return;
      timeline.update(loaded);
      if (at !== null && (loaded.complete || loaded.reached < at)) {
        jump(loaded.placeOf(at));
        at = null;
      }
    }
    document.body.dataset.history = loaded.complete ? "complete" : "enough";
    if (at !== null) jump(loaded.placeOf(at));
    render();
  } catch (error) {
    if (history !== loaded) return;
    if (error.code === "UNREACHABLE") setTimeout(() => loadOlder(loaded, at), 2_000);
    else if (error.code === "CONFLICT") failed(error);
    else banner("history", `The past cannot be shown: ${error.message}`);
  }
}

let syncing = null;

// Loads what was recorded since, and says what others recorded.
function sync() {
  syncing ??= (async () => {
    const loaded = history;
    try {
      await Promise.resolve(); // so that several reasons to look become one
      syncing = null;
      const commits = await loaded.newer();
      if (history !== loaded) return;
      if (commits.length) {
        timeline.update(loaded);
        const others = commits.filter((commit) => !own.has(commit.command));
        if (others.length) announceCommits(others);
        if (query && loaded.atNow) search();
        render();
      }
      if (live === "connecting") {
        follower.isCurrent();
        banner("lost", null);
        setLive("live", "live");
      }
    } catch (error) {
      if (history !== loaded) return;
      if (["CONFLICT", "NOT_FOUND", "DAMAGED_LOG"].includes(error.code)) failed(error);
      else if (error.code === "NO_TOKEN" || error.code === undefined) refused(error);
      else follower.lost(); // something may be missing, so the page is not live
    }
  })();
  return syncing;
}

function announceCommits(commits) {
  if (commits.length > 3) {
    announce(`Others made ${commits.length} changes`);
    return;
  }
  const parts = commits.flatMap((commit) => commit.events.slice(0, 3).filter((event) => event.slot >= 0).map((event) =>
    `${commit.by}: ${history.numbers[event.slot]} ${event.after?.text ?? ""}: ${words.change(event, fields, label)}`));
  announce(parts.join("; "));
}

// The connection

function connected() {
  setLive("connecting", "connecting");
  sync(); // it is live once nothing is missing
}

async function lost(seconds) {
  setLive("lost", "not connected");
  banner("lost", `Not connected to the server: what you see may be old, and cannot be changed. Trying again in ${Math.ceil(seconds)} s.`,
    ["Try now", () => follower.retry()]);
  try {
    await get("/fields"); // it says whether the server was started again
  } catch (error) {
    if (error.code === "NO_TOKEN") refused(error);
  }
}

// The list cannot be followed any further: it was renamed, archived, replaced, rewritten or damaged.
async function failed(error) {
  follower.stop();
  setLive("failed", "not current");
  if (error.code === "NOT_FOUND") await cannotRead(history.list, error);
  else if (error.code === "DAMAGED_LOG") {
    banner("list", `This list is damaged: ${error.message}. What you see is old.`, ["Show what can be read", () => load(history.list)]);
  } else {
    banner("list", `${error.message.replace(/\.$/, "")}. What you see is old.`, ["Load the list anew", () => load(history.list, { keepMoment: true })]);
  }
}

// The moment

function moveByHand(place, time) {
  pause();
  jump(place);
  if (history.place === 0 && !history.complete) { // go on as soon as more is loaded
    history.older().then(() => {
      timeline.update(history);
      if (time !== undefined) jump(history.placeAt(time));
    }).catch(() => {});
  }
}

function jump(place) {
  history.move(place);
  render();
}

function goTo(position) {
  pause();
  jump(history.placeOf(position));
}

function toNow() {
  pause();
  history.move(history.commits.length);
  draw();
  rememberMoment();
}

function play(direction) {
  if (playing?.direction === direction) {
    pause();
    return;
  }
  pause();
  if (direction > 0 && history.atNow) history.move(0);
  const rate = Math.max(2, history.commits.length / PLAY_SECONDS); // commits in a second
  playing = { direction, rate, since: performance.now(), from: history.place };
  showPlaying();
  requestAnimationFrame(tick);
}

function tick(time) {
  if (!playing) return;
  const steps = Math.floor(((time - playing.since) / 1000) * playing.rate);
  const place = playing.from + playing.direction * Math.max(0, steps);
  if (place !== history.place) jump(place);
  if (playing.direction > 0 ? place >= history.commits.length : place <= 0) {
    pause();
    render();
  } else requestAnimationFrame(tick);
}

function pause() {
  playing = null;
  showPlaying();
}

function showPlaying() {
  for (const [id, direction] of [["play", 1], ["play-back", -1]]) {
    const on = playing?.direction === direction;
    find(id).setAttribute("aria-pressed", on);
    find(id).textContent = on ? "❚❚" : direction > 0 ? "▶" : "◀";
  }
}

// The part of the address after # names the list and the moment.
function rememberMoment() {
  const values = new URLSearchParams();
  if (history.list !== find("list").dataset.default) values.set("list", history.list);
  if (!history.atNow) values.set("at", `@${history.momentPosition}`);
  const hash = String(values).replaceAll("%40", "@");
  if (location.hash.slice(1) !== hash) window.history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
}

// Returns the position that `#at=` names, or the beginning and the end of the time: @12, 2026-11-28, or 2026-11-28T14:03.
function readMoment(text) {
  const position = /^@(\d{1,15})$/.exec(text);
  if (position) return { position: Number(position[1]) };
  const parts = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (!parts || Number.isNaN(Date.parse(text))) return null; // of other texts Date.parse makes any time
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null; // 30 February would become 2 March
  const [, time, seconds, fraction] = parts;
  if (!time) return { start: days.start(text), end: days.end(text) };
  const start = Date.parse(text);
  return { start, end: start + (fraction ? 0 : seconds ? 999 : 59_999) };
}

async function followAddress(address = location.href) {
  const values = new URLSearchParams(new URL(address).hash.slice(1));
  const name = values.get("list") || find("list").dataset.default;
  if (history?.list !== name && !await load(name)) return;
  const text = values.get("at");
  banner("address", null);
  if (text === null) {
    if (!history.atNow) toNow();
    return;
  }
  const moment = readMoment(text);
  if (moment === null) {
    banner("address", `The address names no moment: ${text}. Write #at=@12, #at=2026-11-28 or #at=2026-11-28T14:03.`, ["Dismiss", () => banner("address", null)]);
    return;
  }
  const loaded = history;
  if (moment.position > loaded.position || moment.start > Date.now()) {
    const why = moment.position ? `The list ends at @${loaded.position}, and ${text} is not recorded yet` : `${text} is in the future`;
    banner("address", `${why}. You see the list as it is now.`, ["Dismiss", () => banner("address", null)]);
    toNow();
    return;
  }
  const known = () => loaded.complete || (moment.position !== undefined ? loaded.reached < moment.position : (loaded.commits[0]?.time ?? Infinity) <= moment.end);
  while (!known()) await loaded.older();
  if (history !== loaded) return;
  timeline.update(loaded);
  jump(moment.position !== undefined ? loaded.placeOf(moment.position) : loaded.placeAt(moment.end));
}

// Searching

let searched = 0;

async function search() {
  const text = query;
  const loaded = history;
  if (!text) {
    wanted = wantedAt = null;
    banner("query", null);
    render();
    return;
  }
  const number = ++searched;
  const at = history.atNow ? null : history.momentPosition;
  try {
    const found = await get("/matching", { list: history.list, query: text, at });
    if (number !== searched || loaded !== history || text !== query) return;
    wanted = new Set(found.numbers);
    wantedAt = at ?? found.position;
    banner("query", null);
    render();
  } catch (error) {
    if (number !== searched) return;
    if (error.code !== "INVALID") {
      refused(error);
      return;
    }
    wanted = null; // the todos of the search before would look like the answer
    wantedAt = history.momentPosition;
    banner("query", `${error.message}${error.hint ? ` (${error.hint})` : ""}. All todos are shown.`);
    render();
  }
}

// Changing

async function change(document, variables, words_, undoes = true) {
  if (!await canChange()) return null;
  banner("refused", null);
  try {
    const [answer] = Object.values(await graphql(document, { list: history.list, ...variables }));
    if (answer.commit) own.add(answer.commit.command);
    if (history.log === "null") await load(history.list); // the list was made by this
    else await sync();
    if (words_) toast(answer.commits ? words_ : "Nothing was changed.", undoes && answer.commits > 0);
    if (words_) announce(words_);
    return answer;
  } catch (error) {
    refused(error);
    await sync();
    return null;
  }
}

function named(slot) {
  const { text } = history.now[slot];
  return `${history.numbers[slot]} ${text.length > 40 ? `${text.slice(0, 39)}…` : text}`;
}

const idOf = (slot) => history.ids[slot];

function toggle(slot) {
  const isDone = history.states[slot].completed !== null;
  return change(`mutation($list: String, $ids: [ID!]) { ${isDone ? "reopen" : "complete"}(list: $list, ids: $ids) ${ANSWER} }`,
    { ids: [idOf(slot)] }, `${isDone ? "Reopened" : "Done"}: ${named(slot)}`);
}

function remove(slot) {
  const removed = history.states[slot].removed;
  return change(`mutation($list: String, $ids: [ID!]) { ${removed ? "restore" : "remove"}(list: $list, ids: $ids) ${ANSWER} }`,
    { ids: [idOf(slot)] }, `${removed ? "Restored" : "Removed"}: ${named(slot)}`);
}

const undo = () => change(`mutation($list: String) { undo(list: $list) ${ANSWER} }`, {}, "Undone", false);
const redo = () => change(`mutation($list: String) { redo(list: $list) ${ANSWER} }`, {}, "Redone", false);

async function restore() {
  if (history.atNow) return;
  const position = history.momentPosition;
  const words_ = `Restored to @${position}`;
  toNow();
  await change(`mutation($list: String, $to: String) { restore(list: $list, to: $to) ${ANSWER} }`, { to: `@${position}` }, words_);
}

async function saveDetails(slot, changes, version) {
  if (!await canChange()) return;
  banner("refused", null);
  try {
    const { change: answer } = await save(history.list, idOf(slot), changes, version);
    if (answer.commit) own.add(answer.commit.command);
    await sync();
    toast(`Changed: ${named(slot)}`, answer.commits > 0);
    details.saved(context());
    rows.grid.focus();
  } catch (error) {
    refused(error);
  }
}

const adding = new Set(); // the lines that are sent and not answered yet

async function add(event) {
  event.preventDefault();
  const input = find("add");
  const line = input.value;
  if (!line.trim() || adding.has(line)) return; // Enter was pressed twice
  adding.add(line);
  const answer = await change(`mutation($list: String, $lines: [String!]!) { addLines(list: $list, lines: $lines) ${ANSWER} }`,
    { lines: [line] }, `Added: ${line.trim()}`);
  adding.delete(line);
  if (answer && input.value === line) input.value = "";
}

function openDetails(slot, editing) {
  details.open(slot, context(), editing);
}

// Who set what, on hover

const blame = find("blame");
let hovering = null;
let hovered = null;

rows.inner.addEventListener("pointermove", (event) => {
  if (event.pointerType === "touch") return;
  const row = event.target.closest(".row");
  if (row === hovered) return;
  hideBlame();
  hovered = row;
  if (!row || row.slot < 0) return;
  const { clientX: x, clientY: y } = event;
  hovering = setTimeout(() => showBlame(row.slot, x, y), HOVER_MS);
});
rows.grid.addEventListener("pointerleave", hideBlame);
rows.grid.addEventListener("scroll", hideBlame, { passive: true });

function hideBlame() {
  clearTimeout(hovering);
  hovered = null;
  blame.hidden = true;
}

function showBlame(slot, x, y) {
  const origins = [...history.blame(slot)].slice(0, 8);
  if (!origins.length) return;
  blame.replaceChildren(...origins.map(([name, event]) => element("p", {}, element("b", {}, name), ` ${words.who(event)}`)));
  blame.hidden = false;
  const { width, height } = blame.getBoundingClientRect();
  blame.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - width - 8))}px`;
  blame.style.top = `${y + 20 + height > innerHeight ? Math.max(8, y - height - 12) : y + 20}px`;
}

// Keys

const hasSelected = (job) => () => { if (rows.selected !== null) job(rows.selected); };
const KEYS = [
  ["?", "Show the keys", () => find("help").showModal()],
  ["a", "Add a todo", () => find("add").focus()],
  ["/", "Search", () => find("search").focus()],
  ["j", "Next todo; also ↓", () => rows.step(1)],
  ["k", "Previous todo; also ↑", () => rows.step(-1)],
  ["x", "Complete or reopen; also Space", hasSelected(toggle)],
  ["e", "Edit; Enter opens the details", hasSelected((slot) => openDetails(slot, true))],
  ["d", "Remove; also Delete", hasSelected(remove)],
  ["u", "Undo", undo],
  ["r", "Redo", redo],
  ["1", "Board", () => choose("board")],
  ["2", "List", () => choose("list")],
  ["3", "All, with those that are done", () => choose("all")],
  ["t", "Go to the time slider", () => find("slider").focus()],
  ["[", "One change back in time", () => moveByHand(history.place - 1)],
  ["]", "One change forward", () => moveByHand(history.place + 1)],
  ["p", "Play, or pause", () => play(1)],
  ["P", "Play backwards, or pause", () => play(-1)],
  ["n", "Back to now", toNow],
];
const GRID_KEYS = {
  ArrowDown: () => rows.step(1),
  ArrowUp: () => rows.step(-1),
  PageDown: () => rows.step(1, rows.pageSize),
  PageUp: () => rows.step(-1, rows.pageSize),
  Home: () => { rows.active = -1; rows.step(1); },
  End: () => { rows.active = -1; rows.step(-1); },
  Enter: hasSelected((slot) => openDetails(slot, false)),
  " ": hasSelected(toggle),
  Delete: hasSelected(remove),
};
const SLIDER_KEYS = "On the slider: ← and → move by one change, Page Up and Page Down by a day, Home and End to the ends.";

let singleKeys = localStorage.getItem("single-keys") !== "no";

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    escape(event);
    return;
  }
  if (!history || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const { target } = event;
  if (target.closest("input:not([type=checkbox]), textarea, select")) return;
  const job = (target === rows.grid ? GRID_KEYS[event.key] : null)
    ?? (singleKeys && (event.key !== " ") ? KEYS.find(([key]) => key === event.key)?.[2] : null);
  if (!job) return;
  event.preventDefault();
  job();
  if (["j", "k"].includes(event.key)) rows.grid.focus();
});

function escape(event) {
  if (document.querySelector("dialog[open]")) return;
  if (!blame.hidden) hideBlame();
  else if (event.target === find("search") && (query || find("search").value)) {
    find("search").value = query = "";
    search();
  } else if (details.isOpen) details.close();
  else if (history && !history.atNow) toNow();
  rows.grid.focus();
}

function choose(name) {
  view = name;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === name);
  rows.grid.scrollTop = 0;
  render();
}

function connectControls() {
  find("keys").replaceChildren(...KEYS.flatMap(([key, text]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, text)]),
    element("dt", {}, element("kbd", {}, "Esc")), element("dd", {}, "Close the details, or go back to now"),
    element("dt", {}, element("kbd", {}, "←→")), element("dd", {}, SLIDER_KEYS));
  find("single-keys").checked = singleKeys;
  find("single-keys").addEventListener("change", (event) => {
    singleKeys = event.target.checked;
    localStorage.setItem("single-keys", singleKeys ? "yes" : "no");
  });
  find("help-button").addEventListener("click", () => find("help").showModal());
  find("add-form").addEventListener("submit", add);
  find("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    rows.grid.focus();
  });
  let typing;
  find("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      query = find("search").value.trim();
      search();
    }, 150);
  });
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => choose(button.dataset.view));
  const clicks = {
    undo, redo, restore, now: toNow, "toast-undo": undo, play: () => play(1), "play-back": () => play(-1),
    step: () => moveByHand(history.place + 1), "step-back": () => moveByHand(history.place - 1), link: copyLink,
  };
  for (const [id, job] of Object.entries(clicks)) find(id).addEventListener("click", () => { if (history) job(); });
  find("new-list").addEventListener("close", makeList);
  find("list").addEventListener("change", (event) => {
    if (event.target.value === NEW) {
      find("new-list-name").value = find("new-list").returnValue = "";
      find("new-list").showModal();
    } else if (event.target.value) load(event.target.value).then((isShown) => { if (isShown) rememberMoment(); });
  });
  addEventListener("hashchange", (event) => followAddress(event.newURL)); // by now `rememberMoment` may have changed it again
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  setInterval(() => { if (history?.atNow && !document.hidden) render(); }, 60_000); // what is overdue changes
}

function printing(on) {
  rows.all = on;
  rows.draw(true);
}

async function copyLink() {
  rememberMoment();
  try {
    await navigator.clipboard.writeText(location.href);
    toast("The link to this moment was copied.", false);
  } catch {
    toast(location.href, false);
  }
}

async function start() {
  connectControls();
  try {
    const { fields: declared, default: name } = await get("/fields");
    fields = new Fields(declared);
    find("list").dataset.default = name;
  } catch (error) {
    setLive("failed", "not connected");
    banner("lost", `${error.message} ${error.hint ?? ""}`, ["Try again", () => location.reload()]);
    return;
  }
  await followAddress();
}

start();
