//! Versions that are no longer live.
//!
//! Owns their end: a version is dropped when the last request that was given it has ended, and it is dropped here, on the
//! loader's thread. Freeing compiled code walks the instance pool and unmaps memory, which takes milliseconds that no request
//! should pay.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Plugin;
use crate::limits::RETIRED_POLL_MS;

/// Versions that wait for their last request.
#[derive(Clone, Default)]
pub(super) struct Retired {
    versions: Rc<RefCell<Vec<Arc<Plugin>>>>,
}

impl Retired {
    /// Takes over a version that has just been replaced or removed.
    pub(super) fn take(&self, version: Option<Arc<Plugin>>) {
        self.versions.borrow_mut().extend(version);
    }

    /// Drops versions as they fall out of use, for ever. One holder per version is this list itself; new holders cannot
    /// appear, because the catalog no longer hands it out.
    pub(super) async fn reap(self) {
        loop {
            tokio::time::sleep(Duration::from_millis(RETIRED_POLL_MS)).await;
            let unused = |version: &mut Arc<Plugin>| Arc::strong_count(version) == 1;
            let ended: Vec<Arc<Plugin>> = self.versions.borrow_mut().extract_if(.., unused).collect();
            for version in ended {
                tracing::debug!(
                    plugin = &*version.name,
                    digest = version.digest,
                    "the last request of a former version has ended"
                );
            }
        }
    }
}
