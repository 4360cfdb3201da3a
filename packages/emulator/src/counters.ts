/** What the emulator counts, for tests that prove how often something was done. */

/** The counts so far. */
export interface Counters {
  /** Requests to the token endpoint. */
  tokenRequests: number;
  /** Of these, how many were answered with a token. */
  tokensIssued: number;
  /** Requests to Microsoft Graph. */
  graphRequests: number;
  /** SMTP connections accepted. */
  connections: number;
  /** SMTP connections open now. */
  connectionsOpen: number;
  /** The most that were open at a time. */
  connectionsMaxOpen: number;
  signInsAccepted: number;
  signInsRefused: number;
  messagesReceived: number;
  messagesRefused: number;
  /** Messages whose final reply was held back by the pace of 30 a minute. */
  messagesPaced: number;
}

/** Counts at zero. */
export function createCounters(): Counters {
  return {
    tokenRequests: 0,
    tokensIssued: 0,
    graphRequests: 0,
    connections: 0,
    connectionsOpen: 0,
    connectionsMaxOpen: 0,
    signInsAccepted: 0,
    signInsRefused: 0,
    messagesReceived: 0,
    messagesRefused: 0,
    messagesPaced: 0,
  };
}
