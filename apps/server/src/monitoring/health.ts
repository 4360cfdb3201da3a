/** How the service is: the faces of `/health/ping`, `/health` and `/ready`. */

/** How one part is. */
export interface HealthPart {
  /** `database`, `listeners`, `lanes`, `tokens`, `disk`, `log`. */
  readonly name: string;
  /** `warning`: mail is taken and something needs a person. `failed`: mail cannot be taken. `unknown`: nothing has shown it yet. */
  readonly state: 'ok' | 'warning' | 'failed' | 'unknown';
  /** One sentence. */
  readonly message: string;
  /** What the state rests on, such as `a write just now`. */
  readonly basis: string;
  /** Since when it is so, milliseconds since 1970. */
  readonly since: number;
}

/** How the whole is: as its worst part. */
export interface HealthReport {
  readonly isHealthy: boolean;
  readonly state: HealthPart['state'];
  /** When it was looked, milliseconds since 1970. */
  readonly at: number;
  readonly parts: readonly HealthPart[];
}

/** What a face asks about the service. */
export interface Health {
  /** Whether the process answers at all; looks at nothing else. */
  live(): HealthReport;
  /** How each part is. Healthy unless a part failed. */
  health(): Promise<HealthReport>;
  /** Whether mail may be handed in: the database can be written and the service is not closing. */
  ready(): Promise<HealthReport>;
}
