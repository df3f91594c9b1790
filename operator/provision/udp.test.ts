import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import type { ProxyModel, WorkloadPort } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { readUdpState } from '../model/udp.ts'
import { deployment } from './deployment.ts'
import { service } from './service.ts'
import { followScript } from './udp.ts'
import { noParts } from '../lib/parts.ts'

const http: WorkloadPort = { port: 80, tls: false, transport: 'TCP', kind: 'http' }
const dns: WorkloadPort = { port: 53, tls: false, transport: 'UDP', kind: 'udp' }
const overTcp: WorkloadPort = { port: 53, tls: false, transport: 'TCP', kind: 'tcp' }

function proxy(...ports: readonly WorkloadPort[]): ProxyModel {
  const workload = { name: 'web-haproxy', namespace: 'shop', uid: '7f', className: 'haproxy' }
  return {
    id: 'shop/web',
    workload: { ...workload, labels: {}, annotations: {}, addresses: [], ports },
    frontends: [],
    backends: noParts,
    certificates: noParts,
    conditionNames: { headers: [], queries: [] },
  }
}
const podsOf = (...ports: readonly WorkloadPort[]): DesiredObject => deployment(proxy(...ports), defaultDataPlane)
const containers = /"name":"(bootstrap|haproxy|dataplaneapi|udp)","image":"([^"]*)"/g

describe('provision: UDP', () => {
  it('pods have a container for it only while there is a UDP listener, whichever it is', () => {
    const images = (object: DesiredObject) =>
      [...JSON.stringify(object).matchAll(containers)].map(([, name, image]) => `${name} ${image}`)
    expect(images(podsOf(http))).to.not.include('udp nginx:1.30')
    expect(images(podsOf(http, dns))).to.have.members([...images(podsOf(http)), 'udp nginx:1.30'])
    expect(podsOf(http, dns, { ...dns, port: 5353 }), 'pods are not replaced for another port').to.deep.equal(
      podsOf(http, dns),
    )
  })

  it('the container sees neither certificates nor keys, and writes nothing but its state', () => {
    const text = JSON.stringify(podsOf(dns))
    const container = text.slice(text.indexOf('"name":"udp"'), text.indexOf(']}],"volumes"'))
    const mounts = container.slice(container.indexOf('"volumeMounts"'))
    expect(mounts).to.equal(
      '"volumeMounts":[{"name":"gw","mountPath":"/gw/general","subPath":"general","readOnly":true},' +
        '{"name":"gw","mountPath":"/run/udp.state","subPath":"general/udp.state"},{"name":"udp","mountPath":"/tmp"}',
    )
  })

  it('one number may be a port of TCP and of UDP', () => {
    expect(service(proxy(dns, overTcp))).to.have.deep.nested.property('spec.ports', [
      { name: 'udp-53', protocol: 'UDP', port: 53, targetPort: 53 },
      { name: 'tcp-53', protocol: 'TCP', port: 53, targetPort: 53 },
    ])
  })

  it('the script is one that any shell reads', () => {
    const script = followScript({ config: '/c', state: '/s', own: '/o' })
    const { status, stderr } = spawnSync('sh', ['-n', '-c', script], { encoding: 'utf8' })
    expect(stderr).to.equal('')
    expect(script, 'what Kubernetes would change').to.not.contain('$$')
    expect(status).to.equal(0)
  })

  const states = [
    { text: '', state: { running: '' } },
    { text: '\n', state: { running: '' } },
    { text: 'abc\n', state: { running: 'abc' } },
    {
      text: 'abc refused def no such\n  thing\n',
      state: { running: 'abc', refused: { hash: 'def', words: 'no such thing' } },
    },
    { text: ' refused def \n', state: { running: '', refused: { hash: 'def', words: '' } } },
  ]
  for (const { text, state } of states)
    it(`${JSON.stringify(text)} in the state file is ${JSON.stringify(state)}`, () => {
      expect(readUdpState(text)).to.deep.equal(state)
    })
})
