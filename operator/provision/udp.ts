import type { V1Container } from '@kubernetes/client-node'
import type { ProxyModel } from '../model/proxy-model.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { udpConfigFile, udpStateFile } from '../model/udp.ts'

/** True when the Gateway has UDP listeners: HAProxy does not carry datagrams, so its pods have one more container. */
export function carriesUdp({ workload }: ProxyModel): boolean {
  return workload.ports.some(({ transport }) => transport === 'UDP')
}

/** Where the container tells what nginx runs: a mount of that one file, everything else of the pod's root folder is read only or not there. */
const state = '/run/udp.state'

/**
 * nginx with its stream module, and the shell that follows the file which the operator delivers. Ready from the moment that nginx runs the
 * file it found, or has refused it: connections of the other listeners do not wait for a UDP port.
 */
export function udpContainer({ udpImage, root }: DataPlaneSettings, common: Partial<V1Container>): V1Container {
  return {
    ...common,
    name: 'udp',
    image: udpImage,
    command: ['sh', '-c', followScript({ config: `${root}/${udpConfigFile}`, state, own: '/tmp' })],
    resources: { requests: { cpu: '10m', memory: '96Mi' } },
    startupProbe: { exec: { command: ['test', '-s', state] }, periodSeconds: 1, failureThreshold: 60 },
    volumeMounts: [
      { name: 'gw', mountPath: `${root}/general`, subPath: 'general', readOnly: true },
      { name: 'gw', mountPath: state, subPath: udpStateFile },
      { name: 'udp', mountPath: '/tmp' },
    ],
  }
}

export type FollowPaths = {
  /** Delivered by the operator; replaced as a whole. */
  readonly config: string
  readonly state: string
  /** A folder of the container's own. */
  readonly own: string
  /** What loads modules of nginx that are files of their own, as in packages of distributions. */
  readonly modules?: string
}

/**
 * The script, for any POSIX shell; without two dollar signs in a row, which Kubernetes makes one of. It looks at the first line of the file four times a second; takes a copy of a new one, has nginx check it
 * and then load it, and tells in the state file what runs (see model/udp.ts). A bad file leaves the old one running. An nginx that ends is
 * started again, for a container that is not running makes the whole pod unready; its workers would go on with what they had.
 */
export function followScript({ config, state: told, own, modules }: FollowPaths): string {
  return String.raw`config=${config} state=${told} own=${own}
options='include ${modules ?? '/etc/nginx/modules-enabled/*.conf'}; daemon off; pid ${own}/nginx.pid;'
running= refused= words= nginx= workers=
tell() { if [ -n "$refused" ]; then echo "$running refused $refused $words"; else echo "$running"; fi > "$state"; }
alive() { [ -n "$nginx" ] && read -r _ name status _ < "/proc/$nginx/stat" && [ "$name" = '(nginx)' ] && [ "$status" != Z ] && look; } 2> /dev/null
look() { read -r workers < "/proc/$nginx/task/$nginx/children" || :; } 2> /dev/null
renewed() { [ -e /proc/thread-self/children ] || { sleep 0.5; alive; return; }; look; for child in $workers; do case " $1 " in *" $child "*) ;; *) return 0 ;; esac; done; return 1; }
whole() { [ "$(tail -n 1 "$own/next.conf")" = '# end' ] || { echo 'the file has no end'; return 1; }; nginx -e stderr -t -q -c "$own/next.conf" -g "$options" 2>&1; }
load() {
  mv "$own/next.conf" "$own/udp.conf"
  before=
  if alive; then before=$workers; kill -HUP "$nginx"
  else nginx -e stderr -c "$own/udp.conf" -g "$options" & nginx=$!; fi
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if renewed "$before"; then return; fi
    sleep 0.1
  done
  words='it started no new worker; its log says why'
  return 1
}
follow() {
  cp "$config" "$own/next.conf"
  if words=$(whole) && load; then running=$hash refused=; else refused=$hash; fi
  tell
}
trap '[ -z "$nginx" ] || kill -QUIT "$nginx"; wait; exit' TERM QUIT INT USR1
ulimit -n "$(ulimit -H -n)"
: > "$state"
[ -e "$config" ] || tell
while :; do
  if [ -n "$running$refused" ] && ! alive; then
    [ -z "$workers" ] || kill -9 $workers
    workers= running=
    tell
    sleep 1
    refused=
  fi
  if read -r _ hash 2> /dev/null < "$config" && [ "$hash" != "$running" ] && [ "$hash" != "$refused" ]; then follow; fi
  sleep 0.25
done
`
}
