import { expect } from 'chai'

import { environmentName, readSettings, settingNames, settingRows, SettingsError } from './settings.ts'

describe('settings', () => {
  it('has a default for everything', () => {
    const settings = readSettings({}, {})
    expect(settings).to.deep.include({
      namespaces: [],
      logLevel: 'info',
      healthPort: 8080,
      operatorNamespace: 'haproxy-gateway-system',
    })
    expect(settings.dataPlane).to.deep.include({ replicas: 2, root: '/gw' })
    expect(settings).to.not.have.property('kubeconfig')
  })

  it('takes a flag before the environment, and the environment before the default', () => {
    const environment = {
      HAPROXY_GATEWAY_HEALTH_PORT: '9000',
      HAPROXY_GATEWAY_LOG_LEVEL: 'debug',
      HAPROXY_GATEWAY_NAMESPACES: '',
    }
    const settings = readSettings(
      { healthPort: '9001', dataPlaneReplicas: '3', dataPlaneImage: 'registry:5000/x@sha256:1' },
      environment,
    )
    expect(settings).to.deep.include({ healthPort: 9001, logLevel: 'debug', namespaces: [] })
    expect(settings.dataPlane).to.deep.include({ replicas: 3, image: 'registry:5000/x@sha256:1' })
  })

  it('reads a list of namespaces, with or without blanks', () => {
    expect(readSettings({ namespaces: 'shop, blog,' }, {}).namespaces).to.deep.equal(['shop', 'blog'])
  })

  it('says the environment variable of every flag', () => {
    expect(settingNames.map((name) => environmentName(settingRows[name]))).to.include.members([
      'HAPROXY_GATEWAY_OPERATOR_NAMESPACE',
      'HAPROXY_GATEWAY_DATA_PLANE_IMAGE',
      'HAPROXY_GATEWAY_UDP_IMAGE',
    ])
  })

  for (const [flags, environment, words] of [
    [{ healthPort: 'web' }, {}, '--health-port "web" is not a port number'],
    [{ healthPort: '70000' }, {}, 'leave it out for the default (8080)'],
    [{}, { HAPROXY_GATEWAY_HEALTH_PORT: '-1' }, 'HAPROXY_GATEWAY_HEALTH_PORT "-1" is not a port number'],
    [{ namespaces: 'Shop' }, {}, '--namespaces "Shop" is not a list of namespace names'],
    [{ logLevel: 'loud' }, {}, '--log-level "loud" is not one of debug, info, warn, error'],
    [{ dataPlaneReplicas: '1.5' }, {}, '--data-plane-replicas "1.5" is not a whole number'],
    [{ dataPlaneReplicas: '0' }, {}, '--data-plane-replicas "0"'],
    [{ dataPlaneImage: 'a b' }, {}, '--data-plane-image "a b"'],
    [{ kubeconfig: '/does/not/exist' }, {}, '--kubeconfig "/does/not/exist" is not a file that exists'],
    [{ templates: '/does/not/exist' }, {}, '--templates'],
    [{ operatorNamespace: '' }, {}, '--operator-namespace ""'],
  ] satisfies readonly (readonly [Record<string, string>, Record<string, string>, string])[])
    it(`refuses ${JSON.stringify({ ...flags, ...environment })}: ${words}`, () => {
      expect(() => readSettings(flags, environment)).to.throw(SettingsError, words)
    })

  it('names everything that is wrong at once', () => {
    expect(() => readSettings({ healthPort: 'x', logLevel: 'y' }, {})).to.throw(
      /health-port.*\n?.*log-level|log-level.*\n?.*health-port/s,
    )
  })
})
