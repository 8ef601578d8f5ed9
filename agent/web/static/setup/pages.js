// The pages of `init`: an existing file, a question, a password, a scan, and the configuration that is written.
import {html, useState} from "../core/html.js";
import {age} from "../core/numbers.js";
import {_, pageLanguage} from "../core/text.js";
import {Choices, Field, FieldError, Foot, List, Notes, Steps} from "./parts.js";

const submit = (act) => (event) => {
  event.preventDefault();
  act();
};

export function FilePage({state, send, error, waiting}) {
  const [choice, setChoice] = useState("");
  const choices = [
    {typed: "replace", name: _("Write it again"), label: state.kept ? _("From the kept answers, with questions for missing ones only") : _("From new questions; it is replaced at the end")},
    {typed: "commission", name: _("Commission it"), label: _("Confirm nameplates and wiring with the configuration as it is")},
    {typed: "leave", name: _("Change nothing"), label: _("End the setup")},
  ];
  return html`<form onSubmit=${submit(() => send("choose", {choice}))}>
    <div class="panel su"><h1 tabindex="-1">${_("{file} exists", {file: state.file})}</h1>
      <${Choices} choices=${choices} chosen=${choice} onChoose=${setChoice} label=${state.file} /><${FieldError} error=${error} /></div>
    <${Certificate} state=${state} /><${Foot} next=${{text: _("Next"), disabled: !choice}} waiting=${waiting} /></form>`;
}

export function QuestionPage({state, send, error, waiting}) {
  const question = state.question;
  const [typed, setTyped] = useState(question ? question.default : "");
  if (!question) return html`<${NotWritten} state=${state} send=${send} waiting=${waiting} />`;
  const answer = (text) => send("answer", {key: question.key, typed: text});
  const zh = pageLanguage() === "zh"; // the question names the words that are typed in a terminal
  const yesNo = [{typed: "yes", name: _("Yes"), label: zh && "yes"}, {typed: "no", name: _("No"), label: zh && "no"}];
  const choices = question.kind === "yes_no" ? yesNo : question.choices;
  const steps = state.sections.map((name, n) => ({name, state: n < question.section ? "ok" : ""}));
  const free = question.kind === "text";
  return html`<form onSubmit=${submit(() => answer(typed))}>
    <div class="panel su"><p class="where">${state.sections[question.section]}</p><${Steps} steps=${steps} current=${question.section} />
      <p class="small">${_("Nothing is written to a device.")}</p></div>
    ${state.report && html`<${Report} report=${state.report} />`}
    <${Notes} notes=${question.notes} />
    <div class="panel su"><h1 tabindex="-1">${question.text}</h1>
      ${choices.length > 0 && html`<${Choices} choices=${choices} chosen=${typed} onChoose=${setTyped} label=${question.text} />`}
      ${free ? html`<${Field} label=${choices.length ? _("Or enter it") : question.text} hidden_label=${!choices.length} value=${choices.some((each) => each.typed === typed) ? "" : typed} onInput=${setTyped} error=${error} numeric=${question.numeric} />` : html`<${FieldError} error=${error} />`}
      ${question.empty && html`<button type="button" class="btn wide" disabled=${waiting} onClick=${() => answer(question.empty.typed)}>${question.empty.text}</button>`}
    </div>
    ${state.first && html`<${Certificate} state=${state} />`}
    <${Foot} back=${{text: _("Back"), onClick: () => send("back", {key: question.key}), disabled: state.first}} next=${{text: _("Next"), disabled: !free && !typed}} waiting=${waiting} /></form>`;
}

/** The answers are complete, but no configuration could be written from them. */
function NotWritten({state, send, waiting}) {
  return html`<form onSubmit=${submit(() => send("write"))}><div class="panel su find"><h1 tabindex="-1">${_("Nothing was written")}</h1>
    <p class="lines">${state.failure}</p><p class="small">${_("Correct the answers file next to {file}, then try again.", {file: state.file})}</p></div>
    <${Foot} next=${{text: _("Try again")}} waiting=${waiting} /></form>`;
}

function Report({report}) {
  return html`<div class="panel su"><h2>${report.error ? _("The scan failed") : _("Result of the scan")}</h2>
    ${report.error && html`<p>${report.error}</p>`}
    ${report.devices.length > 0 && html`<table class="lv found"><thead><tr><th scope="col">${_("unit identifier")}</th><th scope="col">${_("model")}</th></tr></thead>
      <tbody>${report.devices.map(({unit, model}) => html`<tr><td><b>${unit}</b></td><td>${model}</td></tr>`)}</tbody></table>`}
    ${report.lines.length > 0 && html`<${List} texts=${report.lines} />`}</div>`;
}

export function PasswordPage({state, send, error, waiting}) {
  const [password, setPassword] = useState("");
  return html`<form onSubmit=${submit(() => send("password", {password}))}><div class="panel su"><h1 tabindex="-1">${_("Password of the broker")}</h1>
    <p class="small">${_("It is written to {path}, readable by its owner only.", {path: state.path})}</p>
    <${Field} label=${_("Password")} type="password" value=${password} onInput=${setPassword} error=${error} />
    <button type="button" class="btn wide" onClick=${() => send("password", {password: ""})}>${_("Create the file later")}</button></div>
    <${Foot} next=${{text: _("Next"), disabled: !password}} waiting=${waiting} /></form>`;
}

export function ScanPage({state, send}) {
  const {scan} = state;
  return html`<form onSubmit=${submit(() => send("cancel"))}><div class="panel su"><h1 tabindex="-1">${_("Scan of bus {bus}", {bus: scan.bus})}</h1>
    <progress max=${scan.total || 1} value=${scan.queried}></progress>
    <p role="status">${scan.cancelled ? _("Ending after the present request") : scan.left_s ? _("about {time} left", {time: age(scan.left_s)}) : _("Working")}</p>
    <p class="small">${scan.part} · ${_("{n} of {total}", {n: scan.queried, total: scan.total})}</p></div>
    <div class="panel su"><h2>${_("Devices that respond: {n}", {n: scan.found.length})}</h2>
      ${scan.found.length > 0 && html`<table class="lv"><thead><tr><th scope="col">${_("unit identifier")}</th><th scope="col">${_("line")}</th><th scope="col">ms</th></tr></thead>
      <tbody>${scan.found.map(({unit, line, ms}) => html`<tr><td><b>${unit}</b></td><td>${line || "–"}</td><td>${ms}</td></tr>`)}</tbody></table>`}
      ${scan.texts.slice(-3).map((text) => html`<p class="small">${text}</p>`)}</div>
    <${Foot} next=${{text: _("Cancel the scan"), disabled: scan.cancelled}} /></form>`;
}

export function WrittenPage({state, send, error, waiting}) {
  const [by, setBy] = useState("");
  return html`<form onSubmit=${submit(() => send("commission", {by}))}>
    ${state.error && html`<div class="panel su find"><h2>${_("The commissioning ended early")}</h2><p>${state.error}</p></div>`}
    ${state.motors ? html`<${Records} state=${state} />` : html`<div class="panel su"><h1 tabindex="-1">${_("{file} is ready", {file: state.file})}</h1>
      <details><summary>${_("Result of the check: {n}", {n: state.findings.length})}</summary><${List} texts=${state.findings} /></details></div>`}
    <div class="panel su"><h2>${state.motors ? _("Commission again") : _("Commission the motors now")}</h2>
      <p>${_("Each motor in five steps: nameplate, devices, wiring, registers, displays. The motors should run under load.")}</p>
      <${Field} label=${_("Name of the operator")} value=${by} onInput=${setBy} error=${error} /></div>
    <${Foot} back=${{text: _("Finish"), onClick: () => send("end")}} next=${{text: _("Commission"), disabled: !by.trim()}} waiting=${waiting} /></form>`;
}

function Records({state}) {
  return html`<div class="panel su"><h1 tabindex="-1">${_("The motors are commissioned")}</h1>
    <table class="lv"><thead><tr><th scope="col">${_("motor")}</th><th scope="col">${_("open points")}</th></tr></thead>
    <tbody>${state.motors.map(({title, points}) => html`<tr><td><b>${title}</b></td><td>${points === null ? "–" : points === 0 ? "✓ 0" : points}</td></tr>`)}</tbody></table>
    <p class="small">${_("Records: {folder}", {folder: state.folder})}</p></div>`;
}

export function EndPage({state}) {
  return html`<div class="panel su"><h1 tabindex="-1">${_("Finished")}</h1><p>${_("You can close this page. The terminal shows the next commands.")}</p></div>
    ${state.motors && html`<${Records} state=${state} />`}`;
}

function Certificate({state}) {
  if (!state.fingerprint) return null;
  return html`<details class="panel su"><summary>${_("Certificate of this connection")}</summary>
    <p class="small">${_("SHA-256 fingerprint; the terminal shows the same:")}</p><p class="fingerprint">${state.fingerprint}</p></details>`;
}
