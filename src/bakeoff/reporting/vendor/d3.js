export {
  create, cumsum, extent, flatRollup, groups, line, max, mean, median, min, quantile, range, rollup, rollups,
  scaleLinear, select, some, sort, sum, ticks,
} from "d3";
