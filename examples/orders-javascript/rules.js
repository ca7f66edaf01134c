// What makes an order. Plain functions of their arguments.

const CUSTOMER_LETTERS_MAX = 200;
const LINES_MAX = 100;
const PICTURE_BYTES_MAX = 64 * 1024;
const SKU = /^[A-Za-z0-9-]{1,40}$/;
const FOUR_DIGITS = /^[0-9]{4}$/;

// A field that does not fit.
export function misfit(field, message) {
  return { tag: 'invalid', val: { field, message } };
}

// Checks a draft and adds it up.
export function check(draft) {
  // By code points: a letter outside the basic plane has two units in a string.
  const letters = [...draft.customer.trim()].length;
  if (letters < 1 || letters > CUSTOMER_LETTERS_MAX) throw misfit('customer', '1 to 200 letters');
  if (draft.picture?.length > PICTURE_BYTES_MAX) throw misfit('picture', 'at most 65536 bytes');
  return total(draft.lines, draft.discount);
}

// Adds up lines.
export function total(lines, discount = 0) {
  if (lines.length < 1 || lines.length > LINES_MAX) throw misfit('lines', '1 to 100 lines');
  const { currency } = lines[0].unitPrice;
  let sum = 0n;
  for (const { sku, quantity, unitPrice } of lines) {
    if (!SKU.test(sku)) throw misfit('sku', '1 to 40 letters, digits and hyphens');
    if (quantity === 0) throw misfit('quantity', 'at least 1');
    if (unitPrice.currency !== currency) throw misfit('unit-price', 'in one currency');
    sum = money(sum + money(unitPrice.minorUnits * BigInt(quantity)));
  }
  // Not a number is not within either.
  if (!(discount >= 0 && discount < 1)) throw misfit('discount', 'from 0 up to 1');
  return { currency, minorUnits: sum - share(sum, discount) };
}

// An amount that an `s64` holds. A BigInt has no end of its own.
function money(amount) {
  if (BigInt.asIntN(64, amount) !== amount) throw misfit('lines', 'too much money');
  return amount;
}

// A share of an amount, rounded down to a whole unit. Exact for amounts below 2^53.
function share(sum, discount) {
  return BigInt(Math.floor(Number(sum) * discount));
}

// Checks how somebody wants to pay.
export function checkPayment(payment) {
  if (payment.tag === 'voucher' && payment.val.trim() === '') throw misfit('voucher', 'not empty');
  if (payment.tag === 'card') {
    const { lastFour, expires: [month, year] } = payment.val;
    if (!FOUR_DIGITS.test(lastFour)) throw misfit('last-four', 'four digits');
    if (month < 1 || month > 12 || year < 2000 || year > 2100) {
      throw misfit('expires', 'a month from 1 to 12 and a year from 2000 to 2100');
    }
  }
}
