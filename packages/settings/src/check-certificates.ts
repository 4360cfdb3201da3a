/**
 * Checks of certificates and keys in PEM: is it what its setting needs, and do the two belong together.
 *
 * Rule: judged as they will be when they are used (the packages network and oauth), so that what passes here is taken there.
 * Nothing of the content is told.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

/** What is wrong with a text, within a sentence after its name, and what to do. */
export interface ContentProblem {
  readonly problem: string;
  readonly advice: string;
}

const CERTIFICATE = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]*-----END (?:X509 )?CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const AS_PEM = 'Save it as PEM (Base64), which begins with -----BEGIN';

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The key, or whether one is there that is encrypted. */
function readKey(pem: string): KeyObject | 'encrypted' | undefined {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ERR_MISSING_PASSPHRASE' || code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED'
      ? 'encrypted'
      : undefined;
  }
}

/** Of the certificate authorities to trust. */
export function problemOfAuthorities(text: string): ContentProblem | undefined {
  if (PRIVATE_KEY.test(text))
    return { problem: 'holds a private key', advice: 'Leave only certificates in it, and make a new key' };
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length > 0 && blocks.every((block) => readCertificate(block) !== undefined)) return undefined;
  const problem = blocks.length === 0 ? 'holds no certificate in PEM form' : 'holds a certificate that cannot be read';
  return { problem, advice: `${AS_PEM} CERTIFICATE-----` };
}

/** Of the certificate of an app. */
export function problemOfCertificate(text: string): ContentProblem | undefined {
  if (readCertificate(text) !== undefined) return undefined;
  if (PRIVATE_KEY.test(text))
    return { problem: 'holds a private key and no certificate', advice: 'Name the certificate here and its key there' };
  return { problem: 'holds no certificate in PEM form', advice: `${AS_PEM} CERTIFICATE-----` };
}

/** Of the key of that certificate. */
export function problemOfKey(text: string): ContentProblem | undefined {
  const key = readKey(text);
  if (key === 'encrypted')
    return { problem: 'holds a private key that is encrypted', advice: 'Save the key without a passphrase' };
  if (key !== undefined) return undefined;
  if (/-----BEGIN (?:X509 )?CERTIFICATE-----/.test(text))
    return { problem: 'holds a certificate and no private key', advice: 'Name the key here and its certificate there' };
  return { problem: 'holds no private key in PEM form', advice: `${AS_PEM} PRIVATE KEY-----` };
}

/** Whether a certificate and a key, each without a problem, belong together. */
export function belongTogether(certificate: string, privateKey: string): boolean {
  const key = readKey(privateKey);
  return typeof key === 'object' && readCertificate(certificate)?.checkPrivateKey(key) === true;
}
