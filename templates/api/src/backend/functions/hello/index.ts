/** A function: a piece of work outside of any request, built as an entry of its own. */
export async function run(): Promise<void> {
  console.info('[function:hello] ran at', new Date().toISOString());
}
