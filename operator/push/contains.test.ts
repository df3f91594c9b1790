import { expect } from 'chai'

import { contains } from './contains.ts'

const service = {
  metadata: { name: 'web', labels: { ours: 'a' }, ownerReferences: [{ uid: 'u1' }] },
  spec: {
    type: 'LoadBalancer',
    ports: [
      { port: 80, targetPort: 80 },
      { port: 443, targetPort: 443 },
    ],
  },
}

describe('contains', () => {
  for (const [what, found, expected] of [
    ['itself', service, true],
    ['with a status', { ...service, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } }, true],
    ['with a label of theirs', { ...service, metadata: { ...service.metadata, labels: { ours: 'a', b: 'c' } } }, true],
    ['with defaults', { ...service, spec: { ...service.spec, clusterIP: '10.0.0.1' } }, true],
    [
      'with ports in another order and node ports',
      {
        ...service,
        spec: { ...service.spec, ports: service.spec.ports.toReversed().map((p) => ({ ...p, nodePort: 3 })) },
      },
      true,
    ],
    ['without our label', { ...service, metadata: { ...service.metadata, labels: { b: 'c' } } }, false],
    ['with a port changed', { ...service, spec: { ...service.spec, ports: [{ port: 80, targetPort: 81 }] } }, false],
    ['without owner', { ...service, metadata: { ...service.metadata, ownerReferences: [] } }, false],
    ['without spec', { metadata: service.metadata }, false],
  ] as const)
    it(`${what}: ${expected}`, () => expect(contains(found, service)).to.equal(expected))

  it('a list of words is one value', () => {
    expect(contains({ args: ['-W', '-db'] }, { args: ['-W', '-db'] })).to.equal(true)
    expect(contains({ args: ['-W', '-db', '-d'] }, { args: ['-W', '-db'] })).to.equal(false)
    expect(contains({ args: ['-db', '-W'] }, { args: ['-W', '-db'] })).to.equal(false)
  })

  it('what is not said is not asked for', () => {
    expect(contains({}, { kind: undefined })).to.equal(true)
  })
})
