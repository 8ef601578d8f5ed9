// The decisions of an operator about one alarm: acknowledge, shelve, end shelving. They change nothing in a drive.
import {html, useEffect, useState} from "../core/html.js";
import {post} from "../core/api.js";
import {mayAct} from "../core/session.js";
import {_} from "../core/text.js";
import {Marked} from "./marked.js";
import {Segmented} from "./segmented.js";

const HOURS = [1, 4, 8, 12]; // the agent allows no longer shelving
const REASON_MAX = 200;

/** finding: with an alarm. What was entered is shown as sent until the agent publishes the new state. */
export function AlarmActions({finding}) {
  const {alarm, motor, code} = finding;
  const [sent, setSent] = useState("");
  const [error, setError] = useState("");
  const [shelving, setShelving] = useState(false);
  useEffect(() => {
    setSent("");
    setShelving(false);
  }, [alarm.state, alarm.seq]);
  const open = ["UNACK", "RTNUN"].includes(alarm.state);
  const shelvable = ["UNACK", "RTNUN", "ACKED"].includes(alarm.state) && alarm.shelvable;
  if (!open && !shelvable && alarm.state !== "SHLVD") return null;
  if (!mayAct()) return html`<p class="small acts-hint"><${Marked} text=${readOnlyText()} /></p>`;
  const act = async (action, more = {}) => {
    setError("");
    try {
      await post("/alarms/actions", {motor, code, part: alarm.part, seq: alarm.seq, action, ...more});
      setSent(action);
      setShelving(false);
    } catch (failed) {
      setError(failed.status ? failed.message : _("No contact with the server, or an error in the page."));
    }
  };
  const failure = error && html`<p class="acts-error" role="alert"><${Marked} text=${error} /></p>`;
  if (sent) return html`<p class="small acts-hint" role="status">${sentText(sent)}</p>`;
  if (shelving) return html`<${ShelveForm} onShelve=${(minutes, reason) => act("shelve", {minutes, reason})} onCancel=${() => setShelving(false)} />${failure}`;
  return html`<div class="acts">
    ${open && html`<button type="button" class="btn" onClick=${() => act("ack")}>${_("Acknowledge")}</button>`}
    ${shelvable && html`<button type="button" class="btn" onClick=${() => setShelving(true)}>${_("Shelve…")}</button>`}
    ${open && !alarm.shelvable && html`<span class="small">${_("cannot be shelved")}</span>`}
    ${alarm.state === "SHLVD" && html`<button type="button" class="btn" onClick=${() => act("unshelve")}>${_("End shelving")}</button>`}
  </div>${failure}`;
}

function readOnlyText() {
  return _("To acknowledge or shelve, log in (`magwatt web --set-password`), or use `magwatt alarms` on the gateway.");
}

function sentText(action) {
  const names = {ack: _("Acknowledgement entered; the agent has not applied it yet."), shelve: _("Shelving entered; the agent has not applied it yet."), unshelve: _("End of shelving entered; the agent has not applied it yet.")};
  return names[action];
}

function ShelveForm({onShelve, onCancel}) {
  const [hours, setHours] = useState(HOURS[0]);
  const [reason, setReason] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (reason.trim()) onShelve(60 * hours, reason.trim());
  };
  return html`<form class="shelve" onSubmit=${submit}>
    <${Segmented} label=${_("Shelve for")} chosen=${hours} onChoose=${setHours} choices=${HOURS.map((count) => [count, _("{n} h", {n: count})])} />
    <label><span class="small">${_("Reason")}</span><input type="text" required maxlength=${REASON_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
    <div class="acts"><button type="submit" class="btn">${_("Shelve")}</button><button type="button" class="btn" onClick=${onCancel}>${_("Cancel")}</button></div>
  </form>`;
}
