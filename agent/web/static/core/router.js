// Addresses of the page. A view is loaded when it is opened first.

const VIEWS = [
  [/^\/$/, "plant", "plant"],
  [/^\/m\/([^/]+)$/, "motor", "plant"],
  [/^\/m\/([^/]+)\/pq$/, "power_quality", "pq"],
  [/^\/pq$/, "power_quality", "pq"],
  [/^\/savings(?:\/(\d{4}-\d{2}))?$/, "savings", "savings"],
  [/^\/alarms$/, "alarms", "alarms"],
  [/^\/commissioning$/, "commissioning", "commissioning"],
  [/^\/configuration$/, "configuration", "configuration"],
  [/^\/health$/, "health", "health"],
  [/^\/more$/, "more", "more"],
];

/** The view of an address: {view, tab, argument, query}; a view of null: there is no such page. */
export function routeOf(address) {
  const {pathname, searchParams: query} = new URL(address, location.origin);
  for (const [pattern, view, tab] of VIEWS) {
    const match = pattern.exec(pathname);
    if (match) return {view, tab, argument: match[1] === undefined ? null : decodeURIComponent(match[1]), query};
  }
  return {view: null, tab: "", argument: null, query};
}

const address = () => location.pathname + location.search;

/** Calls `changed` with each new address; links within the page do not load it again. */
export function listen(changed) {
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest && event.target.closest("a[href^='/']");
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!anchor || !plain || anchor.target || anchor.hasAttribute("download") || anchor.pathname.startsWith("/api/")) return;
    event.preventDefault();
    go(anchor.pathname + anchor.search);
    document.getElementById("main")?.focus({preventScroll: true}); // as after a load: Tab continues in the new view
  });
  addEventListener("popstate", () => changed(address()));
  listen.changed = changed;
}

export function go(path) {
  if (path !== address()) history.pushState(null, "", path);
  listen.changed(address());
  scrollTo(0, 0);
}

/** Shows another address in place of the present one. */
export function replace(path) {
  history.replaceState(null, "", path);
  listen.changed(address());
}
