// The setup on a phone: the questions of `init`, then the walk of `commission`.
import {html, render, useEffect, useState} from "../core/html.js";
import {age} from "../core/numbers.js";
import {_, pageLanguage, useTexts} from "../core/text.js";
import {act, follow, open} from "./contact.js";
import {EndPage, FilePage, PasswordPage, QuestionPage, ScanPage, WrittenPage} from "./pages.js";
import {WalkPage} from "./walk.js";

const PAGES = {file: FilePage, questions: QuestionPage, password: PasswordPage, scan: ScanPage, written: WrittenPage, walk: WalkPage, end: EndPage};

function App() {
  const [state, setState] = useState(null);
  const [contact, setContact] = useState(true);
  const [closed, setClosed] = useState("");
  const [error, setError] = useState("");
  const [waiting, setWaiting] = useState(false);

  useEffect(() => {
    open().then(() => follow(setState, setContact, setClosed)).catch((problem) => setClosed(problem.message));
  }, []);
  const page = state && pageOf(state);
  useEffect(() => {
    setError("");
    scrollTo(0, 0);
    document.querySelector("h1")?.focus({preventScroll: true});
  }, [page]);

  const send = async (name, body) => {
    if (waiting) return;
    setWaiting(true);
    setError("");
    try {
      await act(name, body);
    } catch (problem) {
      if (problem.status === 401) setClosed(problem.message);
      else setError(problem.status ? problem.message : _("No contact with the computer; try again."));
    }
    setWaiting(false);
  };
  if (closed) return html`<${Header} /><main id="main" class="setup"><div class="panel su"><h1>${_("The setup is closed")}</h1><p>${closed}</p></div></main>`;
  if (!state) return html`<${Header} /><main id="main" class="setup"><p class="soft">${_("Loading")}</p></main>`;
  const View = PAGES[state.stage];
  return html`<${Header} state=${state} send=${send} />
    ${state.simulated && html`<div class="sim"><span>${_("SIMULATED: software plant, no measurement")}</span></div>`}
    ${!contact && html`<div class="contact" role="status">${_("No contact with the computer. The answers are kept; trying again.")}</div>`}
    <main id="main" class="setup" aria-busy=${waiting}><${View} key=${page} state=${state} send=${send} error=${error} waiting=${waiting} /></main>`;
}

/** Changes with each question and each page of the walk: entered text and errors belong to one of them. */
function pageOf(state) {
  if (state.stage === "questions") return `question ${state.question ? state.question.key : ""} ${state.question ? state.question.text : ""}`;
  if (state.stage === "walk") return `walk ${state.walk.page.kind} ${state.walk.page.number}`;
  return state.stage;
}

function Header({state, send}) {
  const other = pageLanguage() === "zh" ? "en" : "zh";
  const change = async () => {
    document.cookie = `lang=${other}; path=/; max-age=31536000; samesite=strict`;
    if (send) await send("language", {language: other});
    location.reload();
  };
  const title = state && ["walk", "written"].includes(state.stage) ? _("Commissioning") : _("Configuration");
  return html`<header class="top"><div class="brand">${title}</div>
    <div class="right">${state && html`<b class="ends">${_("ends in {time}", {time: age(state.left_s)})}</b>`}
      <button type="button" class="lang" lang=${other === "zh" ? "zh-CN" : "en"} onClick=${change}>${other === "zh" ? "中文" : "English"}</button></div>
  </header>`;
}

const start = JSON.parse(document.getElementById("start").textContent);
useTexts(start.language, start.texts);
document.documentElement.lang = start.language === "zh" ? "zh-CN" : "en";
document.title = _("Set up · magwatt");
render(html`<${App} />`, document.body);
