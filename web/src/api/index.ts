export * from "./answers";
export * from "./generated/sdk.gen";
export type * from "./generated/types.gen";
// The generated type of that name is the document; this is the error that carries it.
export { Problem } from "./answers";
