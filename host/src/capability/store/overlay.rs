//! A storage that takes writes into memory, over one that can be read only.
//!
//! Owns reading on while a disk refuses to write. redb cannot be opened for reading alone after an error: it first repairs
//! what the error left, and that writes. Here it may, into memory; nothing of it ever reaches the disk, and no commit is
//! accepted meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Bytes of one piece that is kept in memory once it is written to.
const PIECE_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Overlay<B> {
    below: B,
    above: Mutex<Above>,
}

#[derive(Debug)]
struct Above {
    length: u64,
    /// How much of what is below still counts: less after the length was cut.
    visible_below: u64,
    pieces: BTreeMap<u64, Box<[u8; PIECE_BYTES]>>,
}

impl<B: StorageBackend> Overlay<B> {
    pub(super) fn new(below: B) -> io::Result<Self> {
        let length = below.len()?;
        let above = Above { length, visible_below: length, pieces: BTreeMap::new() };
        Ok(Self { below, above: Mutex::new(above) })
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is below; what lies past it is zero.
    fn read_below(&self, visible: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        let there = usize::try_from(visible.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        match out.get_mut(..there) {
            Some(there) if !there.is_empty() => self.below.read(offset, there),
            _ => Ok(()),
        }
    }
}

/// The pieces that a stretch of bytes touches: the piece's number, where in it the stretch begins, and how far it goes.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let piece_bytes = PIECE_BYTES as u64;
    let mut done: usize = 0;
    std::iter::from_fn(move || {
        let at = offset.saturating_add(done as u64);
        let within = usize::try_from(at % piece_bytes).ok()?;
        let count = (PIECE_BYTES - within).min(length.saturating_sub(done));
        done = done.saturating_add(count);
        (count > 0).then_some((at / piece_bytes, within, count))
    })
}

impl<B: StorageBackend> StorageBackend for Overlay<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.above().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        if offset.saturating_add(out.len() as u64) > above.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_below(above.visible_below, offset, out)?;
        let mut rest = out;
        for (number, within, count) in pieces(offset, rest.len()) {
            let Some((part, after)) = std::mem::take(&mut rest).split_at_mut_checked(count) else { break };
            if let Some(piece) = above.pieces.get(&number)
                && let Some(bytes) = piece.get(within..within + count)
            {
                part.copy_from_slice(bytes);
            }
            rest = after;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut above = self.above();
        above.length = length;
        above.visible_below = above.visible_below.min(length);
        let kept = length.div_ceil(PIECE_BYTES as u64);
        above.pieces.split_off(&kept);
        let within = usize::try_from(length % PIECE_BYTES as u64).unwrap_or(0);
        if within > 0
            && let Some(cut) =
                above.pieces.get_mut(&(length / PIECE_BYTES as u64)).and_then(|last| last.get_mut(within..))
        {
            cut.fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        let mut rest = data;
        for (number, within, count) in pieces(offset, data.len()) {
            let Some((part, after)) = rest.split_at_checked(count) else { break };
            rest = after;
            if !above.pieces.contains_key(&number) {
                let mut piece = Box::new([0; PIECE_BYTES]);
                self.read_below(above.visible_below, number.saturating_mul(PIECE_BYTES as u64), &mut *piece)?;
                above.pieces.insert(number, piece);
            }
            let piece = above.pieces.get_mut(&number).and_then(|piece| piece.get_mut(within..within + count));
            if let Some(piece) = piece {
                piece.copy_from_slice(part);
            }
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::store::faults::FaultyDisk;

    #[test]
    fn an_overlay_reads_like_a_plain_storage_and_leaves_what_is_below_alone() {
        let disk = FaultyDisk::default();
        disk.set_len(20_000).unwrap();
        disk.write(0, &[7; 20_000]).unwrap();
        let overlay = Overlay::new(disk.clone()).unwrap();
        let mut model = vec![7_u8; 20_000];
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        for step in 0..2_000_u64 {
            let length = model.len() as u64;
            if step % 50 == 49 {
                let length = 4_000 + next(30_000);
                overlay.set_len(length).unwrap();
                model.resize(usize::try_from(length).unwrap(), 0);
                continue;
            }
            let offset = next(length);
            let count = next((length - offset).min(9_000) + 1);
            let range = usize::try_from(offset).unwrap()..usize::try_from(offset + count).unwrap();
            if step % 2 == 0 {
                let data = vec![u8::try_from(step % 251).unwrap(); range.len()];
                overlay.write(offset, &data).unwrap();
                model[range].copy_from_slice(&data);
            } else {
                let mut out = vec![0; range.len()];
                overlay.read(offset, &mut out).unwrap();
                assert!(out == model[range], "step {step}");
            }
        }
        let mut below = vec![0; 20_000];
        disk.read(0, &mut below).unwrap();
        assert!(below.iter().all(|&byte| byte == 7));
    }
}
