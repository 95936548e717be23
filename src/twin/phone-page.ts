// The page that acts as the customer's phone. Self-contained: no other file, nothing from elsewhere.

const style = `
  :root { color-scheme: light; font: 16px/1.45 system-ui, sans-serif; }
  body { margin: 0; background: #e8edf1; color: #17212b; }
  main { max-width: 26rem; margin: 1.5rem auto; padding: 1.5rem; background: #fff; border-radius: 1.5rem;
    box-shadow: 0 2px 16px #0002; }
  h1 { font-size: 1.2rem; margin: 0 0 1rem; }
  label { display: block; font-weight: 600; margin-top: .8rem; }
  textarea, select, input { width: 100%; box-sizing: border-box; margin-top: .3rem; padding: .6rem; font: inherit;
    border: 1px solid #9fb0bd; border-radius: .6rem; }
  textarea { height: 5rem; font: .8rem/1.3 ui-monospace, monospace; }
  button { width: 100%; margin-top: .8rem; padding: .8rem; font: inherit; font-weight: 600; border: 0;
    border-radius: .8rem; background: #00716b; color: #fff; cursor: pointer; }
  button.plain { background: #dfe7ec; color: #17212b; }
  button:disabled { opacity: .45; cursor: default; }
  .amount { font-size: 2rem; font-weight: 700; }
  .line { color: #4a5b68; }
  #said { margin-top: 1rem; min-height: 1.5rem; font-weight: 600; }
  #said.bad { color: #a3210f; }
  [hidden] { display: none; }
`;

const script = `
  const $ = (id) => document.getElementById(id);
  function say(text, bad) {
    $('said').textContent = text;
    $('said').className = bad ? 'bad' : '';
  }
  async function call(path, body, type) {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': type || 'application/json' },
      body: type ? body : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail || 'Terjadi kesalahan.');
    return answer;
  }
  function guarded(work) {
    return async () => {
      say('');
      try { await work(); } catch (error) { say(error.message, true); }
    };
  }
  const scan = guarded(async () => {
    $('bill').hidden = true;
    const bill = await call('wallet/scan', { qrString: $('qr').value.trim() });
    $('merchant').textContent = bill.merchant;
    $('where').textContent = bill.city + ' · NMID ' + bill.nmid;
    $('amount').textContent = 'Rp ' + new Intl.NumberFormat('id-ID').format(bill.amountIdr);
    $('bill').hidden = false;
    $('pay').disabled = !bill.payable;
    $('decline').disabled = !bill.payable;
    if (!bill.payable) say('Kode QR ini tidak dapat dibayar lagi (' + bill.status + ').', true);
  });
  function pay(late) {
    return guarded(async () => {
      await call('wallet/pay', { qrString: $('qr').value.trim(), issuer: $('issuer').value, late });
      say('Pembayaran berhasil.');
      $('pay').disabled = true;
      $('decline').disabled = true;
    });
  }
  $('scan').onclick = scan;
  $('photo').onchange = guarded(async () => {
    const file = $('photo').files[0];
    if (!file) return;
    const read = await call('wallet/read', file, file.type || 'image/png');
    $('qr').value = read.qrString;
    await scan();
  });
  $('pay').onclick = pay(false);
  $('late').onclick = pay(true);
  $('decline').onclick = guarded(async () => {
    await call('wallet/decline', { qrString: $('qr').value.trim() });
    say('Pembayaran gagal di aplikasi. Kode QR masih dapat dibayar.', true);
  });
`;

export const phonePage = `<!DOCTYPE html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ponsel pelanggan</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
  <h1>Ponsel pelanggan <small>(simulasi, bukan uang sungguhan)</small></h1>
  <label for="photo">Gambar kode QR</label>
  <input id="photo" type="file" accept="image/*">
  <label for="qr">atau tempel isi kode QR</label>
  <textarea id="qr" spellcheck="false" autocomplete="off"></textarea>
  <button id="scan" type="button">Pindai</button>
  <section id="bill" hidden>
    <p class="amount" id="amount"></p>
    <p><strong id="merchant"></strong><br><span class="line" id="where"></span></p>
    <label for="issuer">Bayar dengan</label>
    <select id="issuer">
      <option value="gopay">GoPay</option><option value="dana">DANA</option><option value="ovo">OVO</option>
      <option value="shopeepay">ShopeePay</option><option value="linkaja">LinkAja</option><option value="bca">BCA</option>
    </select>
    <button id="pay" type="button">Bayar</button>
    <button id="decline" type="button" class="plain">Gagal di aplikasi</button>
    <button id="late" type="button" class="plain">Bayar terlambat</button>
  </section>
  <p id="said" role="status"></p>
</main>
<script>${script}</script>
</body>
</html>
`;
