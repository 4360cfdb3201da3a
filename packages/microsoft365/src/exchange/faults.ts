/** The fault of making a script. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of scripts for Exchange Online. */
export const exchangeScriptFaults: FaultCatalogue<'M365_SCRIPT_VALUE_UNUSABLE'> = defineFaults({
  M365_SCRIPT_VALUE_UNUSABLE: {
    title: 'Value cannot stand in a script',
    message: 'The value {value} cannot stand in a PowerShell script.',
    cause: 'It is empty, too long, or holds characters that cannot be shown on one line.',
    remedy: { steps: ['Correct the value: a mailbox is an address, an ID is a GUID, a name is plain text.'] },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules',
    read: '2026-11-25',
  },
});
