// What the API answers, by path: made of schemas/openapi.yaml by `openapi-typescript`, which `scripts/check-console` runs.
import type { paths } from "./api";

type Json<Operation> = Operation extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : any;
type OfPath<Path extends string, Method extends string> = `/api${Path}` extends keyof paths
  ? paths[`/api${Path}`] extends { [method in Method]: infer Operation }
    ? Json<Operation>
    : any
  : any;

/** The body of a good answer to GET or POST of `/api` and `Path`. */
export type Answer<Path extends string, Method extends "get" | "post" | "put"> = OfPath<Path, Method>;
