// Lines of a text in an SVG, which does not break lines itself. Nothing is ever cut with "…".

let context = null;
let family = "";

/** Width of a text in px of the chart. */
export function widthOf(text, size, weight = 400) {
  if (!context) {
    context = document.createElement("canvas").getContext("2d");
    family = getComputedStyle(document.body).fontFamily;
  }
  context.font = `${weight} ${size}px ${family}`;
  return context.measureText(text).width;
}

/** The text in lines of at most `width`, broken at spaces, or within a word or a Chinese text where a line is too long. */
export function linesOf(text, width, size, weight = 400) {
  const lines = [];
  let line = "";
  for (const piece of text.match(/[⺀-鿿＀-￯]|[^\s⺀-鿿＀-￯]+|\s+/g) || []) {
    if (widthOf(line + piece.trimEnd(), size, weight) <= width) {
      line += piece;
      continue;
    }
    if (line.trim()) lines.push(line.trim());
    line = piece.trimStart();
    while (widthOf(line, size, weight) > width && line.length > 1) {
      let count = line.length - 1;
      while (count > 1 && widthOf(line.slice(0, count), size, weight) > width) count -= 1;
      lines.push(line.slice(0, count));
      line = line.slice(count);
    }
  }
  if (line.trim()) lines.push(line.trim());
  return lines.length ? lines : [""];
}
