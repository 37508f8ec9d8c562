// The page of the web door; docs/WEB.md is its contract with the gateway.
"use strict";

// Milliseconds without a ping, after which a stream counts as dead.
const SILENCE = 50_000;
// The longest log that is shown: a tab may stay open for weeks.
const MOST = 2_000;
const LINK = /\bhttps?:\/\/[^\s<>"`“”]*[^\s<>"`“”.,;:!?'*_~’)\]}]/gi;

const $ = (id) => document.getElementById(id);
const words = document.body.dataset, lines = $("lines"), log = $("log"), field = $("text"), bell = $("bell");
const hasKeys = !matchMedia("(pointer: coarse)").matches;

let room, me, stream, heardAt, isCaughtUp, isSending, waiting, wake, greeting;
let lostAt = 0, held = "", isAtEnd = true;
// `unseen`: lines since the tab was hidden; `mayMark`: the next one is headed by "new"; `mayMiss`: what was read may end before the first entry.
let lastId, day, unseen, mayMark, mayMiss;

const fill = (word, facts) => words[word].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
const lost = (since) => fill("lost", { time: clock(since) });
const clock = (at) => new Date(at).toTimeString().slice(0, 5);
// An id is the number of an entry, and its log.
const parse = (id) => (([seq, its]) => ({ seq: +seq, its }))((id || "0").split("-"));

function keep(store, key, value) {
	try {
		window[`${store}Storage`][key] = JSON.stringify(value);
	// Storage is full, or forbidden.
	} catch {}
}

function kept(store, key) {
	try {
		return JSON.parse(window[`${store}Storage`][key]);
	} catch {}
}

// The last entry that was read here.
let seen = parse(kept("local", "read"));
// `page` and `n` are those of the next line, `queue` the lines that the gateway has not taken, `taken` those that the log has not.
const tab = { queue: [], taken: [], ...kept("session", "tab") };
if (!tab.page) renumber();

function renumber() {
	tab.page = crypto.getRandomValues(new Uint32Array(3)).join("-").padEnd(32, 0);
	tab.n = 1;
	save();
}

function save() {
	keep("session", "tab", tab);
	$("pending").replaceChildren(...[...tab.taken, ...tab.queue].map((line) => {
		const shown = draw({ ...line, type: line.to ? "private" : "message", from: me, own: true });
		shown.append(" ", make("span", "unseen", `(${words.pending})`), "…");
		return shown;
	}));
	if (isAtEnd) toEnd();
}

async function ask(path, body) {
	const post = { method: "POST", body: new Blob([JSON.stringify(body)], { type: "application/json" }) };
	try {
		const answer = await fetch(path, { signal: AbortSignal.timeout?.(30_000), ...(body && post) });
		return { ok: answer.ok, status: answer.status, ...(answer.status !== 204 && (await answer.json())) };
	} catch {
		return { sentence: lost(Date.now()) };
	}
}

// The door

const tell = (sentence) => ($("answer").textContent = sentence);

async function start(sentence = "") {
	const known = await ask("me");
	if (!known.ok) {
		tell(known.sentence);
		$("door").hidden = !$("room").hidden;
		return setTimeout(start, 3_000, sentence);
	}
	$("clear").hidden = known.encrypted;
	if (!known.joined) return door(known.name && !known.error ? "password" : "name", sentence || known.sentence, known.name, known.wait);
	if ($("room").hidden) {
		$("password").value = "";
		$("door").hidden = true;
		$("room").hidden = false;
		field.value ||= kept("session", "draft") || "";
		field.oninput();
		(hasKeys ? field : log).focus();
	}
	greet(known);
	open(lastId);
}

function door(step, sentence = "", name = "", wait = 0) {
	stream?.close();
	stream = null;
	$("people").close();
	$("leaving").close();
	$("ask-name").hidden = step !== "name";
	$("ask-password").hidden = step === "name";
	$("room").hidden = true;
	$("door").hidden = false;
	tell(sentence);
	$("name").value = $("chosen").value = name;
	$(step).focus();
	$(step).select();
	// Whoever has gone on is not interrupted; browsers count to 24 days.
	if (wait) setTimeout(() => $("answer").textContent === sentence && start(), Math.min(wait + 1, 1e6) * 1_000);
}

$("door").onsubmit = async (event) => {
	event.preventDefault();
	if (waiting) return;
	// Both forms begin with the name.
	const step = event.target.id.slice(4), name = event.target[0].value;
	tell("");
	waiting = setTimeout(tell, 1_000, words.wait);
	const answer = await ask("join", { name, password: step === "name" ? "" : $("password").value, page: tab.page });
	waiting = clearTimeout(waiting);
	if (answer.next === "events") {
		greeting = `${answer.sentence} ${words.welcome}`;
		// It says so if the cookie was not kept.
		start(words.cookies);
	}
	else door(answer.next || (answer.status === 409 ? "name" : step), answer.sentence, answer.name || answer.suggestion || name);
};
$("other").onclick = () => door("name", "", $("chosen").value);

// The stream

function greet(known) {
	room = known.room || room;
	me = known.name;
	$("title").textContent = room;
	title();
}

function title() {
	document.title = unseen ? `(${unseen}) ${room}` : room;
}

function open(after, quiet = !after) {
	stream?.close();
	heardAt = Date.now();
	mayMiss = !after;
	// Nobody wants a hundred lines read out.
	log.ariaLive = quiet ? "off" : "polite";
	const own = (stream = new EventSource(`events?after=${after}`));
	own.onmessage = ({ data, lastEventId }) => {
		heardAt = Date.now();
		const event = JSON.parse(data);
		if (stream === own) (handlers[event.code || event.type] || handlers.other)(event, lastEventId);
	};
	own.onerror = () => {
		if (stream !== own) return;
		contact();
		if (own.readyState === own.CLOSED) setTimeout(why, 2_000, own);
	};
}

// An EventSource that was refused stays closed, and is not told why.
async function why(closed) {
	const answer = await fetch("events").catch(() => ({ ok: true }));
	const sentence = answer.ok ? "" : (await answer.json()).sentence;
	if (answer.ok) answer.body?.cancel();
	if (stream !== closed) return;
	contact(lostAt, sentence);
	start(sentence);
}

function watch() {
	if (!stream || Date.now() - heardAt < SILENCE) return;
	contact();
	open(lastId);
}

function contact(since = lostAt || heardAt, why = held) {
	[lostAt, held] = [since, why];
	$("contact").textContent = [lostAt && lost(lostAt), held].filter(Boolean).join(" · ");
}

const said = (event, id) => {
	// After a power failure the gateway may not know whose it is.
	const line = event.line || (event.mine && tab.taken.find((each) => each.lost && each.text === event.text));
	if (line) settle(line);
	entry(event, id, draw(event));
};

const delayed = (event) => contact(lostAt, event.sentence);

const handlers = {
	hello(event) {
		isCaughtUp = false;
		greet(event);
		if (event.here) handlers.here(event);
		else askWho();
		event.pending.forEach(settle);
		// The gateway does not have these any more; the log may.
		for (const line of tab.taken) line.lost = true;
		tab.taken.unshift(...event.pending);
		save();
		handlers[event.contact ? "back" : "contact_lost"](event);
		send();
	},
	message: said,
	private: said,
	struck(event, id) {
		lines.querySelector(`[data-seq="${+event.line}"]`)?.remove();
		handlers.other(event, id);
	},
	stored: () => contact(lostAt, ""),
	refused(event) {
		settle(event);
		refuse(event, event.sentence);
	},
	you: greet,
	here({ here }) {
		$("who").textContent = fill("here", { n: here });
	},
	asked: (event) => door("password", event.sentence, event.name),
	ended(event) {
		if (event.error === "left") return location.reload();
		door("name", event.sentence, me, event.error === "closed" ? 2 : event.wait);
	},
	caught_up() {
		if (mayMiss && parse(lastId).its === seen.its && lines.querySelector("[data-seq]")?.dataset.seq > seen.seq + 1) {
			// More was missed than the stream began with: all of it, below some that was read.
			forget();
			return open(`${Math.max(1, seen.seq - 20)}-${seen.its}`, true);
		}
		mayMiss = false;
		isCaughtUp = true;
		if (greeting) note(greeting);
		greeting = "";
		for (const line of tab.taken.filter((each) => each.lost)) {
			settle(line);
			refuse(line, words.gone);
		}
		mayMark &&= document.hidden;
		if (isAtEnd) toEnd();
		read();
		setTimeout(() => (log.ariaLive = "polite"), 500);
	},
	contact_lost: (event) => contact(Date.parse(event.since)),
	back() {
		contact(0, "");
		wake?.();
	},
	delayed,
	not_stored_yet: delayed,
	rewound(event) {
		forget();
		handlers.other(event);
	},
	other(event, id) {
		if (event.seq) entry(event, id, item("event", event.at, make("bdi", "", event.sentence)));
		else if (event.sentence) note(event.sentence);
	},
};

function forget() {
	lines.replaceChildren();
	lastId = "";
	unseen = 0;
	mayMark = true;
	day = new Date().toDateString();
}

function read() {
	if (document.hidden || !isCaughtUp || !lastId) return;
	seen = parse(lastId);
	keep("local", "read", lastId);
}

// The log

const make = (tag, kind = "", text = "") => Object.assign(document.createElement(tag), { className: kind, textContent: text });

function named(name, key) {
	const shown = make("bdi", "name", name);
	let hue = 7;
	for (const char of key || name) hue = (hue * 31 + char.codePointAt()) % 360;
	shown.style.setProperty("--hue", hue);
	return shown;
}

function written(text) {
	const shown = make("bdi", "text");
	let end = 0;
	for (const { 0: target, index } of text.matchAll(LINK)) {
		const link = { href: target, rel: "noreferrer noopener", target: "_blank" };
		shown.append(text.slice(end, index), Object.assign(make("a", "", target), link));
		end = index + target.length;
	}
	shown.append(text.slice(end));
	return shown;
}

function item(kind, at, ...parts) {
	const shown = make("li", kind), time = make("time", "", clock(at));
	time.dateTime = at;
	shown.append(time, ...parts.flatMap((part) => (part ? [" ", part] : [])));
	return shown;
}

// Whatever others wrote is in a bdi; the rest is ours.
function draw(line) {
	const { to } = line;
	return item(
		[line.type, ...["action", "mention", "official", "own"].filter((kind) => line[kind])].join(" "),
		line.at,
		line.official && make("span", "", words.official),
		line.action && "*",
		named(line.from, line.key),
		to && "→",
		to && (to === me ? make("bdi", "", words.you) : named(to)),
		to && make("span", "", words.private),
		written(line.text),
		line.mention && make("span", "unseen", `(${words.mention})`),
	);
}

function note(sentence) {
	add(make("li", "note", sentence));
	if (isCaughtUp) toEnd();
}

const head = (text) => lines.appendChild(make("li", "head", text));

function entry(event, id, shown) {
	const date = new Date(event.at), { seq, its } = parse(id);
	const isUnread = "text" in event && !event.own && (isCaughtUp ? document.hidden : its === seen.its && seq > seen.seq);
	shown.dataset.seq = event.seq;
	lastId = id || lastId;
	if (date.toDateString() !== day) {
		day = date.toDateString();
		head(date.toLocaleDateString(document.documentElement.lang.replace("en", "en-GB"), { dateStyle: "full" }));
	}
	if (isUnread && mayMark) {
		mayMark = false;
		$("unread")?.remove();
		head(words.new).id = "unread";
	}
	add(shown);
	read();
	if (!isUnread || !document.hidden) return;
	unseen += 1;
	title();
	if (event.mention || event.to) ring(event);
}

function add(shown) {
	lines.append(shown);
	if (lines.childElementCount > MOST) {
		lines.querySelector(":not(.head)").remove();
		// A day keeps its line while something stands below it.
		lines.querySelector(".head:not(#unread) + .head:not(#unread)")?.previousElementSibling.remove();
	}
	if (isCaughtUp && isAtEnd) toEnd();
}

function toEnd() {
	log.scrollTop = log.scrollHeight;
}

log.onscroll = () => {
	isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
	$("end").hidden = isAtEnd;
};
$("end").onclick = () => {
	toEnd();
	field.focus();
};
new ResizeObserver(() => isAtEnd && toEnd()).observe(log);

// Own lines

function say(text, action = false, to = "") {
	tab.queue.push({ text, action, to, at: new Date().toISOString() });
	save();
	toEnd();
	send();
}

async function send() {
	if (isSending) return;
	isSending = true;
	while (tab.queue.length && stream) {
		const line = tab.queue[0], { text, action, to } = line, { page, n } = tab;
		line.n = n;
		save();
		const said = await ask("say", { page, n, text, action, to });
		// It came in the log, before the answer.
		if (tab.queue[0] !== line) continue;
		// It is busy, in trouble, or not there.
		if (!(said.status < 429)) await pause(said.wait || 2);
		else if (said.status === 401) break;
		else if (said.status === 409) {
			renumber();
			await pause(0.2);
		} else {
			tab.queue.shift();
			if (said.ok) tab.n += 1;
			if (said.state === "taken") tab.taken.push({ ...line, page });
			else if (said.state !== "stored") refuse(line, said.sentence);
			save();
		}
	}
	isSending = false;
}

const pause = (seconds) => new Promise((done) => setTimeout((wake = done), seconds * 1_000));

// A line is the gateway's or the log's: it is not pending, and if it is the one being sent, not sent again.
function settle({ page, n }) {
	tab.taken = tab.taken.filter((line) => line.page !== page || line.n !== n);
	if (page === tab.page && n === tab.queue[0]?.n) {
		tab.queue.shift();
		tab.n = n + 1;
	}
	save();
}

function refuse(line, why) {
	const command = line.to ? `/msg ${line.to} ` : line.action ? "/me " : line.text[0] === "/" ? "/" : "";
	giveBack(command + line.text, fill("refused", { why }));
}

// Whoever types on without looking replaces it; then it stands in the log.
function giveBack(typed, sentence) {
	note(`${sentence}\n${typed}`);
	if (field.value) return;
	write(typed);
	field.select();
}

function write(text) {
	field.value = text;
	field.focus();
	field.oninput();
}

function run(typed) {
	const [, word, rest] = /^(\/\S*)?\s*([^]*)$/.exec(typed), [, to, text] = /^(\S*)\s*([^]*)$/.exec(rest);
	if (!word || word.includes("/", 1)) say(typed.replace(/^\/\//, "/"));
	else if (word === "/me" && rest) say(rest, true);
	else if (word === "/msg" && text) say(text, false, to);
	else if (word === "/who") who();
	else if (word === "/leave") $("leave").click();
	else if (word === "/help") note(words.help);
	else giveBack(typed, fill(/^\/(me|msg)$/.test(word) ? "what" : "unknown", { word }));
}

$("say").onsubmit = (event) => {
	event.preventDefault();
	const typed = field.value.trimEnd();
	write("");
	if (typed) run(typed);
};
field.oninput = () => {
	keep("session", "draft", field.value);
	field.style.height = "auto";
	field.style.height = `${field.scrollHeight + 2}px`;
};
field.onkeydown = (event) => {
	if (event.key !== "Enter" || event.shiftKey || event.isComposing || !hasKeys) return;
	event.preventDefault();
	$("say").requestSubmit();
};

// Who is here, leaving, the bell

async function askWho() {
	const said = await ask("who");
	if (said.ok) handlers.here(said);
	return said;
}

async function who() {
	const said = await askWho(), people = $("people");
	if (!said.ok) return note(said.sentence);
	people.querySelector("ul").replaceChildren(...said.members.map((member) => {
		const shown = make("li"), button = make("button");
		button.disabled = member.me;
		button.append(make("bdi", "", member.sentence));
		button.onclick = () => {
			people.close();
			write(`/msg ${member.name} ${field.value}`);
		};
		shown.append(button);
		return shown;
	}));
	people.showModal();
}

$("who").onclick = who;
$("leave").onclick = () => $("leaving").showModal();
// After a click into a dialog, Chromium gives the field the focus back and no caret, and keys do nothing.
$("people").onclose = $("leaving").onclose = () => field.setSelectionRange(1e9, 1e9);
$("leaving").onsubmit = async (event) => {
	const { value } = event.submitter, forget = value === "forget";
	if (!value) return;
	stream.close();
	stream = null;
	if ((await ask("leave", { forget })).ok && forget) {
		sessionStorage.clear();
		localStorage.clear();
	}
	location.reload();
};

function rings() {
	const permission = window.Notification?.permission || "denied", isOn = permission === "granted" && !!kept("local", "bell");
	// Browsers of phones leave it to service workers.
	bell.hidden = !hasKeys || permission === "denied";
	bell.ariaPressed = isOn;
	return isOn;
}

bell.onclick = async () => {
	const isOn = !rings();
	await Notification.requestPermission();
	keep("local", "bell", isOn);
	rings();
};

function ring(line) {
	if (rings()) new Notification(`${line.from} · ${room}`, { body: line.text, tag: room }).onclick = () => window.focus();
}

document.onvisibilitychange = () => {
	mayMark ||= document.hidden;
	unseen = 0;
	if (stream) title();
	read();
	watch();
};
setInterval(watch, 5_000);
// Without the style sheet the sentence stays.
if (getComputedStyle($("broken")).animationName === "show") $("broken").remove();
forget();
rings();
start();
