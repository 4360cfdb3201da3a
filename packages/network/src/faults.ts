/** The faults of reaching another machine. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const OPENSSL_VERIFY = {
  source: 'OpenSSL, openssl-verification-options(1), Diagnostics; Node.js tls.connect',
  read: '2026-11-24',
} as const;

/** Every code of this package. */
export type NetworkFaultCode =
  | 'NETWORK_VERIFICATION_DISABLED'
  | 'NETWORK_CA_FILE_MISSING'
  | 'NETWORK_CA_FILE_UNREADABLE'
  | 'NETWORK_CA_FILE_NOT_PEM'
  | 'NETWORK_CA_FILE_PRIVATE_KEY'
  | 'NETWORK_URL_REFUSED'
  | 'NETWORK_ADDRESS_REFUSED'
  | 'NETWORK_REQUEST_INVALID'
  | 'NETWORK_NAME_NOT_FOUND'
  | 'NETWORK_NAME_SERVER_FAILED'
  | 'NETWORK_CONNECTION_REFUSED'
  | 'NETWORK_UNREACHABLE'
  | 'NETWORK_TIMEOUT'
  | 'NETWORK_RESET'
  | 'NETWORK_TLS_FAILED'
  | 'NETWORK_CERTIFICATE_EXPIRED'
  | 'NETWORK_CERTIFICATE_NOT_YET_VALID'
  | 'NETWORK_CERTIFICATE_WRONG_HOST'
  | 'NETWORK_CERTIFICATE_COMMON_NAME_ONLY'
  | 'NETWORK_CERTIFICATE_SELF_SIGNED'
  | 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY'
  | 'NETWORK_CERTIFICATE_INSPECTED'
  | 'NETWORK_CERTIFICATE_INVALID'
  | 'NETWORK_PROXY_INVALID'
  | 'NETWORK_PROXY_NOT_FOUND'
  | 'NETWORK_PROXY_UNREACHABLE'
  | 'NETWORK_PROXY_UNUSABLE'
  | 'NETWORK_PROXY_SIGN_IN'
  | 'NETWORK_PROXY_REFUSED'
  | 'NETWORK_PROXY_FAILED'
  | 'NETWORK_REPLY_NOT_HTTP'
  | 'NETWORK_REPLY_TOO_LARGE'
  | 'NETWORK_REPLY_COMPRESSED';

/** Faults of trust, proxies, connections, certificates and HTTP replies. */
export const networkFaults: FaultCatalogue<NetworkFaultCode> = defineFaults<NetworkFaultCode>({
  NETWORK_VERIFICATION_DISABLED: {
    title: 'Certificate checks are switched off',
    message: 'The environment sets NODE_TLS_REJECT_UNAUTHORIZED=0, which turns off the check of every certificate.',
    cause: 'With it anyone on the way can read the client secret, the tokens and the mail.',
    remedy: {
      steps: [
        'Remove NODE_TLS_REJECT_UNAUTHORIZED from the environment.',
        'If a private certificate authority is in use, name its certificate with EMAIL_SERVER_CA_FILE or NODE_EXTRA_CA_CERTS.',
      ],
    },
    next: 'fix-configuration',
    source: 'Node.js command line documentation, NODE_TLS_REJECT_UNAUTHORIZED',
    read: '2026-11-24',
  },
  NETWORK_CA_FILE_MISSING: {
    title: 'CA file not found',
    message: 'The CA file {file} does not exist.',
    cause: 'A file of trusted certificates is named in {where} and is not there.',
    remedy: { steps: ['Correct the path in {where}, or put the PEM file of the certificate authority there.'] },
    next: 'fix-configuration',
  },
  NETWORK_CA_FILE_UNREADABLE: {
    title: 'CA file cannot be read',
    message: 'The CA file {file} cannot be read ({reason}).',
    cause: 'The account that runs this program may not read it, or what {where} names is not a file.',
    remedy: { steps: ['Let the account that runs this program read {file}.', 'Else correct the path in {where}.'] },
    next: 'fix-configuration',
  },
  NETWORK_CA_FILE_NOT_PEM: {
    title: 'CA file is not PEM',
    message: '{file} holds no certificate in PEM form that can be read.',
    cause:
      'A CA file, here one of {where}, is text with one or more blocks that begin with "-----BEGIN CERTIFICATE-----".',
    remedy: {
      steps: ['Export the certificate of the authority as Base64 (PEM).'],
      command: 'openssl x509 -inform der -in authority.cer -out authority.pem',
    },
    next: 'fix-configuration',
    source: 'RFC 7468 section 5',
    read: '2026-11-24',
  },
  NETWORK_CA_FILE_PRIVATE_KEY: {
    title: 'CA file holds a private key',
    message: '{file} holds a private key; a CA file holds certificates only.',
    cause:
      'In {where} stands the file of a server or of an authority itself, in place of the certificate that others may have.',
    remedy: {
      steps: [
        'Name a file with the certificate alone.',
        'If the file was readable to others, treat that key as known and replace it.',
      ],
    },
    next: 'fix-configuration',
  },
  NETWORK_URL_REFUSED: {
    title: 'Address not usable',
    message: '{url} cannot be used: {reason}.',
    cause: 'Requests go to https addresses without user name; plain http only to this machine itself.',
    remedy: { steps: ['Write the address as https://host/path.'] },
    next: 'fix-configuration',
  },
  NETWORK_ADDRESS_REFUSED: {
    title: 'Address not public',
    message: '{host} has no address that may be reached from here.',
    cause:
      'Requests of this kind go to the public internet only, so that nobody reaches into this machine or its network through them.',
    remedy: {
      steps: [
        'Correct the host.',
        'Where the receiver really is inside, name its network in the settings beside the address.',
      ],
    },
    next: 'fix-configuration',
    source: 'IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890)',
    read: '2026-11-24',
  },
  NETWORK_REQUEST_INVALID: {
    title: 'Request not sendable',
    message: 'A request to {host} was not sent: {reason}.',
    cause: 'A header with a line break or another control character could smuggle in a second request.',
    remedy: { steps: ['Correct the value in the settings or the environment that this header is made from.'] },
    next: 'fix-configuration',
    source: 'RFC 9110 section 5.5',
    read: '2026-11-24',
  },
  NETWORK_NAME_NOT_FOUND: {
    title: 'Host name not found',
    message: 'The name {host} does not exist in DNS.',
    cause: 'The name is mistyped, or the DNS server of this machine does not resolve names outside.',
    remedy: {
      steps: ['Check the name in the settings.', 'Check that this machine resolves it.'],
      command: 'nslookup {host}',
    },
    next: 'fix-configuration',
  },
  NETWORK_NAME_SERVER_FAILED: {
    title: 'DNS did not answer',
    message: 'The name {host} could not be looked up: the DNS server did not answer.',
    cause: 'The DNS server of this machine is not reachable, or answered with a failure.',
    remedy: { steps: ['Check the DNS servers and the network of this machine.'], command: 'nslookup {host}' },
    next: 'retry',
  },
  NETWORK_CONNECTION_REFUSED: {
    title: 'Connection refused',
    message: '{host}:{port} refused the connection.',
    cause: 'Nothing listens there, or a firewall rejects the connection.',
    remedy: { steps: ['Check host and port.', 'Let the firewall pass outgoing TCP port {port} to {host}.'] },
    next: 'retry',
  },
  NETWORK_UNREACHABLE: {
    title: 'No way to the host',
    message: '{host}:{port} cannot be reached from this machine.',
    cause: 'This machine has no route there, or its own firewall forbids the connection.',
    remedy: { steps: ['Check the network and the firewall of this machine for outgoing TCP port {port}.'] },
    next: 'retry',
  },
  NETWORK_TIMEOUT: {
    title: 'No answer in time',
    message: '{host}:{port} took longer than {seconds} s ({phase}).',
    cause: 'A firewall drops the packets, a proxy is needed, or the other side is overloaded.',
    remedy: {
      steps: [
        'Let the firewall pass outgoing TCP port {port} to {host}.',
        'If this network has a web proxy, set HTTPS_PROXY.',
      ],
    },
    next: 'retry',
  },
  NETWORK_RESET: {
    title: 'Connection cut',
    message: '{host}:{port} cut the connection ({phase}).',
    cause: 'The other side, or a device on the way, closed the connection before the reply was complete.',
    remedy: { steps: ['Try again.', 'If it happens every time, look at firewalls and proxies on the way.'] },
    next: 'retry',
  },
  NETWORK_TLS_FAILED: {
    title: 'No secure connection',
    message: 'No TLS connection with {host}:{port} could be made.',
    cause: 'The other side does not speak TLS there, or only a version before TLS 1.2.',
    remedy: { steps: ['Check host and port.', 'Let the server, or the proxy on the way, speak TLS 1.2 or later.'] },
    next: 'fix-configuration',
    source: 'RFC 9325 section 3.1.1',
    read: '2026-11-24',
  },
  NETWORK_CERTIFICATE_EXPIRED: {
    title: 'Certificate expired',
    message: 'The certificate of {host} has expired.',
    cause: 'It was not renewed in time, or the clock of this machine is wrong.',
    remedy: { steps: ['Check the clock of this machine.', 'Let the owner of {host} renew the certificate.'] },
    next: 'needs-person',
    ...OPENSSL_VERIFY,
  },
  NETWORK_CERTIFICATE_NOT_YET_VALID: {
    title: 'Certificate not yet valid',
    message: 'The certificate of {host} is not valid yet.',
    cause: 'The clock of this machine is behind, or the certificate was issued for a later day.',
    remedy: { steps: ['Set the clock of this machine.', 'Else let the owner of {host} install a valid certificate.'] },
    next: 'needs-person',
    ...OPENSSL_VERIFY,
  },
  NETWORK_CERTIFICATE_WRONG_HOST: {
    title: 'Certificate for another host',
    message: 'The certificate presented for {host} names other hosts.',
    cause:
      'The address leads to another server, a device on the way answers in its place, or the certificate is wrong.',
    remedy: { steps: ['Check the host name in the settings and what it resolves to.'], command: 'nslookup {host}' },
    next: 'fix-configuration',
    source: 'RFC 9525 section 6',
    read: '2026-11-24',
  },
  NETWORK_CERTIFICATE_COMMON_NAME_ONLY: {
    title: 'Certificate without host names',
    message: 'The certificate of {host} names its host only as common name.',
    cause: 'Only a subject alternative name says which hosts a certificate is for; the common name is free text.',
    remedy: { steps: ['Let the owner of {host} issue the certificate with a subject alternative name.'] },
    next: 'needs-person',
    source: 'RFC 9525 sections 2 and 6.1',
    read: '2026-11-24',
  },
  NETWORK_CERTIFICATE_SELF_SIGNED: {
    title: 'Self-signed certificate',
    message: '{host} presented a certificate, or a chain, that only vouches for itself.',
    cause: 'Its authority is not among those that this machine trusts.',
    remedy: {
      steps: [
        'If {host} belongs to your organisation, name the certificate of its authority with EMAIL_SERVER_CA_FILE or NODE_EXTRA_CA_CERTS.',
        'Else do not go on: somebody may be answering in place of {host}.',
      ],
    },
    next: 'fix-configuration',
    ...OPENSSL_VERIFY,
  },
  NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY: {
    title: 'Certificate of an unknown authority',
    message: 'The certificate of {host} comes from an authority that this machine does not trust: {issuer}.',
    cause: 'The authority is private, or the server does not send the certificates between it and its root.',
    remedy: {
      steps: [
        'If the authority is private, name its certificate with EMAIL_SERVER_CA_FILE or NODE_EXTRA_CA_CERTS.',
        'Else let the owner of {host} install the whole chain.',
      ],
    },
    next: 'fix-configuration',
    ...OPENSSL_VERIFY,
  },
  NETWORK_CERTIFICATE_INSPECTED: {
    title: 'TLS inspection in the way',
    message: 'The certificate for {host} was issued by {issuer}, a product that opens TLS connections on the way.',
    cause: 'This network inspects encrypted traffic with an own authority that this machine does not trust.',
    remedy: {
      steps: [
        'Ask the network team for the certificate of that authority and name it with NODE_EXTRA_CA_CERTS.',
        'Better: let them exempt {host} from inspection.',
      ],
    },
    next: 'fix-configuration',
    ...OPENSSL_VERIFY,
  },
  NETWORK_CERTIFICATE_INVALID: {
    title: 'Certificate not acceptable',
    message: 'The certificate of {host} was refused: {reason}.',
    cause: 'The certificate or its chain breaks a rule of certificate checking.',
    remedy: { steps: ['Let the owner of {host} install a valid certificate.'] },
    next: 'needs-person',
    ...OPENSSL_VERIFY,
  },
  NETWORK_PROXY_INVALID: {
    title: 'Proxy setting not usable',
    message: 'The proxy in {variable} cannot be used: {reason}.',
    cause: 'A proxy is written as http://host:port, with user:password@ before the host where it asks for them.',
    remedy: { steps: ['Correct {variable}; percent-encode odd characters in its user name and password.'] },
    next: 'fix-configuration',
  },
  NETWORK_PROXY_NOT_FOUND: {
    title: 'Proxy not found',
    message: 'The proxy that {variable} names cannot be used: the name {host} does not exist in DNS.',
    cause: 'The name in {variable} is mistyped, or the DNS server of this machine does not know it.',
    remedy: {
      steps: [
        'Correct {variable}, or remove it if this network has no proxy.',
        'Check that this machine resolves the name.',
      ],
      command: 'nslookup {host}',
    },
    next: 'fix-configuration',
  },
  NETWORK_PROXY_UNREACHABLE: {
    title: 'Proxy does not answer',
    message: 'The proxy {proxy} that {variable} names cannot be reached: {reason} ({phase}).',
    cause: 'The proxy is out of order, {variable} names a wrong host or port, or a firewall stands before the proxy.',
    remedy: {
      steps: [
        'Check host and port in {variable}, or remove it if this network has no proxy.',
        'Let the firewall pass TCP port {port} from this machine to the proxy {host}.',
      ],
    },
    next: 'retry',
  },
  NETWORK_PROXY_UNUSABLE: {
    title: 'Not a proxy',
    message: 'What {variable} names, {proxy}, cannot be used as a proxy: {reason}.',
    cause:
      'Another service listens there, or {variable} begins with https:// although the proxy itself is reached without TLS, as most are.',
    remedy: { steps: ['Correct {variable}: most proxies are written as http://host:port, also for https.'] },
    next: 'fix-configuration',
  },
  NETWORK_PROXY_SIGN_IN: {
    title: 'Proxy wants a sign-in',
    message: 'The proxy {proxy} refused its user name or password, or wants one (407).',
    cause: '{variable} carries no user name and password, or the proxy does not take them.',
    remedy: { steps: ['Put user:password@ before the host in {variable}, odd characters percent-encoded.'] },
    next: 'fix-configuration',
    source: 'RFC 9110 section 15.5.8',
    read: '2026-11-24',
  },
  NETWORK_PROXY_REFUSED: {
    title: 'Proxy does not let through',
    message: 'The proxy {proxy} did not connect to {host}:{port} (HTTP {status}).',
    cause: 'The rules of the proxy forbid this host or port, or the proxy cannot reach it.',
    remedy: { steps: ['Let the proxy allow CONNECT to {host}:{port}.', 'Or name {host} in NO_PROXY.'] },
    next: 'fix-configuration',
    source: 'RFC 9110 section 9.3.6',
    read: '2026-11-24',
  },
  NETWORK_PROXY_FAILED: {
    title: 'Proxy could not connect',
    message: 'The proxy {proxy} could not reach {host}:{port} (HTTP {status}).',
    cause: 'The proxy itself got no connection, or is overloaded.',
    remedy: { steps: ['Try again.', 'If it stays, ask whoever runs the proxy.'] },
    next: 'retry',
    source: 'RFC 9110 section 15.6',
    read: '2026-11-24',
  },
  NETWORK_REPLY_NOT_HTTP: {
    title: 'Reply is not HTTP',
    message: '{host}:{port} answered with something that is not HTTP.',
    cause: 'Another service listens on that port, or a device on the way changes the traffic.',
    remedy: { steps: ['Check host and port.'] },
    next: 'fix-configuration',
  },
  NETWORK_REPLY_TOO_LARGE: {
    title: 'Reply too large',
    message: 'The reply of {host} is larger than {limit} bytes and was not read further.',
    cause:
      'A sign-in page or another web page of the network answers in place of the service, or the service does not behave.',
    remedy: {
      steps: ['Try again.', 'If it lasts, look for a proxy or sign-in page on the way, and check the address.'],
    },
    next: 'retry',
  },
  NETWORK_REPLY_COMPRESSED: {
    title: 'Reply is compressed',
    message: '{host} sent a compressed reply ({encoding}) although none was asked for.',
    cause: 'Replies are asked for uncompressed, so that a small reply cannot unfold into a huge one.',
    remedy: { steps: ['Let the server, or the proxy on the way, honour "Accept-Encoding: identity".'] },
    next: 'fix-configuration',
    source: 'RFC 9110 section 12.5.3',
    read: '2026-11-24',
  },
});
