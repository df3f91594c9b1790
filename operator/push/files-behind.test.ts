import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'

import { silentLog } from '../lib/log.ts'

import { FilesBehind } from './files-behind.ts'
import { configOf, testSettings } from './testing/configs.ts'
import { FakePod } from './testing/fake-pod.ts'
import { quickTiming } from './testing/timing.ts'

const first = configOf({ hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } })
const second = configOf({ hosts: { 'b.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } })

describe('files behind', () => {
  it('follow soon, and rest after they were written for nine times as long as that took', async () => {
    const pod = new FakePod(testSettings)
    pod.before = async () => {
      await sleep(10)
    }
    const written: string[] = []
    const files = new FilesBehind({
      name: 'gw-1',
      settings: testSettings,
      timing: { ...quickTiming, longestPause: 60_000 },
      log: silentLog(),
      onFiles: ({ generation }) => written.push(generation),
    })
    files.found(first)
    files.soon()
    expect(files.due - performance.now()).to.be.within(0, quickTiming.persist)
    const began = performance.now()
    files.start(pod.api(), second, () => {})
    await files.idle()
    const took = performance.now() - began
    expect(written).to.deep.equal([second.generation])
    files.soon()
    expect(files.due - performance.now()).to.be.within(5 * took, 9 * took)
  })
})
