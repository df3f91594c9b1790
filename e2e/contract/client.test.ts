import { once } from 'node:events'
import { createServer } from 'node:https'

import { expect } from 'chai'
import {
  ApiError,
  CancelError,
  createClient,
  DeadlineError,
  type Answer,
  type DataPlaneClient,
} from 'haproxy-dataplane-api'

import { createAuthority } from './authority.ts'
import { Lab, programs } from './lab.ts'

for (const program of programs()) {
  describe(`the generated client (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab
    let client: DataPlaneClient
    const answers: Answer[] = []

    before(async () => {
      lab = await Lab.start(program)
      client = createClient({
        address: '127.0.0.1',
        port: lab.ports.api,
        ca: lab.authority.ca,
        ...lab.authority.client,
        servername: lab.authority.servername,
        onResponse: (answer) => answers.push(answer),
      })
    })
    after(async () => {
      await client.close()
      await lab.stop()
    })
    beforeEach(() => void answers.splice(0))

    const parentName = 'scratch.map'

    it('reaches keys with any character of a path', async () => {
      for (const key of ['example.com/a b', 'x/?y', '@/%41', 'x/\u007f']) {
        await client.maps.clearMap({ name: parentName })
        await client.maps.putMap({ name: parentName, requestBody: [{ key, value: 'v' }] })
        if (key.includes(' ')) continue
        await client.maps.replaceEntry({ parentName, id: key, requestBody: { value: 'w' } })
        const [entry] = await client.maps.listEntries({ parentName })
        expect([entry?.key, entry?.value]).to.deep.equal([key, 'w'])
        await client.maps.deleteEntry({ parentName, id: key })
      }
    })

    it('hands status, version and reload id of every answer on', async () => {
      const text = 'a.example.com web\n'
      const id = await client.storageMaps.replaceMap({ name: 'hosts.map', requestBody: text })
      await client.storageMaps.replaceMap({ name: 'hosts.map', requestBody: text, skipReload: true })
      const [first, second] = answers
      expect([first?.method, first?.path, first?.status, first?.version, first?.reloadId]).to.deep.equal([
        'PUT',
        '/services/haproxy/storage/maps/{name}',
        202,
        '7',
        id,
      ])
      expect([second?.status, second?.reloadId, Number(second?.ms) > 0]).to.deep.equal([204, undefined, true])
    })

    it('sends text as it is, and uploads under their names', async () => {
      const text = await client.configuration.getRaw()
      expect(text).to.match(/^# _version=7\nglobal\n/)
      expect(await client.configuration.postRaw({ requestBody: text, skipVersion: true, onlyValidate: true })).to.equal(
        text,
      )
      const upload = new File(['-- é\n'], 'x.lua')
      const file = await client.storageGeneral.createFile({ formData: { file_upload: upload } })
      expect([file.storage_name, lab.read('general/x.lua')]).to.deep.equal(['x.lua', '-- é\n'])
    })

    it('rejects with the words of the API, and keeps nothing of what was sent', async () => {
      const refusal = await rejection(
        client.configuration.postRaw({ requestBody: 'secret words\n', skipVersion: true }),
      )
      if (!(refusal instanceof ApiError)) throw new Error('an ApiError was expected')
      expect([refusal.status, refusal.body.code]).to.deep.equal([400, 400])
      expect(refusal.body.message).to.match(/^validation error/)
      expect([refusal.request.body, refusal.request.formData]).to.deep.equal([undefined, undefined])
    })

    it('withholds the words of certificate calls', async () => {
      const pair = await lab.authority.issue('x.example.com')
      const upload = new File([pair.cert + pair.key], 'x.pem')
      const refusal = await rejection(
        client.certificates.replaceCertificate({ name: 'nosuch.pem', formData: { file_upload: upload } }),
      )
      if (!(refusal instanceof ApiError)) throw new Error('an ApiError was expected')
      expect(refusal.status).to.equal(500)
      expect(`${refusal.message}${JSON.stringify(refusal)}`)
        .to.contain('withheld')
        .and.not.to.contain('BEGIN')
    })
  })
}

describe('the generated client with an API that does not answer', () => {
  it('gives up at its deadline, or when told to, and the API sees it', async () => {
    const authority = await createAuthority()
    const { cert, key } = authority.server
    const server = createServer({ cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const client = createClient({
      address: '127.0.0.1',
      port: address.port,
      ca: authority.ca,
      ...authority.client,
      servername: authority.servername,
      timeoutMs: 100,
    })
    try {
      // Not events.once(): the aborted request also has an error, which is what we wait for.
      const given = new Promise<void>((resolve) => {
        server.once('request', (request) => request.once('error', () => {}).once('close', () => resolve()))
      })
      const late = await rejection(client.information.getInfo())
      expect(late).to.be.instanceOf(DeadlineError)
      expect(String(late)).to.contain('GET /info: no answer within 100 ms')
      await given
      const call = client.information.getInfo()
      server.once('request', () => call.cancel())
      expect(await rejection(call)).to.be.instanceOf(CancelError)
    } finally {
      await client.close()
      server.closeAllConnections()
      server.close()
    }
  })
})

async function rejection(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('a rejection was expected')
}
