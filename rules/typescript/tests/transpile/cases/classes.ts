abstract class Base { abstract name(): string; hello() { return `hi ${this.name()}`; } declare ghost: string; optional?: number; }
class Person extends Base {
  static #count = 0;
  #secret = 42;
  field = this.first + "!";
  static { Person.#count += 1; }
  constructor(public first: string, private readonly last = "L", protected x?: number) { super(); Person.#count++; }
  name(): string { return `${this.first} ${this.last} ${this.#secret} ${#secret in this}`; }
  static get count() { return this.#count; }
  overload(a: string): void; overload(a: number): void; overload(a: any) { console.log("o", a); }
  accessor auto = 5;
  [key: string]: unknown;
  get "computed key"() { return 1 }
}
const p = new Person("F");
console.log(p.hello(), p.field, Person.count, Object.keys(p).join(), p.auto);
p.overload(3);
class Setter { set x(v: number) { console.log("set", v); } }
class Defines extends (Setter as any) { x = 1 }
const d = new Defines() as any;
console.log(Object.getOwnPropertyDescriptor(d, "x")?.value);
class Uninit { a; b = 1 }
console.log(Object.keys(new Uninit()).join());
const Anonymous = class { static n = Anonymous_name };
var Anonymous_name = "late";
console.log(Anonymous.n);
function shadow(value: string) { return class { v = value; constructor(value: number) { console.log(value, this.v) } } }
new (shadow("outer"))(1);
