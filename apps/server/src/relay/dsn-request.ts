/** The notices that a client asks for (RFC 3461), as the queue keeps them. */
import type { DsnRequest, RecipientDsn } from '@postbearer/core';
import type { ReceivedEnvelope } from '@postbearer/smtp/server';

/**
 * What was asked for with MAIL and RCPT; nothing where nothing was.
 *
 * It may be left out where the upstream knows no notices: ours answer for it then.
 */
export function dsnRequestOf({
  parameters,
  recipients,
  recipientParameters,
}: ReceivedEnvelope): DsnRequest | undefined {
  const { return: returned, envelopeId } = parameters;
  const single = recipientParameters.flatMap(({ notify, originalRecipient }, index): RecipientDsn[] => {
    const recipient = recipients[index];
    if (recipient === undefined || (notify === undefined && originalRecipient === undefined)) return [];
    return [
      {
        recipient,
        ...(notify === undefined ? {} : { notify }),
        ...(originalRecipient === undefined ? {} : { originalRecipient }),
      },
    ];
  });
  if (returned === undefined && envelopeId === undefined && single.length === 0) return undefined;
  return {
    isOptional: true,
    ...(returned === undefined ? {} : { return: returned }),
    ...(envelopeId === undefined ? {} : { envelopeId }),
    ...(single.length === 0 ? {} : { recipients: single }),
  };
}
