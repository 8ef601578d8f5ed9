// Requests to the server that sent this page. Nothing else is ever asked.
import {pageLanguage} from "./text.js";

const BASE = "/api/v1";
const RETRY_MS = [3000, 6000, 12000, 30000];

function address(path, query = {}) {
  const parts = new URLSearchParams({lang: pageLanguage(), ...query});
  return `${BASE}${path}?${parts}`;
}

/** The JSON at a path of the API. Throws an Error with the problem's title (RFC 9457) and `status`. */
export async function get(path, query = {}, signal = undefined) {
  return answerOf(await fetch(address(path, query), {headers: {accept: "application/json"}, signal}));
}

async function answerOf(response) {
  if (response.status === 401 && location.pathname !== "/login") {
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.detail || body.title || response.statusText), {status: response.status});
  return body;
}

/** Sends JSON to a path of the API and returns its answer. Throws as `get`. */
export async function post(path, body) {
  const response = await fetch(address(path), {method: "POST", headers: {accept: "application/json", "content-type": "application/json"}, body: JSON.stringify(body)});
  return answerOf(response);
}

export const link = (path, query = {}) => address(path, query);

/** Follows the live stream. onRows: called with the data of each event; onContact: called with true or false.
 * Returns a function that ends it. The browser connects again by itself after a broken connection; after a refusal
 * it gives up, so that a new stream is opened here. */
export function follow(query, onRows, onContact) {
  let source = null;
  let waiting = null;
  let refused = 0;

  const open = () => {
    source = new EventSource(address("/stream", query));
    source.addEventListener("rows", (event) => {
      refused = 0;
      onContact(true);
      onRows(JSON.parse(event.data));
    });
    source.addEventListener("open", () => onContact(true));
    source.addEventListener("error", () => {
      onContact(false);
      if (source.readyState !== EventSource.CLOSED) return;
      get("/plant").catch(() => {}); // a stream does not show its status: when the session has ended, this leads to the login
      waiting = setTimeout(open, RETRY_MS[Math.min(refused, RETRY_MS.length - 1)]);
      refused += 1;
    });
  };
  open();
  return () => {
    clearTimeout(waiting);
    source.close();
  };
}
