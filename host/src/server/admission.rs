//! How many connections there are, and from where.
//!
//! Owns the two caps on open connections: over all, and from one address. Refuses to know what the connections are for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Who counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    V4(u32),
    V6Network(u64),
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        // A dual-stack listener sees IPv4 as ::ffff:a.b.c.d; all of those are in one /64.
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6Network((address.to_bits() >> 64) as u64),
        }
    }
}

/// Counts the open connections of all workers.
#[derive(Debug)]
pub(super) struct Admission {
    connections_max: usize,
    connections_per_client_max: usize,
    open: AtomicUsize,
    /// Bounded by `connections_max`: an entry goes with its last connection.
    by_client: Mutex<HashMap<Client, usize>>,
}

impl Admission {
    pub(super) fn new(connections_max: usize, connections_per_client_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            connections_per_client_max,
            open: AtomicUsize::new(0),
            by_client: Mutex::default(),
        })
    }

    /// A place for one connection, or none.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let client = Client::from(address);
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < self.connections_max).then_some(open.saturating_add(1))
        });
        taken.ok()?;
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_client.entry(client).or_insert(0);
        if *count >= self.connections_per_client_max {
            drop(by_client);
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        *count = count.saturating_add(1);
        drop(by_client);
        Some(Permit { admission: Arc::clone(self), client })
    }

    fn release(&self, client: Client) {
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = by_client.entry(client) {
            match entry.get().saturating_sub(1) {
                0 => drop(entry.remove()),
                count => drop(entry.insert(count)),
            }
        }
        drop(by_client);
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of one connection, given back when it is dropped. It travels with the socket, also through an upgrade.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    client: Client,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.release(self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let admission = Admission::new(2, 2);
        let first = admission.admit(address("10.0.0.1")).unwrap();
        let _second = admission.admit(address("10.0.0.2")).unwrap();
        assert!(admission.admit(address("10.0.0.3")).is_none());
        drop(first);
        assert!(admission.admit(address("10.0.0.3")).is_some());
    }

    #[test]
    fn one_client_takes_no_more_than_its_share_however_it_writes_its_address() {
        let admission = Admission::new(10, 1);
        let check = |held: &str, asks: &str, admitted: bool| {
            let _held = admission.admit(address(held)).unwrap();
            assert_eq!(admission.admit(address(asks)).is_some(), admitted, "{held} then {asks}");
        };
        check("10.0.0.1", "10.0.0.1", false);
        check("10.0.0.1", "::ffff:10.0.0.1", false);
        check("10.0.0.1", "10.0.0.2", true);
        check("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", false);
        check("2001:db8:0:1::1", "2001:db8:0:2::1", true);
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
        assert!(admission.by_client.lock().unwrap().is_empty());
    }
}
