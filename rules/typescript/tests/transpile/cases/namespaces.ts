namespace Shapes {
  export let count = 0;
  export const unit = 2;
  export class Square { area() { count += 1; return unit * unit; } }
  export namespace Deep { export function f() { return Inner.g() + count; } namespace Inner { export const g = () => 7; } }
  export enum Kind { A = "a" }
  export interface Ignored { x: number }
}
namespace A.B.C { export const v = "abc"; }
namespace OnlyTypes { export type T = string }
import Sq = Shapes.Square;
class Host { static s = 1 }
namespace Host { export const extra = Host.s + 1; }
function fn() { return 1 }
namespace fn { export const tag = "fn"; }
console.log(new Sq().area(), Shapes.count, Shapes.Deep.f(), Shapes.Kind.A, A.B.C.v, Host.extra, fn.tag, fn());
Shapes.count = 10;
console.log(Shapes.Deep.f());
namespace M { export const x = 1 }
namespace M { export const y = M.x + 1 }
console.log(M.y);
