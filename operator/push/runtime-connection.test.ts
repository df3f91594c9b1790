import { createServer, type Server, type TLSSocket } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'

import { silentLog } from '../lib/log.ts'

import { answersOf, inLines, RuntimeConnection } from './runtime-connection.ts'
import { eventually } from './testing/eventually.ts'
import { testIdentity } from './testing/pki.ts'

describe('connection to the Runtime API', () => {
  it('finds the answer to each command of a line', () => {
    expect(answersOf('\n')).to.deep.equal([''])
    expect(answersOf('Key not found.\n\n\n')).to.deep.equal(['Key not found.', ''])
    expect(answersOf('\nServer deleted.\n\n')).to.deep.equal(['', 'Server deleted.'])
    expect(answersOf('New server registered.\n\n\n\n')).to.deep.equal(['New server registered.', '', ''])
    expect(answersOf('')).to.deep.equal([])
    expect(answersOf('+ + transaction created for CA x.pem!\n\n')).to.deep.equal(['transaction created for CA x.pem!'])
  })

  it('puts as many commands into a line as HAProxy takes', () => {
    const commands = Array.from({ length: 300 }, (_, at) => `${at} ${'x'.repeat(96)}`)
    const lines = inLines(commands)
    expect(lines.flat()).to.deep.equal(commands)
    expect(lines).to.have.length(3)
    for (const line of lines) expect(line.join(';').length).to.be.lessThan(12_001)
    expect(inLines([])).to.deep.equal([])
  })

  describe('of a pod that does what it likes', () => {
    let server: Server
    let sockets: TLSSocket[]
    let connections: number
    let log: string[]
    let connection: RuntimeConnection
    /** What the pod writes when it was sent a line. */
    let answer: (line: string, socket: TLSSocket) => string
    let workerPid: () => Promise<number>

    const usual = (line: string) => (line === 'show info' ? 'Pid: 7\n\n> ' : '\n> ')
    const open = async () => {
      connection.renew()
      await eventually('a connection', () => connection.isOpen)
    }

    beforeEach(async () => {
      ;[sockets, log, connections] = [[], [], 0]
      answer = usual
      workerPid = async () => 7
      const { authority, server: own } = testIdentity
      const pki = { ca: authority.certificate, cert: own.certificate, key: own.key.reveal() }
      server = createServer({ ...pki, requestCert: true }, (socket) => {
        sockets.push(socket)
        socket.on('error', () => {})
        socket.on('data', (data) => socket.write(answer(String(data).trim(), socket)))
      })
      server.on('connection', () => (connections += 1))
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      const address = server.address()
      connection = new RuntimeConnection({
        address: '127.0.0.1',
        settings: { root: '/gw', runtimePort: typeof address === 'object' ? (address?.port ?? 0) : 0 },
        identity: testIdentity,
        workerPid: () => workerPid(),
        renewCertificates: async () => {},
        log: silentLog((level, message) => log.push(`${level} ${message}`)),
      })
    })
    afterEach(async () => {
      connection.close()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    })

    it('waits ever longer between attempts', async () => {
      server.on('connection', (socket) => socket.destroy())
      connection.renew()
      await sleep(600)
      expect(connections).to.be.within(2, 8)
    })

    it('waits ever longer for one that ends each connection as soon as it stands', async () => {
      workerPid = async () => {
        const [socket] = sockets.slice(-1)
        setTimeout(() => socket?.destroy(), 1)
        return 7
      }
      connection.renew()
      await sleep(600)
      expect(connections).to.be.within(2, 8)
    })

    it('is not open when the pod has ended it before it was proven to lead to HAProxy', async () => {
      let isFirst = true
      workerPid = async () => {
        if (isFirst) {
          for (const socket of sockets) socket.destroy()
          await sleep(50)
          isFirst = false
        }
        return 7
      }
      await open()
      expect(connections).to.equal(2)
      expect(await connection.ask(['del map m k'])).to.deep.equal([''])
    })

    it('is given up when an answer is not one to what was asked: the next would not be either', async () => {
      await open()
      answer = () => '\n> \n> '
      const asked = connection.ask(['del map m k', 'add map m k v'])
      expect(await asked.then(String, String)).to.contain('1 answers to 2 commands')
      expect(connection.isOpen).to.equal(false)
    })

    it('is not made again at once when several lines in a row broke it: the Data Plane API shall have a chance', async () => {
      for (let n = 0; n < 3; n += 1) {
        answer = usual
        await open()
        answer = () => '\n> \n> '
        expect(await connection.ask(['one', 'two']).then(String, String)).to.contain('Error')
      }
      answer = usual
      connection.renew()
      await sleep(300)
      expect(connection.isOpen).to.equal(false)
      expect(connections).to.equal(3)
    })

    it('is given up when the pod says what nobody asked', async () => {
      await open()
      sockets.at(-1)?.write('New server registered.\n\n> ')
      await eventually('the end', () => !connection.isOpen)
    })

    it('is given up when an answer does not end', async () => {
      await open()
      answer = (_, socket) => {
        for (let n = 0; n < 100; n += 1) socket.write('x'.repeat(10_000))
        return ''
      }
      const asked = connection.ask(['show map'])
      expect(await asked.then(String, String)).to.contain('more than')
      expect(connection.isOpen).to.equal(false)
    })

    it('rejects what is asked of a connection that just broke, at once', async () => {
      await open()
      answer = (_, socket) => String(socket.destroy().destroyed)
      const first = connection.ask(['one'])
      expect(await first.then(String, String)).to.contain('ended')
      expect(await connection.ask(['two']).then(String, String)).to.contain('no connection')
    })

    it('leaves nothing behind, also when it is closed in the middle of an attempt', async () => {
      answer = () => ''
      connection.renew()
      await eventually('a line', () => sockets.length > 0)
      connection.close()
      await eventually('the end', () => sockets.every(({ destroyed }) => destroyed))
    })
  })
})
