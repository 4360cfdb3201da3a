import { systemClock, type PostbearerEvent } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import { EventHub, type EventHubOptions } from './event-hub.ts';

const line: PostbearerEvent = { name: 'smtp.dialogue', connection: 'smtp-1', from: 'client', text: 'QUIT' };
const accepted: PostbearerEvent = { name: 'message.accepted', messageId: '<1@x>', recipient: 'a@x', reply: '250' };
const held: PostbearerEvent = {
  name: 'lane.held',
  lane: 'default/a@example.com',
  sender: '',
  fault: { code: 'OAUTH_X', title: 'x', message: 'x', cause: 'x', remedy: { steps: [] }, next: 'needs-person' },
};

function world(options: Partial<EventHubOptions> = {}): {
  hub: EventHub;
  counted: string[];
  heard: string[];
  errors: unknown[];
} {
  const [counted, heard, errors]: [string[], string[], unknown[]] = [[], [], []];
  const hub = new EventHub({
    clock: systemClock,
    counters: [(event) => counted.push(event.name)],
    listeners: [(event) => heard.push(event.name)],
    onError: (error) => errors.push(error),
    ...options,
  });
  return { hub, counted, heard, errors };
}

describe('the hub of events', () => {
  it('tells a standing set-up fault once, and counts it each time', () => {
    const { hub, counted, heard } = world();
    hub.onEvent(held);
    hub.onEvent(held);
    expect(counted).toEqual(['lane.held', 'lane.held']);
    expect(heard).toEqual(['lane.held']);
    expect(hub.feed.after(hub.feed.lastId - 1).events.map(({ event }) => event.name)).toEqual(['lane.held']);
  });

  it('wants lines of dialogues only while somebody traces, and keeps none of them', () => {
    const { hub, heard } = world();
    expect(hub.wantsDialogue()).toBe(false);
    const traced: string[] = [];
    const trace = hub.trace((event) => traced.push(event.name));
    expect(hub.wantsDialogue()).toBe(true);
    const before = hub.feed.lastId;
    hub.onEvent(line);
    hub.onEvent(accepted);
    trace.close();
    hub.onEvent(line);
    expect(traced).toEqual(['smtp.dialogue', 'message.accepted']);
    expect(heard).toEqual(['message.accepted']);
    expect(hub.feed.lastId).toBe(before + 1);
    expect(hub.wantsDialogue()).toBe(false);
  });

  it('gives the lines to a log that wants them', () => {
    const { hub, heard } = world();
    hub.dialogue = true;
    expect(hub.wantsDialogue()).toBe(true);
    hub.onEvent(line);
    expect(heard).toEqual(['smtp.dialogue']);
  });

  it('goes on after a listener that throws', () => {
    const heard: string[] = [];
    const broken = (): never => {
      throw new Error('broken');
    };
    const { hub, errors } = world({ listeners: [broken, (event) => heard.push(event.name)] });
    hub.onEvent(accepted);
    expect(heard).toEqual(['message.accepted']);
    expect(errors).toHaveLength(1);
  });
});
