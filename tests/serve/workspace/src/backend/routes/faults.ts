function thrower(): never {
  throw new RangeError('secret place /etc/hidden');
}

export const faultRoutes = [
  { definition: { name: 'thrower', method: 'GET', path: '/fault/throw' }, handler: thrower },
  { definition: { name: 'GET /fault/throw-text', method: 'GET', path: '/fault/throw-text' }, handler: () => { throw 'a bare text'; } },
  { definition: { name: 'GET /fault/reject', method: 'GET', path: '/fault/reject' }, handler: async () => Promise.reject(new Error('rejected')) },
  {
    definition: { name: 'GET /fault/late', method: 'GET', path: '/fault/late' },
    handler() {
      setTimeout(() => { throw new Error('thrown later'); }, 1);
      Promise.reject(new Error('rejected unseen'));
      return { body: 'answered' };
    },
  },
  { definition: { name: 'GET /fault/cyclic', method: 'GET', path: '/fault/cyclic' }, handler: () => { const body: any = {}; body.self = body; return { body }; } },
];
