/**
 * Recognises products that open TLS connections on the way, by the issuer that they put into their certificates.
 *
 * Only names that such products are known to use count, as whole words, so that a private authority is not taken for one.
 */

// The default issuer names of these products' own authorities; many organisations replace them by their own, which then
// shows as an unknown authority.
const PRODUCTS =
  /\b(?:Zscaler|Netskope|Fortinet|FortiGate|Blue ?Coat|Forcepoint|WatchGuard|SonicWall|Sophos|Barracuda|Cisco Umbrella|Check Point|Palo Alto|Menlo Security|iboss|Kaspersky|ESET SSL Filter|Avast|Bitdefender|mitmproxy|Charles Proxy|Fiddler|Squid)\b/i;

/** Whether an issuer names a product that inspects TLS. */
export function isInspectionProduct(issuer: string): boolean {
  return PRODUCTS.test(issuer);
}
