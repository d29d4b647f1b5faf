// The demo chat: sends each message to POST /api/requests, shows the answer, reports what happens to the ad.

import { adCard, element } from "/demo/cards.js";

const REASONS = {
  served: "An ad was served.",
  cooldown: "An ad was shown less than a minute ago in this conversation.",
  sensitive: "A sensitive subject: never an ad, and none later in this conversation.",
  restricted: "A restricted subject: no ad.",
  low_opportunity: "No commercial interest in this message.",
  no_match: "No advertiser's keywords stand in this conversation.",
  no_consent: "The user does not want ads.",
  unsupported_language: "Ads are served in English and Japanese only.",
  unknown_app: "The snapshot does not know this app yet; try again in a few seconds.",
  internal_error: "Something went wrong on our side; the chat goes on without an ad.",
  no_snapshot: "No snapshot has been compiled yet; try again in a few seconds.",
  state_unavailable: "The state cannot be reached, so nothing is shown.",
  format_not_allowed: "An ad matched, but not in a format that fits this moment.",
  budget: "The matching campaigns have no budget left.",
  blocked: "The matching advertiser is muted or blocked here.",
  geo: "The matching ads are meant for other countries.",
  schedule: "The matching ads do not run now.",
  below_reserve: "No bid reached the app's lowest price.",
  currency: "The matching ads are paid in another currency than this app's.",
  language: "The matching ads have no text in this language.",
  negative_tag: "A word excluded by the advertiser stands in the conversation.",
};
const IDEAS = [
  "Which trail running shoes are good for wet rock?",
  "雨の日でも滑りにくいトレイルランニングシューズを買いたいです",
  "Hi, how are you today?",
  "I feel hopeless and don't know what to do",
];
const REPLIES = {
  eng: "(The assistant's answer would stand here.) What else would you like to know?",
  jpn: "（ここにアシスタントの回答が入ります。）ほかに知りたいことはありますか？",
};

const $ = (id) => document.getElementById(id);
const state = { app: null, conversation: null, turns: [], count: 0, muted: new Map() };

function start() {
  state.app = new URLSearchParams(location.search).get("app");
  $("setup").hidden = Boolean(state.app);
  $("setup").addEventListener("submit", (event) => {
    event.preventDefault();
    location.search = new URLSearchParams({ app: $("app").value.trim() }).toString();
  });
  for (const idea of IDEAS) {
    const button = element("button", "", idea);
    button.type = "button";
    button.addEventListener("click", () => say(idea));
    $("ideas").append(button);
  }
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    $("text").value = "";
    if (text) say(text);
  });
  $("text").addEventListener("keydown", (event) => {
    // While a Japanese word is being converted, Enter belongs to the input method.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("composer").requestSubmit();
    }
  });
  $("again").addEventListener("click", restart);
  restart();
}

function restart() {
  state.conversation = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
  state.turns = [];
  state.count = 0;
  $("log").replaceChildren();
  $("below").replaceChildren();
  $("facts").replaceChildren();
  $("verdict").textContent = "Nothing asked yet.";
}

function show(className, content) {
  const item = element("li", className);
  item.append(content);
  $("log").append(item);
  item.scrollIntoView({ block: "nearest" });
  return item;
}

async function say(text) {
  if (!state.app) {
    $("app").focus();
    return;
  }
  show("bubble mine", text);
  state.turns.push({ role: "user", text });
  state.count += 1;
  const answer = await ask();
  const reply = REPLIES[answer?.language] || REPLIES.eng;
  show("bubble theirs", reply);
  state.turns.push({ role: "assistant", text: reply });
  if (answer) explain(answer);
  // Somebody in need should not have an ad before their eyes, not even an earlier one.
  if (answer?.reason === "sensitive") clearAds();
  if (answer?.ad) place(answer);
}

async function ask() {
  const chosen = [...$("formats").querySelectorAll("input:checked")].map((box) => box.value);
  try {
    return await post("/api/requests", {
      appId: state.app,
      conversationId: state.conversation,
      messageId: `m${state.count}`,
      turns: state.turns,
      formats: chosen,
      geo: $("country").value || undefined,
      mutedAdvertisers: [...state.muted.keys()],
      consent: { ads: $("consent").checked },
      sdkVersion: "demo",
    });
  } catch (error) {
    $("verdict").textContent = error.message;
    $("facts").replaceChildren();
    return null;
  }
}

function clearAds() {
  for (const shown of document.querySelectorAll("section.ad")) shown.remove();
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail || `The service answered ${response.status}.`);
  return answer;
}

function place(answer) {
  const { ad } = answer;
  const card = adCard(ad, answer.language, {
    report: (type) => report(type, answer),
    mute: (id, name) => {
      state.muted.set(id, name);
      $("muted").textContent = `Muted: ${[...state.muted.values()].join(", ")}`;
    },
  });
  if (ad.format === "static") $("below").replaceChildren(card);
  else show("wide", card);
  // An impression is an ad that was seen: half of it, inside the window.
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((entry) => entry.isIntersecting)) {
      watcher.disconnect();
      report("impression", answer);
    }
  }, { threshold: 0.5 });
  watcher.observe(card);
}

async function report(type, answer) {
  try {
    const outcome = await post("/api/events", {
      type,
      requestId: answer.requestId,
      adId: answer.ad.id,
      advertiserId: answer.ad.advertiserId,
      appId: state.app,
    });
    fact(`Reported ${type}`, outcome.charged ? "counted, charged" : "counted, free");
  } catch (error) {
    fact(`Reported ${type}`, error.message);
  }
}

function explain(answer) {
  $("facts").replaceChildren();
  $("verdict").textContent = REASONS[answer.reason] || "No ad.";
  fact("Reason code", answer.reason, true);
  fact("Language", answer.language);
  fact("Intent", answer.intent);
  fact("Opportunity", answer.opportunity === null ? null : answer.opportunity.toFixed(2));
  const price = priceOf(answer.receipt);
  if (price) fact("Price", price);
  fact("Snapshot", answer.snapshot, true);
  fact("Receipt", answer.receipt && `${answer.receipt.slice(0, 48)}…`, true);
}

function fact(name, value, code) {
  if (value === null || value === undefined) return;
  const cell = element("dd");
  cell.append(code ? element("code", "", value) : String(value));
  $("facts").append(element("dt", "", name), cell);
}

// Reads the price out of the receipt's payload; the signature is for those who have the key.
function priceOf(receipt) {
  if (!receipt) return null;
  try {
    const raw = atob(receipt.split(".")[0].replaceAll("-", "+").replaceAll("_", "/"));
    const fields = JSON.parse(new TextDecoder().decode(Uint8Array.from(raw, (c) => c.charCodeAt(0))));
    if (!Number.isFinite(fields.priceMicros)) return null;
    return `${(fields.priceMicros / 1e6).toFixed(2)} ${fields.currency || ""}`.trim();
  } catch {
    return null;
  }
}

start();
