// Whether this page was opened with a password, so that it can be left again.

let login = false;

export function useSession(known) {
  login = Boolean(known);
}

export const hasLogin = () => login;
