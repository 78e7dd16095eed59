const arrow = () => 1; class K {}
const { d = () => 1 } = {} as any; let l; l = function () {};
console.log(arrow.name, K.name, d.name, l.name);
function _using() { return "mine" } const _obj = 1; console.log(_using(), _obj);
const process1 = "x"; { const process1 = "inner"; console.log(process1) } console.log(process1);
var exports1 = 1; console.log(eval("1+1"), exports1);
const café = "ünïcödé 🙂 \u2028"; console.log(café.length, café);
console.log("\0\x01", '"', "'", `\``, "</script>");
