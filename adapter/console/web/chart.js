// Charts of the overview: events of each minute, the rate, and what waits. Loaded after the numbers.
import { theme } from "./theme.js";
import { html, signal, useEffect, useRef } from "./vendor/preact.js";
import { uPlot } from "./vendor/uplot.js";

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("vendor/uplot.css", import.meta.url).href;
document.head.append(sheet);

const HEIGHT = 160;
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = signal(dark.matches);
dark.addEventListener("change", () => {
  isDark.value = dark.matches;
});
const sync = uPlot.sync("overview");

/** @typedef {{label: string, values: (number | null)[], color: string, isDashed?: boolean, isBars?: boolean}} Line */

/** One chart; a cursor is shared by all. @param {{title: string, at: number[], lines: Line[], unit?: string}} props */
export function Chart({ title, at, lines, unit = "" }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const data = /** @type {any} */ ([at, ...lines.map((line) => line.values)]);
  const isShort = (lines[0]?.values ?? []).filter((value) => value !== null).length < 30;
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const styles = getComputedStyle(document.documentElement);
    const color = (/** @type {string} */ name) => styles.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: color("muted"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: `11px ${color("sans")}` };
    plot.current = new uPlot(
      {
        width: element.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { sync: { key: sync.key }, y: false },
        scales: { y: { range: (/** @type {any} */ self, /** @type {number} */ low, /** @type {number} */ high) => [0, Math.max(high || 0, 1) * 1.1] } },
        axes: [{ ...axis, values: times }, { ...axis, size: 44 }],
        series: [{}, ...lines.map((line) => ({
          label: line.label, stroke: color(line.color), width: 1.5, dash: line.isDashed ? [5, 4] : undefined, spanGaps: false, points: { show: isShort, size: 5 },
          ...(line.isBars ? { paths: uPlot.paths.bars?.({ size: [0.7, 24] }), fill: color(line.color) } : {}),
        }))],
      },
      data, element,
    );
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => (watcher.disconnect(), plot.current?.destroy());
  }, [theme.value, isDark.value, lines.length, isShort]);
  useEffect(() => plot.current?.setData(data), [at, lines]);
  return html`<figure class="chart"><figcaption><strong>${title}</strong>
      ${lines.map((line) => html` <span class="key ${line.color} ${line.isDashed ? "dashed" : ""}">${line.label}${unit && ` (${unit})`}</span>`)}</figcaption>
    <div ref=${box} aria-hidden="true"></div></figure>`;
}

/** Local times, 24 h. @param {any} self @param {number[]} values */
const times = (self, values) => values.map((seconds) => clock.format(seconds * 1000));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
