// {"experimentalDecorators": true, "emitDecoratorMetadata": true, "strict": true}
const seen: string[] = [];
(Reflect as any).metadata = (key: string, value: any) => () => { if (value !== Function) seen.push(key + " " + (Array.isArray(value) ? value.map((v) => v?.name).join() : value?.name)) };
function dec(...args: any[]): any {}
class Dep {}
interface Shape { x: number }
enum Num { A } enum Str { A = "a" }
@dec class Service {
  @dec text: string = ""; @dec num?: number; @dec list!: string[]; @dec dep!: Dep; @dec shape!: Shape; @dec un!: string | null; @dec mixed!: string | number; @dec en!: Num; @dec st!: Str; @dec fn!: () => void; @dec any: any; @dec big!: bigint; @dec sym!: symbol; @dec lit!: "a"; @dec date!: Date; @dec map!: Map<string, number>;
  constructor(dep: Dep, n: number, shape: Shape) {}
  @dec method(a: string, b: Dep): Promise<void> { return Promise.resolve() }
}
console.log(seen.join("\n"));
