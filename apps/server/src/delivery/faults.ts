/** The faults of policy: why a submission is not taken although it is well formed. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type DeliveryFaultCode =
  | 'MESSAGE_HEADER_TOO_LONG'
  | 'MESSAGE_FROM_UNCLEAR'
  | 'MESSAGE_NOT_ADDRESSED'
  | 'MESSAGE_TOO_MANY_RECIPIENTS'
  | 'MESSAGE_SIZE_OVER_LIMIT'
  | 'SERVICE_CLOSING';

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
  SERVICE_CLOSING: {
    title: 'Service is closing',
    message: 'The service is being stopped and takes no more mail.',
    cause: 'An operator or the system stopped it.',
    remedy: { steps: ['Try again in a minute.'] },
    next: 'retry',
  },
});
