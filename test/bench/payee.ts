// The merchant of the benches, made up.
export const payee = { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' };
