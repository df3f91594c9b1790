import type { V1Container, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { pkiSecretName, stateSecretName } from '../model/names.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { udpStateFile } from '../model/udp.ts'
import { annotations, labels, metadata, selector } from './metadata.ts'
import { carriesUdp, udpContainer } from './udp.ts'

/** User and group of both programs; every file of the pod is theirs. */
const user = 99
/** Until no kube-proxy sends new connections to a pod that is going. */
const drainSeconds = 5
/** More than drainSeconds and HAProxy's hard-stop-after together. */
const graceSeconds = 40

/** The pods of one proxy. A change of anything in the template replaces every pod, so it holds nothing of listeners or routes, but for whether any is of UDP. */
export function deployment(proxy: ProxyModel, settings: DataPlaneSettings): DesiredObject {
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(proxy),
    spec: {
      replicas: settings.replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: selector(proxy) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: labels(proxy), ...annotations(proxy) },
        spec: podSpec(proxy, settings),
      },
    },
  }
  return workload
}

function podSpec(proxy: ProxyModel, settings: DataPlaneSettings): V1PodSpec {
  const { name } = proxy.workload
  const hasUdp = carriesUdp(proxy)
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selector(proxy) },
      },
    ],
    initContainers: [bootstrap(settings, hasUdp)],
    containers: [haproxy(settings), dataPlaneApi(settings), ...(hasUdp ? [udpContainer(settings, guarded())] : [])],
    volumes: [
      { name: 'gw', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '32Mi' } },
      ...(hasUdp ? [{ name: 'udp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } }] : []),
      { name: 'state', secret: { secretName: stateSecretName(name), defaultMode: 0o440 } },
      { name: 'pki', secret: { secretName: pkiSecretName(name), defaultMode: 0o440 } },
    ],
  }
}

// Unpacks the state a pod starts from. The folder itself belongs to root: its own times and mode are left alone.
function bootstrap({ image, root }: DataPlaneSettings, hasUdp: boolean): V1Container {
  const script = [
    'umask 077',
    `cd ${root}`,
    'tar -xzmf /state/state.tar.gz --no-same-permissions --no-overwrite-dir',
    'mkdir -p run maps ssl general spoe dpapi/tx dpapi/storage',
    ...(hasUdp ? [`touch ${udpStateFile}`] : []),
  ]
  return {
    name: 'bootstrap',
    image,
    command: ['bash', '-ec', script.join('; ')],
    securityContext: locked(),
    resources: { requests: { cpu: '10m', memory: '32Mi' } },
    volumeMounts: [
      { name: 'gw', mountPath: root },
      { name: 'state', mountPath: '/state', readOnly: true },
    ],
  }
}

function haproxy({ image, root, pki, statusPort, runtimePort, requests }: DataPlaneSettings): V1Container {
  const live = { path: '/livez', port: 'status' }
  const master = `${root}/run/master.sock,mode,600,level,admin`
  return {
    name: 'haproxy',
    image,
    command: ['haproxy', '-W', '-db', '-S', master, '-f', `${root}/haproxy.cfg`, '-f', `${root}/general/backends.cfg`],
    securityContext: locked(),
    resources: { requests },
    ports: [
      { name: 'status', containerPort: statusPort, protocol: 'TCP' },
      { name: 'runtime', containerPort: runtimePort, protocol: 'TCP' },
    ],
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
    startupProbe: { httpGet: live, periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { httpGet: live, periodSeconds: 5, timeoutSeconds: 3 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'status' }, periodSeconds: 1, failureThreshold: 2 },
    volumeMounts: [
      { name: 'gw', mountPath: root },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'pki', mountPath: pki, readOnly: true },
    ],
  }
}

// Without a readiness probe: the pod serves while its API is away.
function dataPlaneApi({ image, root, pki, apiPort, statusPort }: DataPlaneSettings): V1Container {
  return {
    name: 'dataplaneapi',
    image,
    command: ['bash', '-c', supervise({ root, pki, statusPort })],
    env: [
      { name: 'TLS_HOST', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'GOMEMLIMIT', value: '200MiB' },
    ],
    securityContext: locked(),
    resources: { requests: { cpu: '10m', memory: '96Mi' } },
    ports: [{ name: 'api', containerPort: apiPort, protocol: 'TCP' }],
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
    volumeMounts: [
      { name: 'gw', mountPath: root },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'pki', mountPath: pki, readOnly: true },
    ],
  }
}

/**
 * The script around the Data Plane API. It starts the API not before HAProxy answers (the API would hang for 30 s), starts it again when
 * it ends (a container that is not running makes the whole pod unready), tells it with SIGHUP when the kubelet has renewed the
 * certificates, and ends on the image's stop signal, SIGUSR1, too (while the API lives, HAProxy's soft stop does not end).
 */
function supervise({ root, pki, statusPort }: Pick<DataPlaneSettings, 'root' | 'pki' | 'statusPort'>): string {
  return String.raw`up() { ( exec 3<> /dev/tcp/127.0.0.1/${statusPort} && printf 'GET /livez HTTP/1.0\r\n\r\n' >&3 && read -rt 2 line <&3 && [[ $line == *' 200 '* ]] ) 2> /dev/null; }
keys() { readlink ${pki}/..data; }
rotate() { local old=$2 new; while sleep 5 && kill -0 "$1"; do new=$(keys); [ "$new" = "$old" ] || { old=$new; kill -HUP "$1"; }; done; } 2> /dev/null
trap '[ -z "$api" ] || kill "$api"; exit' TERM USR1
while :; do
  until up; do sleep 0.1; done
  mounted=$(keys)
  dataplaneapi -f ${root}/dataplaneapi.yaml & api=$!
  rotate "$api" "$mounted" &
  wait "$api"; echo "dataplaneapi ended with $?"
  api=
  sleep 0.5
done
`
}

// Serves on until no kube-proxy sends anything any more.
function guarded(): Pick<V1Container, 'securityContext' | 'lifecycle'> {
  return { securityContext: locked(), lifecycle: { preStop: { sleep: { seconds: drainSeconds } } } }
}

function locked(): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }
}
