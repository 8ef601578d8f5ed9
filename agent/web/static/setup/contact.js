// The session with the terminal's process: one link, one browser, its state and the actions of the operator.
import {pageLanguage} from "../core/text.js";

const BASE = "/setup/v1";
const RETRY_MS = 1000;

async function ask(path, options = {}) {
  const response = await fetch(`${BASE}/${path}`, {...options, headers: {"accept-language": pageLanguage(), ...options.headers}});
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.detail || response.statusText), {status: response.status});
  return body;
}

/** An action; throws an Error with `status` and the text for the field. */
export const act = (name, body = {}) => ask(name, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)});

/** Exchanges the token in the address for the session of this browser, and removes it from the address. */
export async function open() {
  const token = location.hash.slice(1);
  if (!token) return;
  await act("session", {token});
  history.replaceState(null, "", location.pathname);
}

/** Follows the state until the setup has ended. onState, onContact(bool), onClosed(text). */
export async function follow(onState, onContact, onClosed) {
  let seen = 0;
  for (;;) {
    try {
      const state = await ask(`state?seen=${seen}`);
      onContact(true);
      seen = state.version;
      onState(state);
      if (state.stage === "end") return;
    } catch (error) {
      if (error.status === 401) return onClosed(error.message);
      onContact(false);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
