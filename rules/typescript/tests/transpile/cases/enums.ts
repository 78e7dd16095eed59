enum Color { Red, Green = 5, Blue, Name = "name", Computed = "abc".length, Both = Green | Blue }
const enum Flag { A = 1 << 0, B = 1 << 1, AB = A | B }
enum Color { Late = 40 }
declare enum Ambient { X = 1 }
export enum Exported { One = 1, Two = One * 2 }
console.log(JSON.stringify(Color), Color[0], Color.Both, Color.Late);
console.log(Flag.AB, Flag["A"]);
console.log(Exported.Two, Exported[2]);
(Color as any).Red = 9;
console.log(Color.Red);
