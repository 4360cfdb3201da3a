import { settingsFromObject, type Upstream } from '@postbearer/settings';
import { describe, expect, it } from 'vitest';
import { verifyUpstream } from '../verify-upstream.ts';

async function faultOf(name: string, enabledFrom: Upstream['enabledFrom']): Promise<unknown> {
  const upstreams = { [name]: { enabled: false } };
  const { settings } = settingsFromObject({ postbearer: { upstreams } });
  const upstream = settings?.upstreams[name];
  if (settings === undefined || upstream === undefined) throw new Error('the settings were refused');
  const changed = { ...settings, upstreams: { [name]: { ...upstream, enabledFrom } } };
  return (await verifyUpstream(changed, name, { environment: {} })).results[0]?.fault;
}

describe('an upstream that is switched off', () => {
  it('is told with the switch as its own form writes it, and where that stands', async () => {
    const terraform = { key: 'enable_email_notification', source: 'terraform.tfvars: not set, default false' };
    expect(await faultOf('default', terraform)).toMatchObject({
      code: 'CONFIG_MAIL_DISABLED',
      message:
        'Email is disabled by enable_email_notification (terraform.tfvars: not set, default false): nothing will be sent.',
      remedy: { steps: ['Set enable_email_notification to true to send mail.'] },
    });
  });

  it('is told by name where it is one beside others', async () => {
    const place = { key: 'postbearer.upstreams.test.enabled', source: 'Global-variables.json:7' };
    expect(await faultOf('test', place)).toMatchObject({
      message:
        'Email is disabled by postbearer.upstreams.test.enabled (Global-variables.json:7): nothing will be sent through the upstream test.',
    });
  });
});
