// Power over time from zero with the old plant dashed and the saving as the area between; efficiency on its own strip.
// Drawn by uPlot, which is loaded with the first chart.
import {html, useEffect, useRef, useState} from "../core/html.js";
import {clock, day} from "../core/numbers.js";

const DAY_S = 86400;
let loading = null;

/** The library, loaded once; it has no module. Without its style sheet the plots would have other heights. */
function library() {
  loading ||= new Promise((found, failed) => {
    const style = Object.assign(document.createElement("link"), {rel: "stylesheet", href: "/static/vendor/uplot.min.css"});
    const script = Object.assign(document.createElement("script"), {src: "/static/vendor/uplot.iife.min.js"});
    const loaded = [style, script].map((part) => new Promise((done, broken) => Object.assign(part, {onload: done, onerror: broken})));
    Promise.all(loaded).then(() => found(window.uPlot), () => {
      loading = null;
      failed(new Error(script.src));
    });
    document.head.append(style, script);
  });
  return loading;
}

/** plots: [{key, height, unit, zero, columns: [[number|null]], lines: [{stroke, width, dash, fill}], bands: [[upper, lower, colour]]}] over
 * the common times t_s. gaps: [{from_s, to_s, text}]. at: index of the cursor or null; onMove: called with an index.
 * label: what the chart shows. children: called with the positions of the last values: {key: [y in px]}. */
export function Timeline({t_s, from_s, to_s, plots, gaps, zone, at, onMove, label, children}) {
  const place = useRef(null);
  const drawn = useRef([]);
  const [size, setSize] = useState(null);
  const [uPlot, setLibrary] = useState(null);
  const [ends, setEnds] = useState({});

  useEffect(() => void library().then((found) => setLibrary(() => found), () => setLibrary(null)), []);
  useEffect(() => watched(place.current, setSize), []);
  useEffect(() => {
    if (!uPlot || !size || !t_s.length) return undefined;
    const look = lookOf(place.current);
    drawn.current = plots.map((plot, index) => new uPlot(
      optionsOf(uPlot, {plot, look, width: size.width, from_s, to_s, gaps, zone, time: index === plots.length - 1, onMove,
        onReady: (chart) => setEnds((old) => ({...old, [plot.key]: endsOf(chart, place.current)}))}),
      [t_s, ...plot.columns], place.current,
    ));
    return () => {
      drawn.current.forEach((chart) => chart.destroy());
      drawn.current = [];
    };
  }, [uPlot, size, t_s, plots, gaps, from_s, to_s]);
  useEffect(() => drawn.current.forEach((chart) => {
    const left = at === null ? -10 : chart.valToPos(t_s[at], "x");
    if (Math.abs(chart.cursor.left - left) > 0.6) chart.setCursor({left, top: at === null ? -10 : 1}, false);
  }), [at, size, uPlot, t_s, plots]);

  const move = (event) => {
    const last = t_s.length - 1;
    const next = {ArrowLeft: at === null ? last : at - 1, ArrowRight: at === null ? 0 : at + 1, Home: 0, End: last, Escape: null,
      PageUp: (at === null ? last : at) - Math.ceil(last / 24), PageDown: (at === null ? 0 : at) + Math.ceil(last / 24)}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    onMove(next === null ? null : Math.max(0, Math.min(last, next)));
  };
  const point = (event) => {
    const chart = drawn.current[0];
    if (!chart) return;
    const left = event.clientX - chart.over.getBoundingClientRect().left;
    if (left >= 0 && left <= chart.over.clientWidth) onMove(chart.posToIdx(left));
  };
  return html`<div class="timeline">
    <div ref=${place} class="tl-plots" role="img" aria-label=${label} tabindex="0" onKeyDown=${move} onPointerDown=${point}></div>
    ${children(ends)}
  </div>`;
}

/** Calls `changed` with width and theme of an element, now and when either changes. */
function watched(element, changed) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const measure = () => changed((old) => {
    const found = {width: element.clientWidth, dark: dark.matches, unit: parseFloat(getComputedStyle(document.documentElement).fontSize) / 16};
    return old && Object.keys(found).every((key) => old[key] === found[key]) ? old : found;
  });
  const watching = new ResizeObserver(measure);
  watching.observe(element);
  dark.addEventListener("change", measure);
  measure();
  return () => {
    watching.disconnect();
    dark.removeEventListener("change", measure);
  };
}

/** Colours and letters of the page, for the canvas. */
function lookOf(element) {
  const style = getComputedStyle(element);
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return {colour: (name) => style.getPropertyValue(`--${name}`).trim(), font: `${13 * unit}px ${style.fontFamily}`, unit};
}

function optionsOf(uPlot, {plot, look, width, from_s, to_s, gaps, zone, time, onMove, onReady}) {
  const axis = {stroke: look.colour("soft"), font: look.font, ticks: {show: false}};
  return {
    width, height: (plot.height + (time ? 28 : 0)) * look.unit, padding: [24 * look.unit, 2, time ? 0 : 6, 0], legend: {show: false},
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    cursor: {drag: {x: false, y: false}, y: false, points: {size: 7 * look.unit}, move: (chart, left, top) => [left, top]},
    scales: {x: {time: true, range: [from_s, to_s]}, y: {range: (chart, low, high) => rangeOf(low, high, plot.zero)}},
    axes: [
      {...axis, size: time ? 28 * look.unit : 0, show: time, space: 90 * look.unit, grid: {stroke: look.colour("rule"), width: 1, dash: [2, 4]},
        values: (chart, marks) => marks.map((mark) => (to_s - from_s > 1.1 * DAY_S ? day(mark * 1000, zone) : clock(mark * 1000, zone, false)))},
      {...axis, size: 48 * look.unit, gap: 6, space: 30 * look.unit, grid: {stroke: look.colour("rule"), width: 1}, values: (chart, marks) => marks.map((mark) => String(mark).replace("-", "−"))},
    ],
    series: [{}, ...plot.lines.map((line) => ({
      stroke: line.stroke ? look.colour(line.stroke) : "transparent", width: line.stroke ? line.width * look.unit : 0, dash: line.dash, points: {show: false}, spanGaps: false,
    }))],
    bands: (plot.bands || []).map(([upper, lower, colour]) => ({series: [upper, lower], fill: look.colour(colour)})),
    hooks: {
      ready: [onReady],
      drawAxes: [(chart) => hatched(chart, gaps, look, plot.named), (chart) => unitName(chart, plot.unit, look)],
      setCursor: [(chart) => chart.cursor.event && chart.cursor.left >= 0 && onMove(chart.cursor.idx)],
    },
  };
}

/** The unit above the axis of the values. */
function unitName({ctx, bbox}, unit, look) {
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.font = look.font.replace(/^[\d.]+/, (size) => size * ratio);
  ctx.fillStyle = look.colour("soft");
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(unit, bbox.left - 24 * ratio * look.unit, bbox.top - 11 * ratio * look.unit);
  ctx.restore();
}

/** Power from zero; an efficiency with room for its band. */
function rangeOf(low, high, zero) {
  if (low === null || high === null) return zero ? [0, 1] : [90, 100];
  if (zero) return [Math.min(0, 1.1 * low), Math.max(0, 1.12 * high) || 1];
  const room = Math.max(0.5, 0.35 * (high - low));
  return [Math.floor(low - room), Math.ceil(Math.min(high + room, Math.max(high, 100)))];
}

/** Gaps: hatched over the height of the plot, with their reason where there is room. */
function hatched(chart, gaps, look, named) {
  const {ctx} = chart;
  const {left, top, width, height} = chart.bbox;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  let free = left;
  for (const gap of gaps) {
    const from = chart.valToPos(gap.from_s, "x", true);
    const to = Math.max(from + 2 * ratio, chart.valToPos(gap.to_s, "x", true));
    hatch(ctx, from, top, to, height, look.colour("hatch"), ratio * look.unit);
    if (named) free = name(ctx, gap.text, {from, to, free, right: left + width, y: top + height - 8 * ratio * look.unit, look, ratio});
  }
  ctx.restore();
}

function hatch(ctx, from, top, to, height, colour, unit) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, top, to - from, height);
  ctx.clip();
  ctx.beginPath();
  for (let x = from - height; x < to; x += 7 * unit) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * unit;
  ctx.stroke();
  ctx.restore();
}

/** Writes the reason of a gap right of it, or left of it; returns where the next may begin. */
function name(ctx, text, {from, to, free, right, y, look, ratio}) {
  ctx.font = look.font.replace(/^[\d.]+/, (size) => size * ratio);
  ctx.fillStyle = look.colour("soft");
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  const room = 6 * ratio;
  const wide = ctx.measureText(text).width;
  const x = to + room + wide <= right ? to + room : from - room - wide;
  if (x < free) return free;
  ctx.fillText(text, x, y);
  return x + wide + room;
}

/** Heights of the last values of a chart, px from the top of its place; null: there is none. */
function endsOf(chart, place) {
  const before = chart.root.getBoundingClientRect().top - place.getBoundingClientRect().top + chart.bbox.top / (devicePixelRatio || 1);
  return chart.data.slice(1).map((column) => {
    const last = column.findLast((value) => value !== null && value !== undefined);
    return last === undefined ? null : before + chart.valToPos(last, "y");
  });
}
