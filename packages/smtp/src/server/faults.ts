/** The faults of the server half: what keeps a server from listening. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of listening and of certificates. */
export const smtpServerFaults: FaultCatalogue<
  'SMTP_LISTEN_ADDRESS_IN_USE' | 'SMTP_LISTEN_NOT_PERMITTED' | 'SMTP_LISTEN_FAILED' | 'SMTP_SERVER_CERTIFICATE_UNUSABLE'
> = defineFaults({
  SMTP_LISTEN_ADDRESS_IN_USE: {
    title: 'Port already in use',
    message: 'Cannot listen on {host} port {port}: another program does already.',
    cause:
      'Only one program can listen on an address and port; often it is an earlier run of this one, or a mail server.',
    remedy: {
      steps: [
        'Find the program that listens on port {port} and stop it.',
        'Or choose another port, and tell those who send here.',
      ],
    },
    next: 'fix-configuration',
    source: 'POSIX bind(), EADDRINUSE',
    read: '2026-11-24',
  },
  SMTP_LISTEN_NOT_PERMITTED: {
    title: 'Port not permitted',
    message: 'Cannot listen on {host} port {port}: the system does not permit it.',
    cause: 'Ports below 1024 are kept for privileged accounts on most systems.',
    remedy: {
      steps: [
        'Choose a port from 1024 up, such as 2525 or 5587.',
        'Or give the service the right to use low ports (on Linux the capability CAP_NET_BIND_SERVICE).',
      ],
    },
    next: 'fix-configuration',
    source: 'POSIX bind(), EACCES',
    read: '2026-11-24',
  },
  SMTP_LISTEN_FAILED: {
    title: 'Cannot listen',
    message: 'Cannot listen on {host} port {port}: {detail}.',
    cause: 'The address is not one of this machine, or the system refuses for another reason.',
    remedy: { steps: ['Give an address of this machine, or leave it out to listen on the loopback address.'] },
    next: 'fix-configuration',
    source: 'POSIX bind(), EADDRNOTAVAIL',
    read: '2026-11-24',
  },
  SMTP_SERVER_CERTIFICATE_UNUSABLE: {
    title: 'Certificate cannot be used',
    message: 'The certificate and private key cannot be used: {detail}.',
    cause: 'They are not PEM, the key belongs to another certificate, or the key is protected by a passphrase.',
    remedy: {
      steps: [
        'Give the certificate with its chain, and its own private key without a passphrase, both in PEM form.',
        'Compare the two public keys where you are not sure that they belong together.',
      ],
    },
    next: 'fix-configuration',
    source: 'RFC 7468',
    read: '2026-11-24',
  },
});
