/**
 * The state machine of a message and of its recipients, as one table.
 *
 * Every change of state in this package names a trigger of this table and takes its states from it; the diagram in
 * `docs/explanation/message-states.md` is drawn from it. A message has one state; each of its recipients has one too,
 * because a server may take a message for one and refuse it for another. A recipient is *open* while something may still
 * be sent to it. A message ends when none of its recipients is open, with the worst of their states.
 */

/** What a state means, and whether anything is still to come. */
interface StateMeaning {
  /** `hidden`: not yet a message. `waiting`: nobody works on it. `working`: a node works on it. `ended`: nothing more happens by itself. */
  readonly phase: 'hidden' | 'waiting' | 'working' | 'ended';
  readonly meaning: string;
}

/** The state of a message. */
export type MessageState =
  | 'receiving'
  | 'scheduled'
  | 'queued'
  | 'leased'
  | 'deferred'
  | 'uncertain'
  | 'held'
  | EndedState;

/** The states of a message. */
export const MESSAGE_STATES: Readonly<Record<MessageState, StateMeaning>> = {
  receiving: { phase: 'hidden', meaning: 'its bytes are still arriving; not accepted' },
  scheduled: { phase: 'waiting', meaning: 'waits for the time it is to be sent' },
  queued: { phase: 'waiting', meaning: 'may be sent now; its lane may be held' },
  leased: { phase: 'working', meaning: 'a node is sending it' },
  deferred: { phase: 'waiting', meaning: 'was not taken; waits for its next attempt' },
  uncertain: {
    phase: 'waiting',
    meaning: 'may have been taken; waits before it is sent again under the same Message-ID',
  },
  held: { phase: 'waiting', meaning: 'waits for a person or for a mend' },
  delivered: { phase: 'ended', meaning: 'taken for every recipient' },
  refused: { phase: 'ended', meaning: 'refused for good for at least one recipient' },
  expired: { phase: 'ended', meaning: 'given up after days of attempts' },
  unconfirmed: { phase: 'ended', meaning: 'may have been taken; not sent again' },
  discarded: { phase: 'ended', meaning: 'removed by an operator' },
  cancelled: { phase: 'ended', meaning: 'called back by whoever submitted it' },
};

/** A state in which something may still be sent to a recipient. */
export type OpenRecipientState = 'queued' | 'deferred' | 'uncertain';

/** A state of a recipient that is final, and of a message all of whose recipients are. */
export type EndedState = 'delivered' | 'refused' | 'expired' | 'unconfirmed' | 'discarded' | 'cancelled';

/** The state of one recipient. */
export type RecipientState = OpenRecipientState | EndedState;

/** The states in which something may still be sent to a recipient. */
export const OPEN_RECIPIENT_STATES: readonly OpenRecipientState[] = ['queued', 'deferred', 'uncertain'];

/** The states in which nothing more is sent to a recipient, the worst first. */
const ENDED_STATES: readonly EndedState[] = [
  'refused',
  'expired',
  'unconfirmed',
  'discarded',
  'cancelled',
  'delivered',
];

/** The name of a change. */
export type Trigger =
  | 'begin'
  | 'abandon'
  | 'accept'
  | 'schedule'
  | 'due'
  | 'lease'
  | 'probe'
  | 'deliver'
  | 'refuse'
  | 'expire'
  | 'defer'
  | 'doubt'
  | 'ask'
  | 'stop'
  | 'hold-lane'
  | 'hold-sender'
  | 'give-back'
  | 'crash'
  | 'set-aside'
  | 'mend'
  | 'retry'
  | 'release'
  | 'discard'
  | 'cancel'
  | 'purge';

/** Something that changes the state of a message. */
export interface Transition {
  readonly trigger: Trigger;
  /** Why it happens. */
  readonly because: string;
  /** Where it may start; `nothing` where it makes a message. */
  readonly from: readonly (MessageState | 'nothing')[];
  /** Where it leads; `nothing` where it removes the message. */
  readonly to: MessageState | 'nothing';
  /** Whether a person or an app asks for it. */
  readonly isManual?: true;
}

/** Every change of state. */
export const TRANSITIONS: readonly Transition[] = [
  { trigger: 'begin', because: 'a large message begins to arrive', from: ['nothing'], to: 'receiving' },
  { trigger: 'abandon', because: 'it did not arrive whole', from: ['receiving'], to: 'nothing' },
  { trigger: 'accept', because: 'it is stored whole', from: ['nothing', 'receiving'], to: 'queued' },
  { trigger: 'schedule', because: 'it is stored whole, for later', from: ['nothing', 'receiving'], to: 'scheduled' },
  { trigger: 'due', because: 'its time has come', from: ['scheduled', 'deferred', 'uncertain'], to: 'queued' },
  { trigger: 'lease', because: 'the owner of its lane takes it', from: ['queued'], to: 'leased' },
  {
    trigger: 'probe',
    because: 'it is tried to see whether the hold is mended',
    from: ['queued', 'held'],
    to: 'leased',
  },
  { trigger: 'deliver', because: 'the server took it for every recipient left', from: ['leased'], to: 'delivered' },
  { trigger: 'refuse', because: 'no recipient is open, and one was refused', from: ['leased'], to: 'refused' },
  { trigger: 'expire', because: 'no recipient is open, and one ran out of time', from: ['leased'], to: 'expired' },
  { trigger: 'defer', because: 'not taken now', from: ['leased'], to: 'deferred' },
  { trigger: 'doubt', because: 'the line broke before the final reply', from: ['leased'], to: 'uncertain' },
  { trigger: 'ask', because: 'in doubt, and a person is to decide', from: ['leased'], to: 'held' },
  { trigger: 'stop', because: 'in doubt, and not to be sent again', from: ['leased'], to: 'unconfirmed' },
  {
    trigger: 'hold-lane',
    because: 'a set-up fault of the lane; no attempt is used up',
    from: ['leased'],
    to: 'queued',
  },
  { trigger: 'hold-sender', because: 'the mailbox may not send as this From', from: ['leased', 'queued'], to: 'held' },
  { trigger: 'give-back', because: 'nothing was tried', from: ['leased'], to: 'queued' },
  {
    trigger: 'crash',
    because: 'its node died, or its lease ran out; it is tried alone',
    from: ['leased'],
    to: 'queued',
  },
  { trigger: 'set-aside', because: 'the same for the third time', from: ['leased'], to: 'held' },
  { trigger: 'mend', because: 'the hold of its sender is lifted', from: ['held'], to: 'queued' },
  {
    trigger: 'retry',
    because: 'try it now',
    from: ['deferred', 'uncertain', 'held', 'refused', 'expired', 'unconfirmed', 'discarded'],
    to: 'queued',
    isManual: true,
  },
  { trigger: 'release', because: 'let it go on', from: ['held'], to: 'queued', isManual: true },
  {
    trigger: 'discard',
    because: 'never send it',
    from: ['scheduled', 'queued', 'deferred', 'uncertain', 'held'],
    to: 'discarded',
    isManual: true,
  },
  {
    trigger: 'cancel',
    because: 'the submitter calls it back',
    from: ['scheduled', 'queued', 'deferred', 'held'],
    to: 'cancelled',
    isManual: true,
  },
  {
    trigger: 'purge',
    because: 'its record is old enough',
    from: ['delivered', 'refused', 'expired', 'unconfirmed', 'discarded', 'cancelled'],
    to: 'nothing',
  },
];

function transition(trigger: Trigger): Transition {
  const found = TRANSITIONS.find((each) => each.trigger === trigger);
  if (found === undefined) throw new Error(`There is no trigger "${trigger}".`);
  return found;
}

/** The states in which a trigger may happen. */
export function statesBefore(trigger: Trigger): readonly MessageState[] {
  return transition(trigger).from.filter((state) => state !== 'nothing');
}

/** The state that a trigger leads to. */
export function stateAfter(trigger: Trigger): MessageState {
  const { to } = transition(trigger);
  if (to === 'nothing') throw new Error(`"${trigger}" leaves no message.`);
  return to;
}

/** Whether nothing more happens to a message by itself. */
export function isEnded(state: MessageState): state is EndedState {
  return MESSAGE_STATES[state].phase === 'ended';
}

/** The state of a message whose recipients have all ended: the worst of theirs. */
export function worstOf(states: Iterable<EndedState>): EndedState {
  const given = new Set(states);
  return ENDED_STATES.find((state) => given.has(state)) ?? 'delivered';
}
