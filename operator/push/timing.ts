/** All in milliseconds. */
export type Timing = {
  /** From a run-time change to the same state in the pod's files. */
  readonly persist: number
  /** Without a change, until a pod's memory says which generation it holds; and at most, however many changes come. */
  readonly settle: number
  readonly settleAtMost: number
  /** Between two looks whether HAProxy still has what was last written. */
  readonly drift: number
  /** Between two parts of a pod's memory that are read back and compared, one after the other. */
  readonly audit: number
  /** Between two writes of one state Secret. */
  readonly state: number
  /** Between two attempts to delete a server that still has connections: sooner at first, ever more rarely later. */
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
  /** A route's status waits this long after the route's last change, for its traffic to flow first; and at most `routeStatusAtMost`. */
  readonly routeStatus: number
  readonly routeStatusAtMost: number
  /** Statuses of routes are written one at a time, and one more at a time for each time that the first is so late. */
  readonly routeStatusLate: number
  /** A Gateway's status waits this long for further changes, and at most `statusAtMost`. */
  readonly status: number
  readonly statusAtMost: number
  /** From the first change that takes a reload of a pod to the reload, for others to join in. */
  readonly reloadGather: number
  /** Between two reloads of a pod: how many old workers there are at most follows from it. */
  readonly reloadPause: number
  /** From a reload to the Event that tells of it, for other pods to join in. */
  readonly eventGather: number
  /** Between two Events of a Gateway. */
  readonly eventPause: number
}

export const usualTiming: Timing = {
  persist: 2_000,
  settle: 200,
  settleAtMost: 1_000,
  drift: 1_000,
  audit: 30_000,
  state: 10_000,
  busyServers: 2_000,
  refused: 60_000,
  identity: 3_600_000,
  warning: 300_000,
  starting: 60_000,
  down: 1_000,
  longestPause: 10_000,
  refusedObject: 300_000,
  routeStatus: 50,
  routeStatusAtMost: 1_000,
  routeStatusLate: 250,
  status: 100,
  statusAtMost: 500,
  reloadGather: 100,
  reloadPause: 1_000,
  eventGather: 1_000,
  eventPause: 10_000,
}
