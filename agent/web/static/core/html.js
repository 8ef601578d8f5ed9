// Preact and htm in one place: `html` makes elements from a template.
import {h, render, Fragment} from "preact";
import {useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
import htm from "htm";

export {render, Fragment, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState};
export const html = htm.bind(h);
