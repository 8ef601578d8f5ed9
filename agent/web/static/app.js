// The page: what the server wrote into it, the live stream, and the view of the address.
import {html, render, useEffect, useErrorBoundary, useRef, useState} from "./core/html.js";
import {follow, get} from "./core/api.js";
import {merged, received} from "./core/plant.js";
import {listen, routeOf} from "./core/router.js";
import {useSession} from "./core/session.js";
import {_, pageLanguage, useTexts} from "./core/text.js";
import {ErrorPanel} from "./components/error.js";
import {Hatch} from "./components/hatch.js";
import {Announcer, Bar, Header} from "./components/shell.js";
import PlantView from "./views/plant.js";

const CONTACT_S = 3; // without a connection for longer, the values are outdated
const LATE_S = 5; // with a connection, but without an event, for longer: the server sends one every 2 s
const INFO = ["savings", "commissioning", "configuration", "health"]; // views of texts and tables, with styles in common
const loaded = {plant: PlantView};

function App({start}) {
  const [route, setRoute] = useState(() => routeOf(location.pathname + location.search));
  const [plant, setPlant] = useState(start.plant);
  const [failure, setFailure] = useState(start.error);
  const {live, setLive} = useLive(start.plant);
  const {View, retry} = useView(route.view, setFailure);
  const motor = ["motor", "power_quality"].includes(route.view) ? route.argument : null;

  useEffect(() => listen((path) => {
    setFailure(null);
    setRoute(routeOf(path));
  }), []);
  useEffect(
    () => follow(
      motor ? {motor} : {},
      (event) => {
        const heard_ms = Date.now();
        setPlant((old) => old && merged(old, event, heard_ms));
        setLive((old) => ({...old, heard_ms, now_ms: heard_ms, ahead_ms: Date.parse(event.t) - heard_ms}));
      },
      (contact) => setLive((old) => ({...old, contact})),
    ),
    [motor],
  );
  useEffect(() => {
    const failed = (event) => event.reason && event.reason.status && setFailure(event.reason);
    addEventListener("unhandledrejection", failed);
    return () => removeEventListener("unhandledrejection", failed);
  }, []);

  const again = () => {
    setFailure(null);
    retry();
    if (!plant) get("/plant").then((found) => setPlant(received(found, Date.now())), setFailure);
  };
  if (!plant) return html`<main id="main"><h1>magwatt</h1>${failure ? html`<${ErrorPanel} error=${failure} onRetry=${again} />` : html`<p class="soft">${_("Loading")}</p>`}</main>`;
  const outdated = isOutdated(live);
  const content = route.view === null ? html`<h1>${_("This page does not exist")}</h1><p class="mt"><a class="btn" href="/">${_("Plant")}</a></p>`
    : failure ? html`<${ErrorPanel} error=${failure} onRetry=${again} />`
    : View ? html`<${Guarded} key=${`${route.view}/${route.argument}`}><${View} plant=${plant} argument=${route.argument} query=${route.query} outdated=${outdated} now_ms=${live.now_ms} server_ms=${live.now_ms + live.ahead_ms} /><//>`
    : html`<p class="soft">${_("Loading")}</p>`;
  return html`<${Hatch} />
    <${Header} plant=${plant} tab=${route.tab} live=${live} outdated=${outdated} />
    <main id="main" tabindex="-1" class=${INFO.includes(route.view) ? "info" : ""}>${content}</main>
    <${Bar} plant=${plant} tab=${route.tab} />
    <${Announcer} plant=${plant} />
    <${Title} plant=${plant} />`;
}

/** When the last event came, and the browser's own clock, which ticks without the server. ahead_ms: of the server's clock. */
function useLive(plant) {
  const [live, setLive] = useState(() => ({contact: true, heard_ms: Date.now(), now_ms: Date.now(), ahead_ms: plant ? Date.parse(plant.t) - Date.now() : 0}));
  useEffect(() => {
    const ticking = setInterval(() => setLive((old) => ({...old, now_ms: Date.now()})), 1000);
    return () => clearInterval(ticking);
  }, []);
  return {live, setLive};
}

function isOutdated(live) {
  const silent_s = (live.now_ms - live.heard_ms) / 1000;
  return silent_s > (live.contact ? LATE_S : CONTACT_S);
}

/** The component of a view, loaded when it is opened first; retry: loads it again after a failure. */
function useView(name, onFailure) {
  const [, setTurn] = useState(0);
  const next = () => setTurn((turn) => turn + 1);
  const load = () => {
    if (!name || loaded[name]) return;
    import(`./views/${name}.js`).then((module) => {
      loaded[name] = module.default;
      next();
    }, onFailure);
  };
  useEffect(load, [name]);
  return {View: loaded[name], retry: () => (loaded[name] ? next() : load())};
}

/** A view; if it fails, what went wrong and a button in its place. */
function Guarded({children}) {
  const [error, reset] = useErrorBoundary((failed) => console.error(failed));
  return error ? html`<${ErrorPanel} error=${error} onRetry=${reset} />` : children;
}

/** The title of the window, with the number of alarms. */
function Title({plant}) {
  const site = {site: plant.site.name};
  const name = plant.simulated ? _("{site}, simulated · magwatt", site) : `${plant.site.name} · magwatt`;
  const count = plant.verdict.unacknowledged;
  const title = count ? `(${count}) ${name}` : name;
  const shown = useRef(null);
  if (shown.current !== title) document.title = shown.current = title;
  return null;
}

/** What the server wrote into the page, or else what it answers now. */
async function startData() {
  const written = document.getElementById("start").textContent.trim();
  const start = written ? JSON.parse(written) : {language: navigator.language.startsWith("zh") ? "zh" : "en", texts: {}};
  useTexts(start.language, start.texts);
  useSession(start.login, start.acts);
  document.documentElement.lang = pageLanguage() === "zh" ? "zh-CN" : "en";
  if (start.plant) return start;
  return get("/plant").then((plant) => ({...start, plant}), (error) => ({...start, plant: null, error}));
}

const start = await startData();
if (start.plant) start.plant = received(start.plant, Date.now());
render(html`<${App} start=${start} />`, document.body);
