/** Writes the pages that are made from the source: `npm run docs`. A test compares them. */
import { readFileSync, writeFileSync } from "node:fs";
import { configPage, configSchemaFile } from "./config-docs.ts";
import { errorsPage } from "./error-docs.ts";
import { withLife } from "./life-docs.ts";

const root = new URL("../", import.meta.url);
writeFileSync(new URL("docs/config.md", root), configPage());
writeFileSync(new URL("docs/errors.md", root), errorsPage());
writeFileSync(new URL("drayage.schema.json", root), configSchemaFile());

const state = new URL("docs/state.md", root);
writeFileSync(state, withLife(readFileSync(state, "utf8")));
