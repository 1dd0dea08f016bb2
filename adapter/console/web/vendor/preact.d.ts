export * from "../../../../scripts/console-vendor/entries/preact.js";
