// What the worker of a pod is given, and what it says of its pod.

import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { Logger } from '../lib/log.ts'

import type { PodApi } from './pod-api.ts'
import type { PushMetrics } from './push-metrics.ts'
import type { Reloaded } from './reloads.ts'
import type { Timing } from './timing.ts'

export type PodState =
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'rejected'; readonly generation: string; readonly message: string }
  | { readonly kind: 'programmed'; readonly generation: string }

export type PodOptions = {
  readonly name: string
  readonly connect: () => PodApi
  /** Kubernetes takes the pod for ready. */
  readonly isReady: () => boolean
  readonly settings: DataPlaneSettings
  readonly timing: Timing
  readonly log: Logger
  readonly metrics: PushMetrics
  /** The configuration of a generation, if this process has met it. */
  readonly known: (generation: string) => RenderedConfig | undefined
  /** The files of a pod hold this configuration now. */
  readonly onFiles: (config: RenderedConfig) => void
  readonly onState: () => void
  readonly onReload: (reloaded: Reloaded) => void
}
