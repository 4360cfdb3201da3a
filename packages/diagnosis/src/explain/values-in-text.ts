/** What a text says of its own tenant, app and mailbox, for the wording of the remedy. */
import type { Microsoft365Context } from '@postbearer/microsoft365';

const GUID = String.raw`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`;
const CLIENT = new RegExp(String.raw`(?:identifier|app|app id|client app id:|application|client_id=) ?'?(${GUID})`);
const TENANT = new RegExp(String.raw`(?:tenant|tenant named|login\.[a-z.]{5,40}/) ?'?(${GUID})`);

/** The values that stand in a flattened text. */
export function valuesInText(flat: string): Microsoft365Context {
  const clientId = CLIENT.exec(flat)?.[1];
  const tenant = TENANT.exec(flat)?.[1];
  return { ...(clientId === undefined ? {} : { clientId }), ...(tenant === undefined ? {} : { tenant }) };
}
