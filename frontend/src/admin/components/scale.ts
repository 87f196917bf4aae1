/** Axis of a chart: round numbers around its values, zero included. */
export interface Scale {
  low: number;
  high: number;
  ticks: number[];
}

const LINES = 4;
const ROUND = [1, 2, 5, 10];

/** Returns the scale of whole numbers: lines are only at whole numbers. */
export function scale(values: number[]): Scale {
  const lowest = Math.min(0, ...values);
  const highest = Math.max(lowest + 1, 0, ...values);
  const step = roundUp((highest - lowest) / LINES);
  const low = Math.floor(lowest / step) * step;
  const high = Math.ceil(highest / step) * step;
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, number) => low + number * step);
  return { low, high, ticks };
}

function roundUp(rough: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  return Math.max(1, ROUND.map((factor) => factor * magnitude).find((step) => step >= rough)!);
}
