/** The certificate of the server is trusted, valid today and for its name. */
import type { CertificateSummary } from '@postbearer/smtp/client';
import type { Check } from './check.ts';

const MOST_NAMES = 3;

/** A date of a certificate, `Nov 24 00:00:00 2027 GMT`, as `2027-11-24`; as it is where it cannot be read. */
function dayOf(text: string): string {
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : new Date(at).toISOString().slice(0, 10);
}

function namesOf(text: string): string {
  const names = text.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

function describe({ issuer, names, validTo }: CertificateSummary): string {
  return `until ${dayOf(validTo)}, by ${issuer}, for ${namesOf(names)}`;
}

/** The check. */
export const certificateCheck: Check = {
  name: 'certificate',
  needs: ['name-resolution'],
  async run(state) {
    const session = await state.session();
    return session.outcomeOf('certificate', ({ tls }) => (tls === undefined ? '' : describe(tls.certificate)));
  },
};
