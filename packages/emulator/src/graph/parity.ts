/** How true the Graph of the emulator is. */
import { absent, modelled, type ParitySection } from '../parity-row.ts';

const GRAPH = 'graph/graph-service.test.ts';
const GRAPHDOC = 'learn.microsoft.com/graph/api, applications and servicePrincipals';
const GRAPHERRORS = 'learn.microsoft.com/graph/errors; texts in public reports';

/** Its part of the table. */
export const graphParity: ParitySection = {
  heading: 'Microsoft Graph',
  rows: [
    modelled(
      'applications by a unique name, made once',
      `${GRAPHDOC} (application-upsert)`,
      GRAPH,
      'makes an application by its unique name once, and finds it again',
    ),
    modelled(
      'Exchange Online and its roles',
      `${GRAPHDOC} (serviceprincipal-get)`,
      GRAPH,
      'offers the roles of Exchange Online, and says so where there is none',
    ),
    modelled(
      'secrets are shown once, two at most',
      `${GRAPHDOC} (application-addpassword); Azure/azure-cli#12946`,
      GRAPH,
      'gives a secret once, and no more than two',
    ),
    modelled(
      'policies that forbid secrets or cap their life',
      'learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy',
      GRAPH,
      'does what the policy of the tenant says of secrets',
    ),
    modelled(
      'consent is one role assignment',
      `${GRAPHDOC} (serviceprincipal-post-approleassignedto)`,
      GRAPH,
      'grants a permission once: this is the consent',
    ),
    modelled(
      '401 without a token for Graph, 403 without the permission',
      GRAPHERRORS,
      GRAPH,
      'lets nobody in without a token for it, and nobody do what was not granted',
    ),
    modelled(
      '400 for an unknown path or property, 405 for a wrong method',
      GRAPHERRORS,
      GRAPH,
      'refuses %s',
      'a misspelt property',
    ),
    modelled(
      'what was made is not known everywhere at once',
      'public reports of 404 and NoBackingApplicationObject after creation',
      GRAPH,
      'does not know at once what was made a moment ago, where it is told so',
    ),
    absent('deleted applications that can be restored', GRAPHDOC),
    absent('delegated grants, owners, paging of lists', GRAPHDOC),
  ],
};
