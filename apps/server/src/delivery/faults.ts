/** The faults of policy: why a submission is not taken although it is well formed. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type DeliveryFaultCode =
  | 'MESSAGE_HEADER_TOO_LONG'
  | 'MESSAGE_FROM_UNCLEAR'
  | 'MESSAGE_NOT_ADDRESSED'
  | 'MESSAGE_TOO_MANY_RECIPIENTS'
  | 'MESSAGE_SIZE_OVER_LIMIT'
  | 'SERVICE_CLOSING'
  | 'SERVICE_NO_ROOM'
  | 'MESSAGE_QUOTA_REACHED'
  | 'MESSAGE_RATE_REACHED';

/** Faults of handing in a message. */
export const deliveryFaults: FaultCatalogue<DeliveryFaultCode> = defineFaults<DeliveryFaultCode>({
  MESSAGE_HEADER_TOO_LONG: {
    title: 'Header too long',
    message: 'The header of the message is longer than {limit} bytes.',
    cause: 'No mail program writes such a header; what was not read cannot be checked.',
    remedy: { steps: ['Look at what the program writes before the first empty line.'] },
    next: 'fix-message',
  },
  MESSAGE_FROM_UNCLEAR: {
    title: 'From not clear',
    message: 'The From field of the message cannot be used: {reason}.',
    cause: 'Who a message is from must be one clear list of addresses, or nobody can say whether it is allowed.',
    remedy: { steps: ['Correct the sender address in the program or device.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 3.6',
    read: '2026-11-24',
  },
  MESSAGE_NOT_ADDRESSED: {
    title: 'No recipient',
    message: 'The message has no recipient.',
    cause: 'Neither its envelope nor the fields To, Cc and Bcc name an address.',
    remedy: { steps: ['Name at least one recipient.'] },
    next: 'fix-message',
    source: 'RFC 5321 section 3.3',
    read: '2026-11-24',
  },
  MESSAGE_TOO_MANY_RECIPIENTS: {
    title: 'Too many recipients',
    message: 'The message has {count} recipients; at most {limit} are taken.',
    cause: 'Exchange Online takes no more recipients in one message.',
    remedy: { steps: ['Send to fewer recipients at a time, or to a distribution group.'] },
    next: 'fix-message',
    source:
      'learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits',
    read: '2026-11-24',
  },
  MESSAGE_SIZE_OVER_LIMIT: {
    title: 'Message too large',
    message: 'The message is larger than {limit} bytes.',
    cause: 'The mailbox that it would be sent from takes no larger messages.',
    remedy: { steps: ['Send a link in place of a large attachment.'] },
    next: 'fix-message',
    source:
      'learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits',
    read: '2026-11-24',
  },
  SERVICE_NO_ROOM: {
    title: 'No room on the disk',
    message: 'There is not enough room on the disk to take another message.',
    cause:
      'Mail is taken only while the largest message would fit one and a half times, so that nothing is lost half-way.',
    remedy: {
      steps: ['Make room on the disk of the data folder; mail is then taken again within seconds.'],
      command: 'postbearer status',
    },
    next: 'retry',
  },
  MESSAGE_QUOTA_REACHED: {
    title: 'Too much waits',
    message:
      'Of the app "{app}" {messages} messages with {megabytes} MB wait to be sent; more are taken once some are sent.',
    cause: 'The app hands in faster than its mailbox may send.',
    remedy: {
      steps: ['Wait, or send more slowly; look at why its lane does not drain.', 'Or raise the quota in the settings.'],
      command: 'postbearer status',
    },
    next: 'retry',
  },
  MESSAGE_RATE_REACHED: {
    title: 'Too many at once',
    message: 'The app "{app}" may hand in {limit} {what} a minute.',
    cause: 'It hands in more than that.',
    remedy: { steps: ['Send more slowly, or raise the limit in the settings.'] },
    next: 'retry',
  },
  SERVICE_CLOSING: {
    title: 'Service is closing',
    message: 'The service is being stopped and takes no more mail.',
    cause: 'An operator or the system stopped it.',
    remedy: { steps: ['Try again in a minute.'] },
    next: 'retry',
  },
});
