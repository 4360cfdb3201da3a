/** A fault of any catalogue with what is known of the reader filled in, where no reply is at hand to be its evidence. */
import { defineFaults, type Fault, type FaultCode, type FaultDefinition } from '@postbearer/core';
import type { Microsoft365Context } from '@postbearer/microsoft365';
import { CLOUDS } from '@postbearer/microsoft365/clouds';

/** The fault with the reader's own values; what is not known shows as a name in angle brackets. */
export function fillFault(code: FaultCode, definition: FaultDefinition, context: Microsoft365Context): Fault {
  const cloud = CLOUDS[context.cloud ?? 'global'];
  const server = context.server ?? cloud.smtpHost.value;
  const values = {
    host: server,
    server,
    name: server,
    port: 587,
    smtpHost: cloud.smtpHost.value,
    loginHost: cloud.loginHost.value,
    tenant: context.tenant,
    clientId: context.clientId,
    mailbox: context.mailbox,
    user: context.mailbox,
  };
  return defineFaults({ [code]: definition }).make(code, values);
}
