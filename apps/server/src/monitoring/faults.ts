/** The faults of monitoring. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type MonitoringFaultCode = 'SERVICE_WEBHOOK_REFUSED' | 'SERVICE_WEBHOOK_GONE';

/** Faults of telling others what happens. */
export const monitoringFaults: FaultCatalogue<MonitoringFaultCode> = defineFaults<MonitoringFaultCode>({
  SERVICE_WEBHOOK_REFUSED: {
    title: 'Webhook did not take an event',
    message: 'The webhook "{webhook}" answered HTTP {status}.',
    cause:
      'The receiver does not accept the event, its signature, or anything at this moment. A redirect is not followed.',
    remedy: {
      steps: ['Look at the log of the receiver.', 'Compare its secret with the one in postbearer.webhooks.{webhook}.'],
    },
    next: 'retry',
    source: 'Standard Webhooks 1.0, "Operational considerations" (standardwebhooks.com)',
    read: '2026-11-24',
  },
  SERVICE_WEBHOOK_GONE: {
    title: 'Webhook is gone',
    message: 'The webhook "{webhook}" answered HTTP 410: it wants no more events.',
    cause: 'The receiver was removed.',
    remedy: { steps: ['Take postbearer.webhooks.{webhook} out of the settings, or correct its url.'] },
    next: 'fix-configuration',
    source: 'Standard Webhooks 1.0, "Operational considerations" (standardwebhooks.com)',
    read: '2026-11-24',
  },
});
