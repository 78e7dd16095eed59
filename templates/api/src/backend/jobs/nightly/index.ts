/** The job that `module.ts` schedules under the name of this directory. */
export async function run(): Promise<void> {
  console.info('[job:nightly] ran at', new Date().toISOString());
}
