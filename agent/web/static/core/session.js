// Whether this page was opened with a password, so that it can be left again, and its reader can enter something.

let login = false;
let acting = false;

/** known: the page has a password, and this reader has logged in; acts: what the reader decides about alarms can be entered. */
export function useSession(known, acts) {
  login = Boolean(known);
  acting = Boolean(acts);
}

export const hasLogin = () => login;
export const mayAct = () => acting;
