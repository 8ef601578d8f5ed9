// Elements of the page. Texts of a bundle only ever become text, never HTML.
export const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
};

// A table. columns: heads; one that begins with # is of numbers. rows: lists of texts or elements.
// className: stacked: on a phone each row becomes a list, in which the heads stand before the values.
export const tableOf = (columns, rows, className = "figures") => {
  const isNumber = columns.map((head) => head.startsWith("#"));
  const cell = (tag, content, at) =>
    element(tag, {class: isNumber[at] && "number", "data-head": columns[at].replace("#", "")}, content);
  const head = element("tr", {}, columns.map((text, at) =>
    element("th", {class: isNumber[at] && "number", scope: "col"}, text.replace("#", ""))));
  const body = rows.map((row) => element("tr", {class: row.className}, row.map((content, at) => cell("td", content, at))));
  return element("table", {class: className}, element("thead", {}, head), element("tbody", {}, body));
};

// Pairs of a name and what it says.
export const factsOf = (pairs) => element("table", {class: "facts"}, element("tbody", {}, pairs.map(([name, ...content]) =>
  element("tr", {}, element("th", {scope: "row"}, name), element("td", {}, content)))));
