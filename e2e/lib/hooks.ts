import { operatorComplaints, takePicture } from './diagnostics.ts'

/** For mocha: a picture of the cluster after every failed test, named on standard error. */
export const mochaHooks = {
  async afterEach(this: Mocha.Context): Promise<void> {
    const test = this.currentTest
    if (test?.state !== 'failed') return
    const file = await takePicture(test.fullTitle())
    process.stderr.write(`      the cluster at that moment: ${file}\n${await operatorComplaints()}\n`)
  },
}
