// Orders in the store: as JSON under `order/{id}`, pictures under `picture/{id}`, the last id under `last`.

import { increment } from 'wasi:keyvalue/atomics@0.2.0-draft';
import { open } from 'wasi:keyvalue/store@0.2.0-draft';

// The store that the manifest grants.
const STORE = 'default';
// What begins the keys of orders.
const ORDER = 'order/';
const U64_MAX = 2n ** 64n - 1n;

export class Store {
  #bucket = asked(() => open(STORE));

  // An id that no order has.
  nextId() {
    return asked(() => increment(this.#bucket, 'last', 1n));
  }

  get(id) {
    const bytes = asked(() => this.#bucket.get(orderKey(id)));
    if (bytes === undefined) throw { tag: 'not-found', val: id };
    return read(bytes);
  }

  put(order) {
    asked(() => this.#bucket.set(orderKey(order.id), written(order)));
  }

  picture(id) {
    return asked(() => this.#bucket.get(pictureKey(id)));
  }

  putPicture(id, picture) {
    asked(() => this.#bucket.set(pictureKey(id), picture));
  }

  // The newest orders, the last one first.
  newest(status, limit) {
    const orders = [];
    let cursor;
    do {
      const page = asked(() => this.#bucket.listKeys(cursor));
      for (const key of page.keys) {
        if (!key.startsWith(ORDER)) continue;
        const bytes = asked(() => this.#bucket.get(key));
        if (bytes === undefined) continue;
        const order = read(bytes);
        if (status === undefined || status === order.status) orders.push(order);
        if (orders.length === limit) return orders;
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return orders;
  }
}

// Keys come in ascending order, so the number in it counts down, padded to its largest width.
function orderKey(id) {
  return ORDER + String(U64_MAX - id).padStart(20, '0');
}

function pictureKey(id) {
  return `picture/${String(id).padStart(20, '0')}`;
}

function written(order) {
  return new TextEncoder().encode(JSON.stringify(withNumbers(order, String)));
}

function read(bytes) {
  try {
    return withNumbers(JSON.parse(new TextDecoder().decode(bytes)), BigInt);
  } catch (error) {
    throw unavailable(String(error));
  }
}

// An order with its 64-bit integers made into something else: JSON has no BigInt, so they are kept as text.
function withNumbers(order, made) {
  const money = ({ currency, minorUnits }) => ({ currency, minorUnits: made(minorUnits) });
  const lines = order.lines.map((line) => ({ ...line, unitPrice: money(line.unitPrice) }));
  return { ...order, id: made(order.id), lines, total: money(order.total) };
}

// Carries out what the store is asked for. Its error is thrown with the value of WIT as its payload.
function asked(action) {
  try {
    return action();
  } catch (error) {
    const { tag, val } = error.payload ?? { tag: 'other', val: String(error) };
    const reasons = { 'no-such-store': 'there is no such store', 'access-denied': 'the store is not granted' };
    throw unavailable(reasons[tag] ?? val);
  }
}

function unavailable(reason) {
  return { tag: 'unavailable', val: reason };
}
