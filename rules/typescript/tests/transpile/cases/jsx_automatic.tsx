// {"jsx": "react-jsx", "jsxImportSource": "../fake"}
declare namespace JSX { interface IntrinsicElements { [name: string]: any } }
const rest = { c: 3, key: "r" };
console.log(JSON.stringify(<><div class="x" key="k">a{1}</div><p>one</p><i {...rest}/><b {...rest} key="last"/></>));
export function List<T>({ items }: { items: T[] }) { return <ul>{items.map((item, index) => <li key={index}>{String(item)}</li>)}</ul> }
console.log(JSON.stringify(<List<number> items={[1, 2]} />), JSON.stringify(List({ items: [1, 2] })));
