// Requests to the server that sent this page. Nothing else is ever asked.
import {pageLanguage} from "./text.js";

const BASE = "/api/v1";

function address(path, query = {}) {
  const parts = new URLSearchParams({lang: pageLanguage(), ...query});
  return `${BASE}${path}?${parts}`;
}

/** The JSON at a path of the API. Throws an Error with the problem's title (RFC 9457) and `status`. */
export async function get(path, query = {}, signal = undefined) {
  const response = await fetch(address(path, query), {headers: {accept: "application/json"}, signal});
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.detail || body.title || response.statusText), {status: response.status});
  return body;
}

export const link = (path, query = {}) => address(path, query);

/** Follows the live stream. onRows: called with the data of each event; onContact: called with true or false.
 * Returns a function that ends it. The browser connects again by itself. */
export function follow(query, onRows, onContact) {
  const source = new EventSource(address("/stream", query));
  source.addEventListener("rows", (event) => {
    onContact(true);
    onRows(JSON.parse(event.data));
  });
  source.addEventListener("open", () => onContact(true));
  source.addEventListener("error", () => onContact(false));
  return () => source.close();
}
