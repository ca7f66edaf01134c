//! Where a page of keys ended, as the 64 bits that the interface has for it.
//!
//! Owns the cursor's form: the first eight bytes of the key's SHA-256. An offset would skip or repeat keys as soon as others
//! are written or deleted, and a number that only this process knows would end with it. The digest names the key itself;
//! a bounded memory from digest to key saves searching for it, and covers keys that are deleted page by page while they
//! are listed.

use std::collections::{HashMap, VecDeque};

use aws_lc_rs::digest;

/// The cursors given out last.
#[derive(Debug)]
pub(super) struct Cursors {
    count_max: usize,
    keys: HashMap<u64, Vec<u8>>,
    /// In the order they were first given out.
    order: VecDeque<u64>,
}

impl Cursors {
    pub(super) fn new(count_max: usize) -> Self {
        Self { count_max, keys: HashMap::new(), order: VecDeque::new() }
    }

    /// The cursor for a whole key.
    pub(super) fn remember(&mut self, key: &[u8]) -> u64 {
        let cursor = cursor(key);
        if self.keys.insert(cursor, key.to_vec()).is_none() {
            self.order.push_back(cursor);
            if self.order.len() > self.count_max
                && let Some(oldest) = self.order.pop_front()
            {
                self.keys.remove(&oldest);
            }
        }
        cursor
    }

    pub(super) fn recall(&self, cursor: u64) -> Option<Vec<u8>> {
        self.keys.get(&cursor).cloned()
    }
}

/// What stands for a whole key.
pub(super) fn cursor(key: &[u8]) -> u64 {
    let digest = digest::digest(&digest::SHA256, key);
    digest.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
