/**
 * The secrets of the tests.
 *
 * A test that needs a client secret, a password or a token uses one of these. The end of `npm test` searches everything
 * that the run printed and collected, at Debug, for each of them in clear, in base64 (at its three offsets) and URL-encoded;
 * one hit fails the run. They hold characters that base64 and URL encoding treat specially, and nothing real.
 */

/** A client secret as Entra makes them. */
export const canaryClientSecret = 'cnr8Q~Client+Secret/Yellow=Bird.7dQxZp';

/** A mailbox or SMTP password. */
export const canaryPassword = 'cnr8 Pass&word?Yellow%Bird;7dQxZp';

/** A mark to put inside an access token: the payload of an opaque one, or a claim of a JWT. */
export const canaryTokenMark = 'cnr8-token-mark-yellow-bird-7dQxZp';

/** All of them, by name. */
export const canaries: Readonly<Record<string, string>> = {
  'client secret': canaryClientSecret,
  password: canaryPassword,
  'token mark': canaryTokenMark,
};
