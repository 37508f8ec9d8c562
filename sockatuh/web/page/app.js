// The page of the web door. Its contract with the gateway is docs/WEB.md.
"use strict";

const PATIENCE = 30_000; // ms for one request
const SILENCE = 50_000; // ms without a ping after which a stream is dead
const MOST_SHOWN = 2_000; // entries
const MOST_MISSED = 2_000; // entries that are fetched after an absence
const LINK = /\bhttps?:\/\/[^\s\u115f\u1160\u2800\u3164\uffa0<>"`…“”«»]+/gi;
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

const $ = (id) => document.getElementById(id);
const words = document.body.dataset;
const language = document.documentElement.lang;
const lines = $("lines"), log = $("log"), field = $("text");

let room = "", me = ""; // names
let stream = null, lastId = "", heardAt = Date.now(), hasPings = false, isCaughtUp = false;
let lostAt = 0, held = ""; // what is said about contact
let day = new Date().toDateString(), isAtEnd = true, below = 0;
let unseen = 0, mayMark = true; // lines since the tab was hidden, and whether the next one is headed by "new"
let taken = []; // own lines the gateway has that have not come back in the log
let isSending = false, isSure = false, wake = () => {};

// Texts, storage, requests

const fill = (word, facts) => words[word].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
const two = (number) => String(number).padStart(2, "0");
const clock = (moment) => `${two(moment.getHours())}:${two(moment.getMinutes())}`;

function keep(store, key, value) {
  try {
    window[store].setItem(key, JSON.stringify(value));
  } catch { /* storage is full, or not allowed */ }
}

function kept(store, key) {
  try {
    return JSON.parse(window[store].getItem(key));
  } catch {
    return null;
  }
}

const tab = kept("sessionStorage", "tab") || { queue: [] }; // page, n: of the next line; queue: lines not taken yet
if (!tab.page) renumber();

function renumber() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  Object.assign(tab, { page: Array.from(random, (byte) => two(byte.toString(16))).join(""), n: 1 });
  save();
}

function save() {
  keep("sessionStorage", "tab", tab);
}

// The answer with its status, or null if the gateway cannot be reached.
async function ask(path, body) {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), PATIENCE);
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(path, { signal: stop.signal, ...(body && post) });
    const facts = answer.status === 204 ? {} : await answer.json();
    return { ...facts, ok: answer.ok, status: answer.status };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

// The door

async function start(sentence = "") {
  const known = await ask("me");
  if (!known || !known.ok) {
    answer(known ? known.sentence : fill("lost", { time: clock(new Date()) }));
    $("door").hidden = !$("room").hidden;
    setTimeout(start, 3_000, sentence);
    return;
  }
  $("clear").hidden = known.encrypted;
  if (known.joined) enter(known);
  else if (known.name) askPassword(known.name, sentence);
  else askName(sentence);
}

function answer(sentence) {
  $("answer").textContent = sentence;
}

function door(form, sentence) {
  if (stream) stream.close();
  stream = null;
  for (const each of ["ask-name", "ask-password"]) $(each).hidden = each !== form;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  $("room").hidden = true;
  $("door").hidden = false;
  answer(sentence);
}

function askName(sentence) {
  door("ask-name", sentence);
  $("name").select();
  $("name").focus();
}

function askPassword(name, sentence) {
  door("ask-password", sentence);
  $("chosen").value = name;
  $("password").value = "";
  $("password").focus();
}

// One step of joining: the form is busy until it is answered.
async function step(form, body) {
  const button = form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  form.ariaBusy = "true";
  answer("");
  const said = (await ask("join", body)) || { sentence: fill("lost", { time: clock(new Date()) }) };
  button.disabled = false;
  form.ariaBusy = "false";
  if (said.next === "password") askPassword(said.name, said.sentence || "");
  else if (said.next === "events") await joined();
  else if (said.status === 409) {
    $("name").value = said.suggestion || body.name;
    askName(said.sentence);
  } else {
    answer(said.sentence);
    const input = form.querySelector("input:not([readonly])");
    input.focus();
    input.select();
  }
}

async function joined() {
  const known = await ask("me");
  if (known && known.ok && !known.joined) answer(words.cookies);
  else start();
}

$("ask-name").onsubmit = (event) => {
  event.preventDefault();
  step(event.target, { name: $("name").value });
};
$("ask-password").onsubmit = (event) => {
  event.preventDefault();
  step(event.target, { name: $("chosen").value, password: $("password").value });
};
$("other").onclick = () => {
  $("name").value = $("chosen").value;
  askName("");
};

// The stream

function enter(known) {
  const isNew = $("room").hidden;
  $("password").value = "";
  $("door").hidden = true;
  $("room").hidden = false;
  greet(known.room, known.name);
  open();
  if (isNew && (hasKeys() || document.activeElement !== document.body)) field.focus();
  else if (isNew) log.focus();
}

function greet(itsName, myName) {
  [room, me] = [itsName || "SockAtuh", myName];
  document.querySelector("header h1").textContent = room;
  title();
}

function open(after = lastId) {
  if (stream) stream.close();
  heardAt = Date.now();
  isCaughtUp = false;
  log.ariaLive = after ? "polite" : "off"; // nobody wants to be read a hundred lines
  const own = (stream = new EventSource(`events${after && `?after=${encodeURIComponent(after)}`}`));
  own.onmessage = (message) => {
    if (stream !== own) return;
    heardAt = Date.now();
    take(JSON.parse(message.data), message.lastEventId);
  };
  own.onerror = () => {
    if (stream !== own) return;
    lose(heardAt);
    if (own.readyState === EventSource.CLOSED) setTimeout(reopen, 2_000, own);
  };
}

// A stream that was refused says nothing; ask in another way why.
async function reopen(closed) {
  if (stream !== closed) return;
  const known = await ask("me");
  if (stream !== closed) return;
  if (!known || !known.ok) setTimeout(reopen, 2_000, closed);
  else if (!known.joined) start();
  else open();
}

function watch() {
  if (stream && hasPings && Date.now() - heardAt > SILENCE) {
    lose(heardAt);
    open();
  }
}

function lose(since) {
  lostAt = lostAt || since;
  contact();
}

function contact() {
  $("contact").textContent = lostAt ? fill("lost", { time: clock(new Date(lostAt)) }) : held;
}

function take(event, id) {
  switch (event.type) {
    case "hello":
      greet(event.room, event.name);
      count(event.here);
      lostAt = event.contact ? 0 : Date.parse(event.since);
      contact();
      taken = event.pending.filter((line) => !settle(line) || true);
      drawPending();
      wake();
      send();
      break;
    case "ping":
      hasPings = true;
      break;
    case "message":
    case "private":
      if (event.line) {
        taken = taken.filter((line) => line.page !== event.line.page || line.n !== event.line.n);
        settle(event.line);
        drawPending();
      }
      entry(event, id, draw(event));
      break;
    case "struck":
      lines.querySelector(`[data-seq="${Number(event.line)}"]`)?.remove();
      entry(event, id, told(event));
      break;
    case "stored":
      held = "";
      contact();
      break;
    case "refused":
      taken = taken.filter((line) => line.page !== event.page || line.n !== event.n);
      drawPending();
      giveBack(event, event.sentence);
      break;
    case "you":
      greet(room, event.name);
      break;
    case "here":
      count(event.here);
      break;
    case "notice":
      notice(event);
      break;
    case "asked":
      askPassword(event.name, event.sentence);
      break;
    case "ended":
      door("", event.sentence);
      setTimeout(start, event.error === "closed" ? 3_000 : 0, event.sentence);
      break;
    default:
      if (event.seq && event.sentence) entry(event, id, told(event));
  }
}

function notice(event) {
  switch (event.code) {
    case "caught_up":
      caughtUp();
      break;
    case "contact_lost":
      lose(Date.parse(event.since));
      break;
    case "back":
      lostAt = 0;
      contact();
      wake();
      break;
    case "not_stored_yet":
    case "delayed":
      held = event.sentence;
      contact();
      break;
    case "rewound":
      forget();
    // falls through
    default:
      if (event.sentence) note(event.sentence);
  }
}

function forget() {
  lines.replaceChildren();
  [lastId, day] = ["", new Date().toDateString()];
}

function caughtUp() {
  const [seq, its] = parse(kept("localStorage", "read")), first = Number(lines.querySelector("[data-seq]")?.dataset.seq);
  if (!isCaughtUp && log.ariaLive === "off") {
    const missed = parse(lastId)[0] - seq;
    if (its === parse(lastId)[1] && first > seq + 1 && missed <= MOST_MISSED) { // more than the stream began with
      forget();
      open(`${seq}-${its}`);
      return;
    }
  }
  isCaughtUp = true;
  mayMark = document.hidden;
  toEnd();
  read();
  setTimeout(() => (log.ariaLive = "polite"), 500);
}

function parse(id) {
  const [seq, its] = String(id || "0-").split("-");
  return [Number(seq), its];
}

function read() {
  if (!document.hidden && isCaughtUp && lastId) keep("localStorage", "read", lastId);
}

// The log

function make(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function written(text) {
  const shown = make("bdi", "text");
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const target = trimmed(found[0]);
    try {
      if (!/^https?:$/.test(new URL(target).protocol)) continue;
    } catch {
      continue;
    }
    const link = make("a", "", target);
    Object.assign(link, { href: target, rel: "noreferrer noopener", target: "_blank" });
    shown.append(text.slice(end, found.index), link);
    end = found.index + target.length;
  }
  shown.append(text.slice(end));
  return shown;
}

// A link without the punctuation of the sentence around it.
function trimmed(link) {
  const number = (char) => link.split(char).length;
  for (;;) {
    const last = link.slice(-1);
    if (!/[.,;:!?'*_~’‘]/.test(last) && !(last in BRACKETS && number(last) > number(BRACKETS[last]))) return link;
    link = link.slice(0, -1);
  }
}

function named(name, key) {
  const shown = make("bdi", "name", name);
  let hue = 7;
  for (const char of key || name.toLowerCase()) hue = (hue * 31 + char.codePointAt()) % 360;
  shown.style.setProperty("--hue", hue);
  return shown;
}

function time(at) {
  const shown = make("time", "", clock(new Date(at)));
  shown.dateTime = at;
  return shown;
}

const mark = (text) => make("span", "mark", text);

// The element of a line. Nothing of it but our own words is outside a bdi.
function draw(line) {
  const item = make("li", [
    line.type, line.action && "action", line.mention && "mention", line.official && "official",
    (line.own || line.mine) && "own",
  ].filter(Boolean).join(" "));
  item.append(time(line.at), " ");
  if (line.official) item.append(mark(words.official), " ");
  if (line.action) item.append("* ");
  item.append(named(line.from, line.key), " ");
  if (line.type === "private") {
    const to = line.to === me && !line.own ? make("bdi", "to", words.you) : named(line.to, "");
    item.append("→ ", to, " ", mark(words.private), " ");
  }
  item.append(written(line.text));
  if (line.mention) item.append(make("span", "unseen", ` (${words.mention})`));
  return item;
}

function told(event) {
  const item = make("li", "event");
  item.append(time(event.at), " ", make("bdi", "", event.sentence));
  return item;
}

function note(sentence) {
  add(make("li", "note", sentence));
}

function entry(event, id, item) {
  const isLine = "text" in event && !event.own, moment = new Date(event.at);
  item.dataset.seq = event.seq;
  if (moment.toDateString() !== day) {
    day = moment.toDateString();
    const how = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
    lines.append(make("li", "day", moment.toLocaleDateString(language === "en" ? "en-GB" : language, how)));
  }
  if (isLine && mayMark && (isCaughtUp ? document.hidden : isUnread(id))) {
    mayMark = false;
    $("unread")?.remove();
    const heading = make("li", "", words.new);
    heading.id = "unread";
    lines.append(heading);
  }
  lastId = id || lastId;
  add(item, isLine);
  if (!isCaughtUp) return;
  read();
  if (isLine && document.hidden) {
    unseen += 1;
    title();
    if (event.mention || event.type === "private") ring(event);
  }
}

function isUnread(id) {
  const [seq, its] = parse(kept("localStorage", "read")), [now, ours] = parse(id);
  return its === ours && now > seq;
}

function add(item, isLine) {
  lines.append(item);
  if (lines.childElementCount > MOST_SHOWN) lines.firstChild.remove();
  if (!isCaughtUp) return;
  if (isAtEnd) toEnd();
  else if (isLine) {
    below += 1;
    end();
  }
}

function toEnd() {
  isAtEnd = true;
  below = 0;
  log.scrollTop = log.scrollHeight;
  end();
}

function end() {
  $("end").hidden = isAtEnd;
  $("end").textContent = below ? fill("below", { n: below }) : words.end;
}

log.onscroll = () => {
  isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  if (isAtEnd) below = 0;
  end();
};
$("end").onclick = () => {
  toEnd();
  field.focus();
};
new ResizeObserver(() => isAtEnd && toEnd()).observe(log);

function title() {
  document.title = unseen ? `(${unseen}) ${room}` : room;
}

// Own lines

function say(text, action = false, to = "") {
  tab.queue.push({ text, action, to, at: new Date().toISOString() });
  save();
  drawPending();
  toEnd();
  send();
}

async function send() {
  if (isSending || !isSure) return;
  isSending = true;
  while (tab.queue.length && stream) {
    const line = tab.queue[0];
    line.n = tab.n;
    save();
    const said = await ask("say", { page: tab.page, n: line.n, text: line.text, action: line.action, to: line.to });
    if (tab.queue[0] !== line || line.n !== tab.n) continue; // the log was faster
    if (!said || said.status >= 500 || said.status === 429) await pause(said?.wait || 2);
    else if (said.status === 401) break;
    else if (said.error === "out_of_order" || said.error === "number_used") {
      renumber();
      await pause(0.2);
    } else {
      const own = { ...line, page: tab.page };
      tab.queue.shift();
      if (said.ok) tab.n += 1;
      save();
      if (said.state === "taken" || said.seq > parse(lastId)[0]) taken.push(own);
      else if (said.state !== "stored") giveBack(line, said.sentence);
      drawPending();
    }
  }
  isSending = false;
}

function pause(seconds) {
  return new Promise((done) => {
    wake = done;
    setTimeout(done, seconds * 1_000);
  });
}

// The gateway has a line of ours: if it is the one being sent, it need not be sent again.
function settle({ page, n }) {
  if (page !== tab.page || n !== tab.n || tab.queue[0]?.n !== n) return false;
  tab.queue.shift();
  tab.n += 1;
  save();
  return true;
}

function drawPending() {
  $("pending").replaceChildren(...[...taken, ...tab.queue].map((line) => {
    const item = draw({ ...line, type: line.to ? "private" : "message", from: me, own: true });
    item.append(" ", make("span", "unseen", `(${words.pending})`), mark("…"));
    return item;
  }));
  if (isAtEnd) toEnd();
}

function giveBack(line, why) {
  const command = line.to ? `/msg ${line.to} ` : line.action ? "/me " : line.text.startsWith("/") ? "/" : "";
  const typed = command + line.text;
  note(fill("refused", { why }) + (field.value ? `\n${typed}` : ""));
  if (!field.value) write(typed);
}

function write(text) {
  field.value = text;
  grow();
  field.focus();
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  keep("sessionStorage", "draft", field.value);
}

function run(typed) {
  const [, word, rest] = /^(\/\S*)?\s*([^]*)$/.exec(typed);
  if (!word || word.slice(1).includes("/")) return say(typed.startsWith("//") ? typed.slice(1) : typed);
  const [, to, text] = /^(\S*)\s*([^]*)$/.exec(rest);
  switch (word) {
    case "/me":
      return rest ? say(rest, true) : refuse(typed, fill("what", { word }));
    case "/msg":
      return text ? say(text, false, to) : refuse(typed, fill("what", { word }));
    case "/who":
      return who();
    case "/leave":
      return $("leaving").showModal();
    case "/help":
      note(words.help);
      return toEnd();
    default:
      return refuse(typed, fill("unknown", { word }));
  }
}

function refuse(typed, why) {
  note(why);
  toEnd();
  write(typed);
}

$("say").onsubmit = (event) => {
  event.preventDefault();
  const typed = field.value.trimEnd();
  write("");
  if (typed) run(typed);
};
field.oninput = grow;
field.onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && hasKeys()) {
    event.preventDefault();
    $("say").requestSubmit();
  } else if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    log.scrollBy(0, (event.key === "PageUp" ? -0.9 : 0.9) * log.clientHeight);
  }
};

function hasKeys() {
  return !matchMedia("(pointer: coarse)").matches;
}

// Who is here, leaving, the bell

function count(number) {
  if (number !== null && number !== undefined) $("who").textContent = fill("here", { n: number });
}

async function who() {
  const said = await ask("who");
  if (!said || !said.ok) return note(said ? said.sentence : fill("lost", { time: clock(new Date()) }));
  $("people").querySelector("ul").replaceChildren(...said.members.map((member) => {
    const item = make("li"), shown = make(member.me ? "span" : "button");
    shown.append(make("bdi", "", member.sentence));
    if (!member.me) {
      shown.title = words.whisper;
      shown.onclick = () => {
        $("people").close();
        write(`/msg ${member.name} ${field.value}`);
      };
    }
    item.append(shown);
    return item;
  }));
  if (!$("people").open) $("people").showModal();
}

$("who").onclick = who;
$("leave").onclick = () => $("leaving").showModal();
$("leaving").onclose = async () => {
  if ($("leaving").returnValue !== "leave") return;
  $("leaving").returnValue = "";
  const said = await ask("leave", {});
  if (!said) return note(fill("lost", { time: clock(new Date()) }));
  tab.queue = [];
  renumber();
  forget();
  taken = [];
  drawPending();
  start();
};

function bell() {
  const isOn = Notification.permission === "granted" && kept("localStorage", "bell") === true;
  $("bell").hidden = Notification.permission === "denied";
  $("bell").ariaPressed = String(isOn);
  return isOn;
}

function ring(line) {
  if (!("Notification" in window) || !bell()) return;
  try {
    const shown = new Notification(`${line.from} · ${room}`, { body: line.text.slice(0, 200), tag: "sockatuh" });
    shown.onclick = () => window.focus();
  } catch { // Chrome on Android lets only service workers notify
    $("bell").hidden = true;
  }
}

if ("Notification" in window) {
  bell();
  $("bell").onclick = async () => {
    const wasOn = bell();
    if (!wasOn) await Notification.requestPermission();
    keep("localStorage", "bell", !wasOn);
    bell();
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    mayMark = true;
    return;
  }
  unseen = 0;
  title();
  read();
  watch();
});
window.addEventListener("online", watch);
setInterval(watch, 5_000);
if (window.visualViewport) { // keyboards on iOS cover the page instead of making it smaller
  visualViewport.addEventListener("resize", () => {
    if (visualViewport.scale === 1) document.body.style.setProperty("--height", `${visualViewport.height}px`);
  });
}

// A tab that is duplicated copies the numbers of the other's lines; the other says so.
function copied() {
  tab.queue = [];
  renumber();
  drawPending();
}

if ("BroadcastChannel" in window) {
  const tabs = new BroadcastChannel("sockatuh");
  tabs.onmessage = ({ data }) => {
    if (data.asks === tab.page) tabs.postMessage({ has: tab.page });
    else if (data.has === tab.page && !isSure) copied();
  };
  tabs.postMessage({ asks: tab.page });
}
setTimeout(() => {
  isSure = true;
  send();
}, 300);

field.value = kept("sessionStorage", "draft") || "";
start();
