// Preact and htm in one place: `html` makes elements from a template.
import {h} from "preact";
import htm from "htm";

export {render, Fragment} from "preact";
export {useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
export const html = htm.bind(h);
