/** All in milliseconds. */
export type Timing = {
  /** From a run-time change to the same state in the pod's files. */
  readonly persist: number
  /** Between two looks whether HAProxy still has what was last written. */
  readonly drift: number
  /** Between two writes of one state Secret. */
  readonly state: number
  /** Between two attempts to delete a server that still has connections. */
  readonly busyServers: number
  /** Until a refused configuration is tried again although nobody changed it. */
  readonly refused: number
  /** Between two looks at the age of certificates. */
  readonly identity: number
  /** Between two warnings about a pod that still cannot be brought up to date. */
  readonly warning: number
  /** A pod that is not ready has this long to start before anybody is warned. */
  readonly starting: number
  /** Before another look at a HAProxy that was down. */
  readonly down: number
  /** The longest pause of a back-off. */
  readonly longestPause: number
  /** The longest pause before an object that the API server refused is sent again although it is still the same. */
  readonly refusedObject: number
  /** A route's status waits this long, for its traffic to flow first. */
  readonly routeStatus: number
  /** A Gateway's status waits this long for further changes, and at most `statusAtMost`. */
  readonly status: number
  readonly statusAtMost: number
}

export const usualTiming: Timing = {
  persist: 2_000,
  drift: 1_000,
  state: 10_000,
  busyServers: 2_000,
  refused: 60_000,
  identity: 3_600_000,
  warning: 300_000,
  starting: 60_000,
  down: 1_000,
  longestPause: 10_000,
  refusedObject: 300_000,
  routeStatus: 25,
  status: 100,
  statusAtMost: 500,
}
