export {
  areaY, axisX, axisY, barX, cell, dot, frame, gridX, gridY, line, lineY, plot, pointer, pointerX, pointerY, ruleX,
  ruleY, text, tip,
} from "@observablehq/plot";
