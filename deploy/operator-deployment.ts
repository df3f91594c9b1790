type Operator = {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly image: string
  readonly args: readonly string[]
}

const healthPort = 8080

/** One operator. Two would undo each other's work, so the old one ends before the new one starts; traffic needs neither. */
export function operatorDeployment({ name, namespace, labels, image, args }: Operator): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          priorityClassName: name,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container(image, args)],
        },
      },
    },
  }
}

function container(image: string, args: readonly string[]): object {
  return {
    name: 'operator',
    image,
    args,
    ports: [{ name: 'health', containerPort: healthPort, protocol: 'TCP' }],
    livenessProbe: { httpGet: { path: '/livez', port: 'health' }, periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 2, timeoutSeconds: 2 },
    // Reading the cluster makes short-lived objects; a larger young generation costs memory for good, and each of its collections is longer.
    env: [{ name: 'NODE_OPTIONS', value: '--max-semi-space-size=4 --disable-warning=DEP0040' }],
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  }
}
