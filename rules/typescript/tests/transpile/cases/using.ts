(Symbol as any).dispose ??= Symbol.for("Symbol.dispose");
(Symbol as any).asyncDispose ??= Symbol.for("Symbol.asyncDispose");
const open = (name: string) => ({ name, [Symbol.dispose]() { console.log("close", name) } });
const openLater = (name: string) => ({ name, async [Symbol.asyncDispose]() { await null; console.log("close later", name) } });
function work() { using a = open("a"); using b = open("b"); console.log("work", a.name, b.name); return "done" }
console.log(work());
async function later() { await using c = openLater("c"); for (using d of [open("d"), open("e")]) console.log(d.name); console.log("in", c.name) }
await later();
try { using bad = open("bad"); throw new Error("boom") } catch (error) { console.log((error as Error).message) }
{ using n = null; console.log(n) }
