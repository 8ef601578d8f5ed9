// The page: choosing files, what the person knows, and the results.
import {verifyBundle} from "../core/bundle.js";
import {Rejection} from "../core/rejection.js";
import {signatureCheck} from "../core/signature_check.js";
import {compareBundles} from "../core/several.js";
import {checkpointsOf, keysOf, sorted} from "../core/trust.js";
import {element} from "./dom.js";
import {LANGUAGES, languageOf, textIn} from "./language.js";
import {reasonOf, resultView} from "./result.js";

const SIZE_MAX = 200e6;
const NAMES = {en: "English", zh: "中文"};

const state = {
  language: languageOf(navigator.languages || [navigator.language || "en"]), files: [], results: [], working: null,
  keys: "", checkpoints: "", method: null, busy: false,
};
const root = document.getElementById("page");

const main = element("main");
const places = {working: element("div"), results: element("div")};

// The whole page, in another language.
const draw = () => {
  const text = textIn(state.language);
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  main.replaceChildren(input(text), places.working, places.results);
  root.replaceChildren(header(text), main, footer(text));
  drawWorking();
  drawResults();
};

const drawWorking = () => places.working.replaceChildren(...[working(textIn(state.language))].filter(Boolean));

const drawResults = () => {
  const text = textIn(state.language);
  places.results.replaceChildren(...results(text));
  root.querySelector("footer").replaceWith(footer(text));
  document.getElementById("verify").textContent = text(state.results.length ? "again" : "verify");
};

const header = (text) => element("header", {}, element("h1", {}, text("title")),
  element("div", {class: "languages"}, LANGUAGES.map((language) => element("button", {
    type: "button", "data-language": language, lang: language, "aria-pressed": String(language === state.language),
    onclick: () => { state.language = language; draw(); root.querySelector(`[data-language=${language}]`).focus(); },
  }, NAMES[language]))));

const input = (text) => {
  const file = element("input", {type: "file", multiple: true, accept: ".json,.jsonl,.pub,application/json", id: "files",
    "aria-describedby": "choose", onchange: (event) => take([...event.target.files])});
  const drop = element("div", {class: "drop", ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); take([...event.dataTransfer.files]); }},
  element("label", {for: "files", id: "choose"}, text("choose")), file);
  return element("section", {class: "input"}, element("p", {class: "soft"}, text("subtitle")), drop, known(text));
};

const known = (text) => element("details", {open: Boolean(state.keys || state.checkpoints)},
  element("summary", {}, text("known")), element("p", {class: "soft"}, text("known_why")),
  field("keys", "typed_keys", 2, text), field("checkpoints", "typed_checkpoints", 3, text),
  element("p", {class: "actions"}, element("button", {type: "button", id: "verify", onclick: () => verifyAll()},
    text("verify"))));

const field = (name, code, rows, text) => {
  const area = element("textarea", {id: name, rows, spellcheck: "false", autocomplete: "off",
    oninput: (event) => { state[name] = event.target.value; }});
  area.value = state[name];
  return [element("label", {for: name}, text(code)), area];
};

const working = (text) => state.working && element("section", {"aria-live": "polite"},
  element("p", {id: "working"}, text("working", {file: state.working.file, percent: Math.round(100 * state.working.done)})),
  element("progress", {max: "1", value: String(state.working.done)}));

const results = (text) => state.results.map(({file, result, problem}) => (problem
  ? element("article", {"data-verdict": "rejected", "data-reason": problem.code},
    element("section", {class: "verdict rejected", role: "status", tabindex: "-1"}, element("p", {class: "soft"}, file),
      element("p", {class: "mark"}, text("verdict_rejected")), element("p", {}, reasonOf(problem, text))))
  : resultView(file, result, text, state.language)));

const footer = (text) => {
  const method = state.method ? text(`method_${state.method}`) : "–";
  return element("footer", {}, state.results.length ? element("p", {class: "actions"},
    element("button", {type: "button", onclick: () => window.print()}, text("print"))) : null,
  element("p", {}, text("version", {version: document.body.dataset.version, method})));
};

const take = async (files) => {
  if (!files.length || state.busy) return;
  state.files = files;
  await verifyAll();
};

const verifyAll = async () => {
  if (state.busy || !state.files.length) return;
  Object.assign(state, {busy: true, results: []});
  drawResults();
  state.results = await judged(state.files);
  Object.assign(state, {busy: false, working: null});
  drawWorking();
  drawResults();
  root.querySelector("article .verdict").focus();
};

// The result of each bundle among the files, or the problem that prevents one.
const judged = async (files) => {
  const results = [];
  const texts = [];
  for (const file of files) {
    const {value, problem} = await attempt(() => textOf(file));
    if (problem) results.push({file: file.name, problem});
    else texts.push({name: file.name, text: value});
  }
  const {bundles, ...known} = sorted(texts);
  for (const {name, text} of bundles) {
    const {value, problem} = await attempt(() => verified(name, text, known));
    results.push({file: name, result: value, problem});
  }
  if (results.length) return compareBundles(results);
  return [{file: texts.map(({name}) => name).join(", "), problem: {code: "no_bundle", data: {}}}];
};

const attempt = async (action) => {
  try {
    return {value: await action()};
  } catch (error) {
    if (error instanceof Rejection) return {problem: {code: error.code, data: error.data}};
    return {problem: {code: "program_error", data: {error: String(error)}}};
  }
};

// known: plans, checkpoints and public keys of other files.
const verified = async (name, text, {plans, checkpoints, keys}) => {
  const pasted = state.checkpoints.trim() ? checkpointsOf(state.checkpoints) : [];
  const trust = {keys: [...keys, ...keysOf(state.keys)], checkpoints: [...checkpoints, ...pasted], plans};
  const check = await signatureCheck(globalThis.crypto && crypto.subtle);
  state.method = check.method;
  const progress = progressOf(name);
  await progress(0);
  return verifyBundle(text, trust, check, progress);
};

const textOf = async (file) => {
  if (file.size > SIZE_MAX) throw new Rejection("file_too_large", {file: file.name});
  try {
    return new TextDecoder("utf-8", {fatal: true}).decode(await file.arrayBuffer());
  } catch {
    throw new Rejection("file_unreadable", {file: file.name});
  }
};

// Shows the progress at most ten times a second, so that the page is drawn meanwhile.
const progressOf = (file) => {
  let shown = 0;
  return async (done) => {
    if (performance.now() - shown < 100) return;
    shown = performance.now();
    state.working = {file, done};
    drawWorking();
    await new Promise((resolve) => { setTimeout(resolve); });
  };
};

draw();
