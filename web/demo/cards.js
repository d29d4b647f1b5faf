// The labelled ad in its four formats. Every word of an ad is set with textContent: ads are untrusted text.

const WORDS = {
  eng: {
    paidBy: "Paid by", hide: "Hide this ad", mute: "Mute this advertiser", send: "Send",
    hidden: "The ad is hidden.", muted: "You will see no more ads of this advertiser here.",
    kept: "(Demo: what you typed was neither sent nor stored.)", contact: "Your contact",
  },
  jpn: {
    paidBy: "広告主：", hide: "この広告を隠す", mute: "この広告主をミュート", send: "送信",
    hidden: "広告を非表示にしました。", muted: "この広告主の広告は表示されなくなります。",
    kept: "（デモ：入力内容は送信も保存もされません。）", contact: "ご連絡先",
  },
};

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

// Returns the address if it is http(s): an ad must not bring a javascript: link along.
function webAddress(value) {
  try {
    const url = new URL(value);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

// Builds the card. `on` has: report(type), mute(advertiserId).
export function adCard(ad, language, on) {
  const words = WORDS[language] || WORDS.eng;
  const card = element("section", `ad ad-${ad.format}`);
  card.lang = language === "jpn" ? "ja" : "en";
  card.setAttribute("aria-label", `${ad.label}: ${ad.advertiserName}`);
  const head = element("header");
  head.append(
    element("span", "label", ad.label),
    element("span", "", ad.advertiserName),
    element("span", "", `${words.paidBy} ${ad.payer}`),
  );
  card.append(head);
  BUILDERS[ad.format](card, ad, words, on);
  card.append(element("p", "why", ad.why), choices(card, ad, words, on));
  return card;
}

const BUILDERS = {
  action_card(card, ad, words, on) {
    card.append(element("h3", "", ad.title), element("p", "", ad.description), cta(ad, on));
  },
  static(card, ad, words, on) {
    const line = element("p");
    line.append(element("strong", "", ad.title), ` ${ad.description} `);
    card.append(line, cta(ad, on));
  },
  followup(card, ad, words, on) {
    const open = element("button", "question", ad.question || ad.title);
    const more = element("div");
    open.type = "button";
    more.hidden = true;
    more.append(element("h3", "", ad.title), element("p", "", ad.description), cta(ad, on));
    open.setAttribute("aria-expanded", "false");
    open.addEventListener("click", () => {
      more.hidden = !more.hidden;
      open.setAttribute("aria-expanded", String(!more.hidden));
    });
    card.append(open, more);
  },
  lead_gen(card, ad, words, on) {
    const form = element("form", "row");
    const field = element("input");
    field.type = "email";
    field.required = true;
    field.autocomplete = "off";
    field.placeholder = ad.placeholder || "";
    field.setAttribute("aria-label", ad.placeholder || words.contact);
    const send = element("button", "", ad.ctaText || words.send);
    send.type = "submit";
    form.append(field, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      on.report("submit");
      form.replaceWith(element("p", "", `${ad.successMessage || ""} ${words.kept}`));
    });
    card.append(element("h3", "", ad.title), element("p", "", ad.description), form);
  },
};

function cta(ad, on) {
  const address = webAddress(ad.ctaUrl);
  const link = element("a", "cta", ad.ctaText);
  if (address) link.href = address;
  link.target = "_blank";
  link.rel = "sponsored noopener";
  link.addEventListener("click", () => on.report("click"));
  return link;
}

function choices(card, ad, words, on) {
  const foot = element("footer");
  const hide = element("button", "plain", words.hide);
  const mute = element("button", "plain", words.mute);
  for (const [button, after] of [[hide, words.hidden], [mute, words.muted]]) {
    button.type = "button";
    button.addEventListener("click", () => {
      on.report("dismiss");
      if (button === mute) on.mute(ad.advertiserId, ad.advertiserName);
      const gone = element("p", "ad gone", after);
      gone.tabIndex = -1;
      card.replaceWith(gone);
      gone.focus();
    });
  }
  foot.append(hide, mute);
  return foot;
}
