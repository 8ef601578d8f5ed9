// The width of a chart's place, so that its letters keep their size on a phone and on a panel.
import {html, useLayoutEffect, useRef, useState} from "../core/html.js";

/** children: called with the width in units of 1/16 rem; an SVG of this width in its view box and of 100 % width has letters of true size. */
export function Measured({children, first = 720}) {
  const place = useRef(null);
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    const measure = () => {
      const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      setWidth(Math.max(240, Math.round(place.current.clientWidth / unit)));
    };
    const watching = new ResizeObserver(measure);
    watching.observe(place.current);
    measure();
    return () => watching.disconnect();
  }, []);
  return html`<div ref=${place} class="measured">${children(width)}</div>`;
}
