/** The execution that a lifetime's input comes in, as if a task had answered it. */

/** Its name; no node can have it, because it is no valid name. */
export const ROOT_NAME = "$input";
