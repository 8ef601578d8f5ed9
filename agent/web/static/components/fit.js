// Draws a chart at the width that it has, so that its text keeps its size on a phone and on a panel.
import {html, useEffect, useRef, useState} from "../core/html.js";

const ROOT_PX = 16;

/** children: a function of the width in units of 1/16 rem, which is the width of the SVG's viewBox. */
export function Fit({children, initial = 640}) {
  const box = useRef(null);
  const [width, setWidth] = useState(initial);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const root_px = parseFloat(getComputedStyle(document.documentElement).fontSize);
      if (entry.contentRect.width > 0) setWidth(Math.round((entry.contentRect.width * ROOT_PX) / root_px));
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return html`<div class="fit" ref=${box}>${children(width)}</div>`;
}
