// {"useDefineForClassFields": false}
class Base { set x(v: number) { console.log("set x", v) } get x() { return 0 } }
const key = () => { console.log("key"); return "k" };
class C extends Base { x: number = 1; y?: string; static s = 2; #p = 3; [key()] = 4; z = this.first; constructor(public first: string) { super(); console.log("body", this.#p, this.z) } }
const c = new C("F"); console.log(Object.keys(c).join(), "y" in c, C.s);
class D { a = 1; b = this.a + 1; static t = () => this; arrow = () => this.b }
console.log(new D().arrow(), D.t() === D);
