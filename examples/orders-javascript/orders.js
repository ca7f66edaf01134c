// A shop's orders as plain functions. Nothing in here knows how it is called: the host serves these functions as REST, JSON-RPC,
// XML-RPC, SOAP and over WebSocket, from their types alone, which stand in ../../plugins/orders/wit/orders.wit.
//
// What a value of WIT is here: a record is an object, its fields in camel case; a variant is `{ tag, val }`; an enum is a string;
// flags are an object of booleans; an option is a value or `undefined`; a 64-bit integer is a BigInt; `list<u8>` is a Uint8Array.
// A function that returns `result<T, E>` returns T or throws E.

import { Store } from './kept.js';
import { check, checkPayment, misfit, total } from './rules.js';

// Orders in a list when the caller does not say, and the most that one may have.
const LISTED = 20;
const LISTED_MAX = 100;

// An order that can still be changed.
function open(store, id) {
  const order = store.get(id);
  if (order.status !== 'open') throw { tag: 'conflict', val: order.status };
  return order;
}

// The exported interface, under its name in the world.
export const orders = {
  getTotal(lines, discount) {
    return total(lines, discount);
  },

  createOrder(draft) {
    const sum = check(draft);
    const store = new Store();
    const order = {
      id: store.nextId(),
      status: 'open',
      customer: draft.customer,
      lines: draft.lines,
      extras: draft.extras,
      total: sum,
      payment: undefined,
      pictureBytes: draft.picture?.length,
    };
    if (draft.picture !== undefined) store.putPicture(order.id, draft.picture);
    store.put(order);
    return order;
  },

  getOrder(id) {
    return new Store().get(id);
  },

  listOrders(status, limit = LISTED) {
    if (limit < 1 || limit > LISTED_MAX) throw misfit('limit', '1 to 100');
    return new Store().newest(status, limit);
  },

  payOrder(id, payment) {
    const store = new Store();
    const order = open(store, id);
    checkPayment(payment);
    const paid = { ...order, status: 'paid', payment };
    store.put(paid);
    return paid;
  },

  getPicture(id) {
    const store = new Store();
    store.get(id);
    return store.picture(id);
  },

  cancelOrder(id) {
    const store = new Store();
    store.put({ ...open(store, id), status: 'cancelled' });
  },
};
