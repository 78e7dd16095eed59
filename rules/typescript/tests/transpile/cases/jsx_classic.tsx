// {"jsx": "react", "jsxFactory": "h", "jsxFragmentFactory": "Frag"}
const Frag = "fragment";
function h(tag: any, props: any, ...children: any[]): any { return { tag: typeof tag === "function" ? tag.name : tag, props, children } }
declare namespace JSX { interface IntrinsicElements { [name: string]: any } }
function Comp(props: { a: number; children?: any }) { return null }
const Ns = { Inner: function Inner() {} };
const rest = { c: 3 };
console.log(JSON.stringify(<><div class="x" data-y={1} {...rest} key="k">text  {"expr"}{/* none */}
  &amp; more &nbsp;end
  <Comp a={2}><br/></Comp><Ns.Inner/></div></>));
const generic = <T,>(value: T) => value; console.log(generic("g"));
