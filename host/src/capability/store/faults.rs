//! A disk for tests: in memory, can be told to fail, and can lose its power at any operation.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// What one sector is: a write can be torn between two of them.
const SECTOR_BYTES: usize = 512;

/// Which operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no more room: growing fails.
    Full,
    /// Whatever changes the disk fails.
    ReadOnly,
    /// Everything was written, but not a word of it may have arrived.
    Synchronise,
    /// Everything fails.
    Dead,
}

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What reads see.
    present: Vec<u8>,
    /// What is on the disk for certain.
    durable: Vec<u8>,
    /// What has been done since, in order.
    pending: Vec<Change>,
    fault: Option<Fault>,
    /// How many more operations there is power for.
    power: Option<u64>,
    operations: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Write(offset, data) => {
                let end = offset + data.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl FaultyDisk {
    pub(super) fn with(image: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.state().present.clone_from(&image);
        disk.state().durable = image;
        disk
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// After so many more changes and synchronisations the power is gone.
    pub(super) fn set_power(&self, operations: u64) {
        self.state().power = Some(operations);
    }

    /// Changes and synchronisations so far.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// What is found on the disk after the power was lost: what was synchronised, and of the rest whatever `random` says: any
    /// of the changes, in any sectors of each.
    pub(super) fn after_power_loss(&self, random: &mut impl FnMut() -> u64) -> Vec<u8> {
        let state = self.state();
        let mut image = state.durable.clone();
        let mode = random() % 4;
        for change in &state.pending {
            match change {
                _ if mode == 0 => {}
                _ if mode == 1 => change.apply(&mut image),
                Change::Length(_) => change.apply(&mut image),
                Change::Write(offset, data) => {
                    for (number, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                        if random().is_multiple_of(2) {
                            Change::Write(offset + number * SECTOR_BYTES, sector.to_vec()).apply(&mut image);
                        }
                    }
                }
            }
        }
        image
    }

    fn operate(&self, faults: &[Fault], change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state();
        state.operations += 1;
        if let Some(power) = &mut state.power {
            match power.checked_sub(1) {
                Some(left) => *power = left,
                None => return Err(io::Error::other("the power is gone")),
            }
        }
        if state.fault.is_some_and(|fault| fault == Fault::Dead || faults.contains(&fault)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change(&mut state);
        Ok(())
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().present.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.fault == Some(Fault::Dead) {
            return Err(io::Error::other("dead"));
        }
        let offset = usize::try_from(offset).unwrap();
        let bytes = state.present.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        let grows = length > self.state().present.len();
        let faults: &[_] = if grows { &[Fault::Full, Fault::ReadOnly] } else { &[Fault::ReadOnly] };
        self.operate(faults, |state| {
            let change = Change::Length(length);
            change.apply(&mut state.present);
            state.pending.push(change);
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operate(&[Fault::ReadOnly, Fault::Synchronise], |state| {
            for change in std::mem::take(&mut state.pending) {
                change.apply(&mut state.durable);
            }
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operate(&[Fault::ReadOnly], |state| {
            let change = Change::Write(usize::try_from(offset).unwrap(), data.to_vec());
            change.apply(&mut state.present);
            state.pending.push(change);
        })
    }
}
