/** The faults of the control socket. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of asking a running service. */
export const controlFaults: FaultCatalogue<
  | 'SERVICE_SOCKET_UNUSABLE'
  | 'SERVICE_ANSWER_UNCLEAR'
  | 'SERVICE_NOT_RUNNING'
  | 'SERVICE_URL_INVALID'
  | 'SERVICE_NOT_REACHED'
  | 'SERVICE_ANSWER_CUT'
  | 'SERVICE_NOT_FROM_AFAR'
> = defineFaults({
  SERVICE_NOT_FROM_AFAR: {
    title: 'Only on the machine of the service',
    message: 'This is done on the machine of the service alone: {what}.',
    cause: 'It writes files there, and a key for the HTTP API is no account of that machine.',
    remedy: { steps: ['Run the command on that machine, without --url.'] },
    next: 'fix-configuration',
  },
  SERVICE_URL_INVALID: {
    title: 'Address of the service not usable',
    message: 'The service cannot be asked at {url}: {reason}.',
    cause: 'A key goes over an encrypted connection, or to this machine itself.',
    remedy: { steps: ['Give the address of its HTTP API, such as https://mail.example.com:8025.'] },
    next: 'fix-configuration',
  },
  SERVICE_ANSWER_CUT: {
    title: 'Answer cut off',
    message: 'The service ended its answer before it was whole.',
    cause: 'The service was stopped, the connection broke, or the key was revoked.',
    remedy: { steps: ['Run the command again.'] },
    next: 'retry',
  },
  SERVICE_NOT_REACHED: {
    title: 'Service not reached',
    message: 'The service at {url} could not be asked: {reason}.',
    cause: 'It does not run, something on the way lets nothing through, or its certificate is not trusted.',
    remedy: {
      steps: [
        'Look whether the service runs and listens there (postbearer.api.listeners).',
        'Where it made its certificate itself, give its file with --ca-file; the service names the file when it starts.',
      ],
    },
    next: 'retry',
  },
  SERVICE_SOCKET_UNUSABLE: {
    title: 'Control socket not usable',
    message: 'The control socket {socket} cannot be used: {reason}.',
    cause: 'It belongs to another account, or its path is too long for a socket (about 100 characters).',
    remedy: { steps: ['Run the command as the account of the service, and choose a short path for the data folder.'] },
    next: 'fix-configuration',
  },
  SERVICE_ANSWER_UNCLEAR: {
    title: 'Service not understood',
    message: 'The service gave an answer that this program does not understand: {reason}.',
    cause: 'The service and this command are of different versions.',
    remedy: { steps: ['Use the command of the version that runs.'] },
    next: 'fix-configuration',
  },
  SERVICE_NOT_RUNNING: {
    title: 'No service runs',
    message: 'Only a running service can be watched, and none runs there.',
    cause: 'The service was not started, or it uses another data folder.',
    remedy: { steps: ['Start the service, or name its data folder.'], command: 'postbearer serve' },
    next: 'fix-configuration',
  },
});

/** Every code of the HTTP API itself. */
export type HttpFaultCode =
  | 'SERVICE_REQUEST_UNREADABLE'
  | 'SERVICE_FIELDS_INVALID'
  | 'SERVICE_BODY_TOO_LARGE'
  | 'SERVICE_MEDIA_TYPE_UNKNOWN'
  | 'SERVICE_PATH_UNKNOWN'
  | 'SERVICE_METHOD_UNKNOWN'
  | 'SERVICE_REQUEST_IN_PROGRESS'
  | 'SERVICE_TOO_MANY_REQUESTS'
  | 'SERVICE_BUSY'
  | 'SERVICE_LOCAL_ONLY'
  | 'SERVICE_FAILED_INSIDE';

/** Faults of requests over HTTP. */
export const httpFaults: FaultCatalogue<HttpFaultCode> = defineFaults<HttpFaultCode>({
  SERVICE_REQUEST_UNREADABLE: {
    title: 'Request not readable',
    message: 'The request cannot be read: {reason}.',
    cause: 'The program that asks does not write what it announces.',
    remedy: { steps: ['Correct the program; the reference shows a request that works.'] },
    next: 'fix-message',
    source: 'RFC 9110 section 15.5.1',
    read: '2026-11-24',
  },
  SERVICE_FIELDS_INVALID: {
    title: 'Fields not usable',
    message: 'The request cannot be used: {reason}.',
    cause: 'A field is missing, unknown, or holds what it cannot hold.',
    remedy: { steps: ['Correct the fields that "errors" names; the reference says what each may hold.'] },
    next: 'fix-message',
  },
  SERVICE_BODY_TOO_LARGE: {
    title: 'Request too large',
    message: 'The body of the request is larger than {limit} bytes.',
    cause: 'A body of this kind is held in memory while it is read.',
    remedy: {
      steps: [
        'Send large attachments as multipart/form-data, or the whole message as message/rfc822: both are streamed.',
      ],
    },
    next: 'fix-message',
    source: 'RFC 9110 section 15.5.14',
    read: '2026-11-24',
  },
  SERVICE_MEDIA_TYPE_UNKNOWN: {
    title: 'Kind of content not taken',
    message: 'The content type "{type}" is not taken here; {possible} is.',
    cause: 'The field Content-Type says what a body is; it is never guessed.',
    remedy: { steps: ['Send the field Content-Type that the reference names.'] },
    next: 'fix-message',
    source: 'RFC 9110 section 15.5.16',
    read: '2026-11-24',
  },
  SERVICE_PATH_UNKNOWN: {
    title: 'Nothing here',
    message: 'There is nothing at this path.',
    cause: 'The path was mistyped, or belongs to another version.',
    remedy: { steps: ['Look at the reference under /docs.'] },
    next: 'fix-message',
  },
  SERVICE_METHOD_UNKNOWN: {
    title: 'Method not possible here',
    message: 'This path does not take {method}; it takes {possible}.',
    cause: 'The path was mistyped, or the method.',
    remedy: { steps: ['Look at the reference under /docs.'] },
    next: 'fix-message',
  },
  SERVICE_REQUEST_IN_PROGRESS: {
    title: 'The same request is in progress',
    message: 'A request with the idempotency key "{key}" is being worked on.',
    cause: 'The request was repeated before the first one was answered.',
    remedy: { steps: ['Repeat it in a second; it is then answered as the first one was.'] },
    next: 'retry',
    source: 'draft-ietf-httpapi-idempotency-key-header, "Error Scenarios"',
    read: '2026-11-24',
  },
  SERVICE_TOO_MANY_REQUESTS: {
    title: 'Too many requests',
    message: 'The key "{key}" may send {limit} requests in a minute.',
    cause: 'Without a limit one program could keep all others waiting.',
    remedy: {
      steps: [
        'Repeat the request after the time that Retry-After names; many messages may go into one request as a batch.',
        'Or add a key with a higher limit.',
      ],
    },
    next: 'retry',
    source: 'RFC 6585 section 4',
    read: '2026-11-24',
  },
  SERVICE_BUSY: {
    title: 'Too much at once',
    message: 'Too many large requests are being read at this moment.',
    cause: 'The memory for them is bounded.',
    remedy: { steps: ['Repeat the request after the time that Retry-After names.'] },
    next: 'retry',
  },
  SERVICE_LOCAL_ONLY: {
    title: 'Only for this machine or with a key',
    message: 'What is measured is shown to programs on this machine, and to others with a key.',
    cause: 'Who may read it learns how much mail is sent.',
    remedy: {
      steps: ['Send the field "Authorization: Bearer pb_…" with a key of the scope read.'],
      command: 'postbearer key add metrics --scope read',
    },
    next: 'fix-configuration',
  },
  SERVICE_FAILED_INSIDE: {
    title: 'A mistake in Postbearer',
    message: 'The request could not be answered because of a mistake in Postbearer.',
    cause: 'Something happened that nobody thought of; the log of the service says what.',
    remedy: { steps: ['Repeat the request.', 'Where it fails again, look at the log of the service.'] },
    next: 'retry',
  },
});

/** Faults of listening for requests. */
export const apiFaults: FaultCatalogue<'SERVICE_PLAIN_ELSEWHERE'> = defineFaults({
  SERVICE_PLAIN_ELSEWHERE: {
    title: 'API without encryption on the network',
    message: 'The HTTP API does not listen without encryption on {host} port {port}.',
    cause: 'Whoever can read the network would read the keys. Without encryption it is for this machine alone.',
    remedy: {
      steps: ['Listen with tls, or plain on 127.0.0.1 behind a proxy on the same machine that speaks TLS.'],
    },
    next: 'fix-configuration',
  },
});
