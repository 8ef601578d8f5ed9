// What surrounds every view: navigation, clock, language, strips, and what a screen reader is told.
import {html, useEffect, useRef, useState} from "../core/html.js";
import {age, clock} from "../core/numbers.js";
import {stateOf} from "../core/plant.js";
import {hasLogin} from "../core/session.js";
import {_, pageLanguage} from "../core/text.js";
import {Marked, unmarked} from "./marked.js";

const tabs = () => [
  ["plant", "/", _("Plant")], ["alarms", "/alarms", _("Alarms")], ["savings", "/savings", _("Savings")], ["pq", "/pq", _("Power quality")],
  ["commissioning", "/commissioning", _("Commissioning")], ["configuration", "/configuration", _("Configuration")], ["health", "/health", _("Health")],
];
const PHONE_TABS = 3; // the others stand under "More"
const URGENT = ["safety", "high", "medium"];

export function Header({plant, tab, live, outdated}) {
  return html`<a class="skip" href="#main">${_("Skip to the content")}</a>
  <header>
    <div class="top">
      <div class="brand">magwatt<small>${plant.site.name}</small></div>
      <nav class="nav" aria-label=${_("Views")}>${tabs().map((item) => html`<${Tab} item=${item} current=${tab} plant=${plant} />`)}</nav>
      <div class="right"><span>${outdated || plant.contact.problem ? _("no contact") : _("live")}</span><b>${clock(live.now_ms + live.ahead_ms, plant.time_zone)}</b><${Language} /><${Leave} /></div>
    </div>
    <${Strips} plant=${plant} live=${live} outdated=${outdated} />
  </header>`;
}

/** Navigation of a phone, at the bottom. */
export function Bar({plant, tab}) {
  const shown = [...tabs().slice(0, PHONE_TABS), ["more", "/more", _("More")]];
  const current = shown.some(([name]) => name === tab) ? tab : "more";
  return html`<nav class="bar" aria-label=${_("Views")}>${shown.map((item) => html`<${Tab} item=${item} current=${current} plant=${plant} />`)}</nav>`;
}

function Tab({item: [name, href, text], current, plant}) {
  const count = name === "alarms" ? plant.verdict.unacknowledged : 0;
  return html`<a href=${href} class=${name === current ? "on" : ""} aria-current=${name === current ? "page" : undefined}>${text}${count ? html`<span class="count">${count}</span>` : null}</a>`;
}

function Language() {
  const other = pageLanguage() === "zh" ? "en" : "zh";
  const change = () => {
    document.cookie = `lang=${other}; path=/; max-age=31536000; samesite=strict`;
    location.reload();
  };
  return html`<button type="button" class="lang" lang=${other === "zh" ? "zh-CN" : "en"} onClick=${change}>${other === "zh" ? "中文" : "English"}</button>`;
}

/** A form, not a script: it must work when everything else fails. */
function Leave() {
  return hasLogin() ? html`<form method="post" action="/logout"><button type="submit" class="lang">${_("Log out")}</button></form>` : null;
}

/** Simulated data; no contact with the server; no contact of the server with the broker or the agent. */
function Strips({plant, live, outdated}) {
  const {problem} = plant.contact;
  const as_of = {clock: clock(plant.t, plant.time_zone)};
  const text = outdated ? _("No contact for {time}. Values as of {clock}.", {...as_of, time: age((live.now_ms - live.heard_ms) / 1000)})
    : problem ? problem.text
    : null;
  return html`${plant.simulated && html`<div class="sim"><span>${_("SIMULATED: software plant, no measurement")}</span></div>`}
    ${text && html`<p class="contact"><${Marked} text=${text} /></p>`}
    <p class="hidden" role="status">${text && (outdated ? _("No contact") : unmarked(text))}</p>`;
}

/** Reads out each alarm that begins while the page is open, politely and once. */
export function Announcer({plant}) {
  const known = useRef(null);
  const [text, setText] = useState("");
  const alarms = plant.findings.filter((finding) => URGENT.includes(finding.priority) && stateOf(finding) === "UNACK");
  const keys = alarms.map((finding) => `${finding.motor} ${finding.priority} ${finding.code}`);
  useEffect(() => {
    const before = known.current;
    known.current = new Set(keys);
    if (before === null) return;
    const begun = alarms.filter((finding, index) => !before.has(keys[index]));
    if (begun.length) setText(unmarked(begun.map((finding) => `${finding.name}: ${finding.text}`).join(". ")));
  }, [keys.join("\n")]);
  return html`<div class="hidden" aria-live="polite">${text}</div>`;
}
