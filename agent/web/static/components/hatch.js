// The hatching of what is not measured or not known, shared by all charts: fill="url(#hatch)".
import {html} from "../core/html.js";

export const Hatch = () => html`<svg class="defs" aria-hidden="true"><defs>
  <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="hatch" /></pattern>
</defs></svg>`;
