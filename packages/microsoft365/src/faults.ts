/** The faults of Microsoft 365: one catalogue made of the groups in `faults/`. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';
import { appAndTenantDefinitions, type AppAndTenantCode } from './faults/app-and-tenant.ts';
import { clientCredentialDefinitions, type ClientCredentialCode } from './faults/client-credential.ts';
import { deliveryDefinitions, type DeliveryCode } from './faults/delivery.ts';
import { graphDefinitions, type GraphCode } from './faults/graph.ts';
import { signInDefinitions, type SignInCode } from './faults/sign-in.ts';
import { submissionDefinitions, type SubmissionCode } from './faults/submission.ts';
import { tokenRequestDefinitions, type TokenRequestCode } from './faults/token-request.ts';
import { tokenServiceDefinitions, type TokenServiceCode } from './faults/token-service.ts';

/** The code of a fault that this package explains. */
export type Microsoft365FaultCode =
  | AppAndTenantCode
  | ClientCredentialCode
  | TokenRequestCode
  | TokenServiceCode
  | SignInCode
  | SubmissionCode
  | DeliveryCode
  | GraphCode;

/** Every fault that is Microsoft's, with its wording. */
export const microsoft365Faults: FaultCatalogue<Microsoft365FaultCode> = defineFaults({
  ...appAndTenantDefinitions,
  ...clientCredentialDefinitions,
  ...tokenRequestDefinitions,
  ...tokenServiceDefinitions,
  ...signInDefinitions,
  ...submissionDefinitions,
  ...deliveryDefinitions,
  ...graphDefinitions,
});
