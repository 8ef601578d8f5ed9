// The shell of the page: navigation, language, contact with the server, and the view of the address.
import {html, render, useEffect, useState} from "./core/html.js";
import {follow, get} from "./core/api.js";
import {age, clock} from "./core/numbers.js";
import {listen, routeOf} from "./core/router.js";
import {_, pageLanguage, useTexts} from "./core/text.js";
import PlantView from "./views/plant.js";

const LATE_S = 5; // without an event for longer, or three intervals, the values are outdated
const loaded = {plant: PlantView};

/** The plant with the changes of an event. */
function merged(plant, event) {
  const changed = new Map(event.motors.map((row) => [row.id, row]));
  const motors = plant.motors.map((row) => changed.get(row.id) || row);
  const known = new Set(plant.motors.map((row) => row.id));
  return {...plant, ...event, motors: [...motors, ...event.motors.filter((row) => !known.has(row.id))]};
}

function App({start}) {
  const [route, setRoute] = useState(routeOf(location.pathname));
  const [plant, setPlant] = useState(start.plant);
  const [live, setLive] = useState({contact: true, heard_ms: Date.now(), now_ms: Date.now()});
  const [, setLoaded] = useState(0);
  const motor = ["motor", "power_quality"].includes(route.view) ? route.argument : null;

  useEffect(() => listen((path) => setRoute(routeOf(path))), []);
  useEffect(() => {
    const ticking = setInterval(() => setLive((old) => ({...old, now_ms: Date.now()})), 1000);
    return () => clearInterval(ticking);
  }, []);
  useEffect(
    () => follow(
      motor ? {motor} : {},
      (event) => {
        setPlant((old) => merged(old, event));
        setLive((old) => ({...old, heard_ms: Date.now(), now_ms: Date.now()}));
      },
      (contact) => setLive((old) => ({...old, contact})),
    ),
    [motor],
  );
  useEffect(() => {
    if (!route.view || loaded[route.view]) return;
    import(`./views/${route.view}.js`).then((module) => {
      loaded[route.view] = module.default;
      setLoaded((count) => count + 1);
    });
  }, [route.view]);

  const silent_s = (live.now_ms - live.heard_ms) / 1000;
  const outdated = silent_s > LATE_S;
  const View = loaded[route.view];
  document.title = titleOf(plant);
  return html`<${Header} plant=${plant} tab=${route.tab} live=${live} outdated=${outdated} />
    ${plant.simulated && html`<div class="sim"><span>${_("SIMULATED: software plant, no measurement")}</span></div>`}
    ${outdated && html`<div class="contact" role="status">${_("No contact for {time}. Values as of {clock}.", {time: age(silent_s), clock: clock(live.heard_ms, plant.time_zone)})}</div>`}
    <main id="main" tabindex="-1">${route.view === null ? html`<h1>${_("This page does not exist")}</h1>` : View ? html`<${View} plant=${plant} argument=${route.argument} outdated=${outdated} now_ms=${live.now_ms} />` : html`<p class="soft">${_("Loading")}</p>`}</main>
    <${Bar} plant=${plant} tab=${route.tab} />`;
}

const titleOf = (plant) => (plant.simulated ? _("{site}, simulated · magwatt", {site: plant.site.name}) : `${plant.site.name} · magwatt`);

const tabs = () => [
  ["plant", "/", _("Plant")], ["alarms", "/alarms", _("Alarms")], ["savings", "/savings", _("Savings")], ["pq", "/pq", _("Power quality")],
  ["commissioning", "/commissioning", _("Commissioning")], ["configuration", "/configuration", _("Configuration")], ["health", "/health", _("Health")],
];

function Count({plant, tab}) {
  const count = tab === "alarms" ? plant.verdict.unacknowledged : 0;
  return count ? html`<span class="count">${count}</span>` : null;
}

function Header({plant, tab, live, outdated}) {
  return html`<a class="skip" href="#main">${_("Skip to the content")}</a>
  <header class="top">
    <div class="brand">magwatt<small>${plant.site.name}</small></div>
    <nav class="nav" aria-label=${_("Views")}>${tabs().map(([name, href, text]) => html`<a href=${href} class=${name === tab ? "on" : ""} aria-current=${name === tab ? "page" : undefined}>${text}<${Count} plant=${plant} tab=${name} /></a>`)}</nav>
    <div class="right"><span>${outdated ? _("no contact") : _("live")}</span><b>${clock(live.now_ms, plant.time_zone)}</b><${Language} /></div>
  </header>`;
}

function Language() {
  const other = pageLanguage() === "zh" ? "en" : "zh";
  const change = (event) => {
    event.preventDefault();
    document.cookie = `lang=${other}; path=/; max-age=31536000; samesite=strict`;
    location.reload();
  };
  return html`<button type="button" class="lang" lang=${other === "zh" ? "zh-CN" : "en"} onClick=${change}>${other === "zh" ? "中文" : "English"}</button>`;
}

/** Navigation of a phone, at the bottom. */
function Bar({plant, tab}) {
  const shown = [...tabs().slice(0, 3), ["more", "/more", _("More")]];
  const current = shown.some(([name]) => name === tab) ? tab : "more";
  return html`<nav class="bar" aria-label=${_("Views")}>${shown.map(([name, href, text]) => html`<a href=${href} class=${name === current ? "on" : ""} aria-current=${name === current ? "page" : undefined}>${text}<${Count} plant=${plant} tab=${name} /></a>`)}</nav>`;
}

/** What the server wrote into the page, or else what it answers now. */
async function startData() {
  const written = document.getElementById("start").textContent;
  if (written.trim()) return JSON.parse(written);
  return {language: "en", texts: {}, plant: await get("/plant")};
}

const start = await startData();
useTexts(start.language, start.texts);
document.documentElement.lang = start.language === "zh" ? "zh-CN" : "en";
render(html`<${App} start=${start} />`, document.body);
