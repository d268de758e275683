import * as d3 from "./d3.js";
import * as Plot from "./plot.js";

Object.assign(window, { d3, Plot });
