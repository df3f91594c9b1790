// How the doors talk to the API server: raw JSON over one pooled dispatcher. `watch/kube.ts` implements it.

export type KubeRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query, e.g. `/api/v1/namespaces/shop/secrets/tls`. */
  readonly path: string
  readonly body?: unknown
  /** For PATCH; server-side apply is `application/apply-patch+yaml`, JSON bodies are valid YAML. */
  readonly contentType?: 'application/json' | 'application/merge-patch+json' | 'application/apply-patch+yaml'
  readonly signal?: AbortSignal
}

export type KubeResponse = {
  readonly status: number
  readonly body: unknown
  /** Milliseconds, from the Retry-After header. */
  readonly retryAfter?: number
}

/** Resolves for every HTTP status; rejects only when there was no answer. Each call has a deadline. */
export type KubeCaller = (request: KubeRequest) => Promise<KubeResponse>
