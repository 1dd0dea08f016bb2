export * from "../../../../scripts/console-vendor/entries/uplot.js";
