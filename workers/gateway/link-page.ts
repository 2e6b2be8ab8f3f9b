/**
 * What somebody sees who has come by a link: what is asked, and a form to answer it. Plain HTML that needs no
 * script; everything that comes from outside is escaped by the template.
 */
import { html } from "hono/html";
import { APPROVAL_COMMENT_CHARS_MAX } from "../../src/limits.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Approval } from "../data-plane/approval-list.ts";

const STYLE = `
:root { color-scheme: light dark }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
pre { padding: .75rem; overflow-x: auto; border: 1px solid; border-radius: .25rem; white-space: pre-wrap }
label { display: block; margin-top: 1rem }
textarea { box-sizing: border-box; width: 100%; font: inherit }
button { font: inherit; padding: .5rem 1.25rem; margin: 1rem .5rem 0 0 }
.fault { border: 2px solid; padding: .75rem; border-radius: .25rem }
`;

type Html = ReturnType<typeof html>;

/** No script, no picture, no frame, and no form that goes elsewhere. */
export const pageHeaders = (nonce: string) => ({
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex",
});

const page = (nonce: string, title: string, body: Html): Html =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>`;

/** Nothing can be done here, any more or ever, and why. */
export const messagePage = (nonce: string, title: string, detail: string): Html =>
  page(nonce, title, html`<h1>${title}</h1><p>${detail}</p>`);

export interface Filled {
  readonly comment: string;
  readonly value: string;
}

const shown = (value: unknown): string => JSON.stringify(value, null, 2);

/** Whoever answers of a quorum agrees to what the first one has said. */
const valueField = (row: Approval, filled: Filled | undefined): Html | "" => {
  if (row.edit !== null) return html`<p>Others have agreed to this:</p><pre>${shown(row.edit)}</pre>`;
  const label = row.policies
    ? "Change the input (a JSON object), or leave this empty"
    : row.schema
      ? "Your answer (JSON)"
      : "Your answer (JSON), if one is needed";
  if (row.policies && row.kind === "plan") return "";
  const schema = row.schema
    ? html`<details><summary>What an answer has to look like</summary><pre>${shown(row.schema)}</pre></details>`
    : "";
  return html`<label for="value">${label}</label>
<textarea id="value" name="value" rows="6" spellcheck="false">${filled?.value ?? ""}</textarea>${schema}`;
};

export const approvalPage = (
  nonce: string,
  row: Approval,
  who: string,
  tried?: { readonly filled: Filled; readonly fault: string },
): Html => {
  const agreed = row.votes ?? [];
  return page(
    nonce,
    row.title,
    html`<h1>${row.title}</h1>
${tried ? html`<p class="fault" role="alert">${tried.fault}</p>` : ""}
${row.description === null ? "" : html`<p>${row.description}</p>`}
${row.subject === null ? "" : html`<h2>It is about</h2><pre>${shown(row.subject)}</pre>`}
<p>You answer as <strong>${who}</strong>. ${agreed.length} of ${row.quorum} needed have agreed so far${
      agreed.length === 0 ? "" : html`: ${agreed.map(({ by }) => by).join(", ")}`
    }.${row.due === null ? "" : html` An answer is due by <time>${isoOf(row.due)}</time>.`}</p>
<form method="post">
${valueField(row, tried?.filled)}
<label for="comment">Comment</label>
<textarea id="comment" name="comment" rows="2" maxlength="${APPROVAL_COMMENT_CHARS_MAX}">${
      tried?.filled.comment ?? ""
    }</textarea>
<button name="verdict" value="approve">Approve</button>
<button name="verdict" value="reject">Reject</button>
</form>`,
  );
};
