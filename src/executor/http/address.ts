/**
 * Where a request may go: https to a public name or address, or to a host that the deployment names. Looks at
 * the URL alone: what a name resolves to is not known here.
 */
import ipaddr from "ipaddr.js";

/** Names that mean something only inside a network. */
const INSIDE = /(^|\.)(localhost|localdomain|local|internal|intranet|lan|home\.arpa)$/;

const GLOBAL_UNICAST = ipaddr.parseCIDR("2000::/3");

/** `example.com, 10.0.0.7:8080`: with a port that one alone, else any. */
export const hostsOf = (text: string | undefined): ReadonlySet<string> =>
  new Set(
    (text ?? "")
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((host) => host !== ""),
  );

/** Completes "… is refused: …"; undefined for a URL that a request may be sent to. */
export const refusalOf = (url: URL, named: ReadonlySet<string>): string | undefined => {
  if (url.username !== "" || url.password !== "")
    return "it carries a user or a password; send them in a header";
  // A URL that is written with the port of its scheme has none.
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `its scheme is ${url.protocol} and not https`;
  if (named.has(url.hostname) || named.has(`${url.hostname}:${port}`)) return undefined;
  if (url.protocol !== "https:")
    return "it is not https, and its host is none that ESCAPEMENT_HTTP_HOSTS names";
  return hostRefusal(url.hostname);
};

const hostRefusal = (hostname: string): string | undefined => {
  // The parser of URLs has read every other spelling of an IPv4 address: decimal, octal, hexadecimal, short.
  const literal = hostname.replace(/^\[|\]$/g, "");
  if (ipaddr.isValid(literal)) {
    const address = ipaddr.parse(literal);
    const range = address.range();
    // Of IPv6 only this much is given out; the rest holds spellings of IPv4 that have no range of their own.
    const global = address.kind() === "ipv4" || address.match(GLOBAL_UNICAST);
    return range === "unicast" && global ? undefined : `${hostname} is not a public address`;
  }
  if (hostname.endsWith(".")) return `${hostname} ends in a dot; leave it out`;
  if (!hostname.includes(".") || INSIDE.test(hostname)) return `${hostname} is no public name`;
  return undefined;
};
