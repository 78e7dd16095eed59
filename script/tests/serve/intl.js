// The forms of numbers and dates that handlers use, for the embedded engine and for Node.
const DATES = [{}, {month:'short',day:'numeric',hour:'numeric',minute:'2-digit'}, {month:'long',day:'numeric',hour:'numeric'},{month:'short',day:'numeric',year:'numeric'},{weekday:'long'},{weekday:'short',day:'numeric'},{weekday:'long',month:'long',day:'numeric',year:'numeric'},{weekday:'long',month:'long',day:'numeric',year:'numeric',hour:'numeric',minute:'numeric'},{month:'long',year:'numeric'},{month:'2-digit',day:'2-digit',year:'numeric'},{month:'numeric',year:'2-digit'},{weekday:'short',month:'numeric',day:'numeric'},{hour:'numeric'},{hour:'2-digit',minute:'2-digit'},{hour:'2-digit',minute:'2-digit',hourCycle:'h23'},{hour:'numeric',minute:'2-digit',second:'2-digit',hourCycle:'h23'},{minute:'numeric',second:'numeric'},{dateStyle:'full'},{dateStyle:'long'},{dateStyle:'medium'},{dateStyle:'short'},{timeStyle:'short'},{timeStyle:'medium'},{timeStyle:'long'},{timeStyle:'full'},{dateStyle:'medium',timeStyle:'short'},{dateStyle:'long',timeStyle:'short'},{dateStyle:'full',timeStyle:'medium'},{dateStyle:'short',timeStyle:'short'},{timeZoneName:'short'},{month:'short'},{month:'narrow'},{day:'numeric'},{year:'numeric'},{minute:'numeric'},{hour:'numeric',timeZoneName:'short'},{weekday:'short',hour:'numeric'},{weekday:'short',month:'short',day:'numeric',hour:'numeric',minute:'numeric'},{month:'numeric',day:'numeric',hour:'numeric'},{year:'numeric',month:'2-digit'},{second:'numeric'},{hour:'numeric',minute:'numeric',second:'numeric',fractionalSecondDigits:3},{weekday:'long',year:'numeric'}];
const NUMBERS = [[8765,{notation:'compact',maximumFractionDigits:1}],[8765,{notation:'compact'}],[12345,{notation:'compact'}],[999999,{notation:'compact'}],[1.26,{notation:'compact'}],[0.126,{notation:'compact'}],[1e15,{notation:'compact'}],[1e16,{notation:'compact'}],[1234.5,{notation:'compact',style:'currency',currency:'USD'}],[999950,{notation:'compact',maximumFractionDigits:1}],[15.5,{notation:'compact'}],[100.5,{notation:'compact'}],[0.256,{style:'percent'}],[0.2565,{style:'percent',maximumFractionDigits:1}],[-1234.5,{style:'currency',currency:'USD'}],[1234.5,{style:'currency',currency:'USD',minimumFractionDigits:0}],[1234.5,{style:'currency',currency:'USD',maximumFractionDigits:0}],[1234.5,{style:'currency',currency:'EUR'}],[1234.5,{style:'currency',currency:'JPY'}],[1.005,{maximumFractionDigits:2}],[2.5,{maximumFractionDigits:0}],[-0,{}],[NaN,{}],[Infinity,{}],[1e21,{}],[123456.789,{maximumSignificantDigits:3}],[0.00012345,{maximumSignificantDigits:2}],[5,{minimumIntegerDigits:3}],[1234,{useGrouping:false}],[5,{signDisplay:'always'}],[0,{signDisplay:'exceptZero'}],[1.5,{minimumFractionDigits:2}],[-0.0001,{}],[1e-7,{maximumFractionDigits:10}],[12,{minimumSignificantDigits:4}],[123456789n,{}],[-1234567.891,{}],[1234567.891,{maximumFractionDigits:0}],[0.5,{maximumFractionDigits:0}],[99.995,{style:'currency',currency:'USD'}],[1500000,{notation:'compact',minimumFractionDigits:2}],[-5,{signDisplay:'never'}],[0.005,{style:'percent'}],[1e-10,{}],[1234,{notation:'compact',maximumSignificantDigits:3}]];

// What Node says, in the order of the cases.
export const formats = () => {
  const date = new Date(Date.UTC(2024, 2, 5, 7, 9, 5, 42));
  const midnight = new Date(Date.UTC(2024, 0, 1));
  const evening = new Date(Date.UTC(1999, 11, 31, 23, 5));
  const zone = { timeZone: 'UTC' };
  const all = [];
  for (const options of DATES) {
    for (const at of [date, midnight, evening]) {
      const given = { ...options, ...zone };
      all.push([JSON.stringify(options), at.toLocaleString('en-US', given), at.toLocaleString(undefined, given), new Intl.DateTimeFormat('en-US', given).format(at)]);
    }
  }
  all.push([date.toLocaleDateString('en-US', { hour: 'numeric', ...zone }), date.toLocaleTimeString('en-US', { month: 'short', ...zone })]);
  all.push([date.toLocaleDateString('en-US', zone), date.toLocaleTimeString('en-US', zone), new Date(NaN).toLocaleString('en-US')]);
  for (const [value, options] of NUMBERS) {
    all.push([String(value), JSON.stringify(options), value.toLocaleString('en-US', options), new Intl.NumberFormat('en-US', options).format(value)]);
  }
  return all;
};
