// What went wrong, in place of what could not be shown, with a button that tries again.
import {html} from "../core/html.js";
import {_} from "../core/text.js";
import {Marked} from "./marked.js";

/** error: an Error; that of the API has a `status` and the problem as its message. onRetry: called by the button. */
export function ErrorPanel({error, onRetry}) {
  const text = error.status ? error.message : _("No contact with the server, or an error in the page.");
  return html`<section class="panel error" role="alert">
    <h2>${_("This view cannot be shown")}</h2>
    <p><${Marked} text=${text} /></p>
    <button type="button" class="btn" onClick=${onRetry}>${_("Try again")}</button>
  </section>`;
}
