// {"from": "es2022"}
class K { static m = () => 1; field = () => 1; #p = () => 1; get p() { return this.#p.name } }
const Anonymous = class { static n = 1 };
console.log(K.name, K.m.name, new K().field.name, new K().p, Anonymous.name);
