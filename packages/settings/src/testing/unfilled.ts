/** Whether the wording of a fault was filled whole. */
import { faultLines, type Fault, type FaultDefinition } from '@postbearer/core';
import { settingsFaults } from '../faults.ts';

/** The place holders of a definition as they show where nobody filled them: `<key>`. */
function placeHolders({ title, message, cause, remedy }: FaultDefinition): string[] {
  const texts = [title, message, cause, ...remedy.steps, remedy.command ?? ''];
  return [...texts.join('\n').matchAll(/\{(\w+)\}/g)].map(([, name]) => `<${name}>`);
}

/** The place holders that show in a rendered fault; none where all were filled. */
export function unfilled(fault: Fault): string[] {
  const definitions: Readonly<Record<string, FaultDefinition>> = settingsFaults.definitions;
  const definition = definitions[fault.code];
  if (definition === undefined) throw new Error(`${fault.code} is no fault of settings`);
  const text = faultLines(fault).join('\n');
  return placeHolders(definition).filter((name) => text.includes(name));
}
