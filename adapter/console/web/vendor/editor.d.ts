export * from "../../../../scripts/console-vendor/entries/editor.js";
