// A request of a view: its answer, its error, and a way to repeat it.
import {useEffect, useState} from "./html.js";
import {get} from "./api.js";

/** {data, error, again} of GET `path`; `data` stays while a repetition runs. key: a change repeats at once.
 * every_s: repeats so often; a function of the data gives the seconds. */
export function useData(path, query = {}, {every_s = null, key = ""} = {}) {
  const [state, setState] = useState({data: null, error: null});
  const [turn, setTurn] = useState(0);
  const asked = JSON.stringify([path, query]);
  const again = () => setTurn((count) => count + 1);

  useEffect(() => setState({data: null, error: null}), [asked]);
  useEffect(() => {
    const aborting = new AbortController();
    get(path, query, aborting.signal).then(
      (data) => setState({data, error: null}),
      (error) => error.name === "AbortError" || setState((old) => ({...old, error})),
    );
    return () => aborting.abort();
  }, [asked, key, turn]);
  const pause_s = typeof every_s === "function" ? every_s(state.data) : every_s;
  useEffect(() => {
    if (!pause_s) return undefined;
    const repeating = setInterval(again, pause_s * 1000);
    return () => clearInterval(repeating);
  }, [pause_s]);
  return {...state, again};
}
