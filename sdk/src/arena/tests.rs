use super::*;

/// A memory of 64 pages of which only the first few are there at first.
struct Pages {
    bytes: Vec<u64>,
    /// Pages that are there.
    count: Cell<usize>,
    /// Pages that there can be.
    most: usize,
}

impl Pages {
    fn new(count: usize, most: usize) -> Self {
        let bytes = vec![0_u64; 64 * PAGE_BYTES / 8];
        bytes.as_ptr().expose_provenance();
        Self { bytes, count: Cell::new(count), most }
    }
}

impl Memory for Pages {
    fn base(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    fn end(&self) -> usize {
        self.base() + self.count.get() * PAGE_BYTES
    }

    fn grow(&self, pages: usize) -> Option<usize> {
        let old = self.end();
        if self.count.get() + pages > self.most {
            return None;
        }
        self.count.set(self.count.get() + pages);
        Some(old)
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// A number that jumps about, the same in every run.
fn next_random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn blocks_are_aligned_disjoint_and_keep_what_is_in_them() {
    let arena = Arena::new(Pages::new(1, 64));
    let mut state = 1;
    // Address, layout and the byte every byte of the block holds.
    let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
    for round in 0..20_000_u32 {
        let pick = next_random(&mut state) % 6;
        let wanted = layout(1 + next_random(&mut state) % 300, 1 << (next_random(&mut state) % 5));
        let fill = round as u8;
        // SAFETY: the test keeps to the contract of GlobalAlloc: every block in `live` is live with its layout.
        unsafe {
            match pick {
                0 | 1 => {
                    let block = if pick == 0 { arena.alloc(wanted) } else { arena.alloc_zeroed(wanted) };
                    if block.is_null() {
                        break;
                    }
                    assert_eq!(block.addr() % wanted.align(), 0);
                    if pick == 1 {
                        assert!((0..wanted.size()).all(|at| *block.add(at) == 0), "zeroed memory is zero");
                    }
                    block.write_bytes(fill, wanted.size());
                    live.push((block, wanted, fill));
                }
                2 | 3 if !live.is_empty() => {
                    // The newest more often than others, as programs do.
                    let at = if pick == 2 { live.len() - 1 } else { next_random(&mut state) % live.len() };
                    let (block, old, value) = live[at];
                    let moved = arena.realloc(block, old, wanted.size());
                    assert!(!moved.is_null());
                    let kept = old.size().min(wanted.size());
                    assert!((0..kept).all(|at| *moved.add(at) == value), "a resized block keeps its content");
                    moved.write_bytes(value, wanted.size());
                    live[at] = (moved, layout(wanted.size(), old.align()), value);
                }
                _ if !live.is_empty() => {
                    let at = if pick == 4 { live.len() - 1 } else { next_random(&mut state) % live.len() };
                    let (block, old, value) = live.swap_remove(at);
                    assert!(
                        (0..old.size()).all(|at| *block.add(at) == value),
                        "nobody else writes into a block"
                    );
                    arena.dealloc(block, old);
                }
                _ => {}
            }
        }
    }
    let mut ranges: Vec<_> =
        live.iter().map(|(block, layout, _)| (block.addr(), block.addr() + layout.size())).collect();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "live blocks are disjoint");
}

#[test]
fn a_growing_buffer_stays_where_it_is_also_when_memory_grows() {
    let arena = Arena::new(Pages::new(1, 64));
    // SAFETY: one block, resized with its own layouts.
    unsafe {
        let block = arena.alloc(layout(16, 8));
        let mut size = 16;
        while size < 20 * PAGE_BYTES {
            assert_eq!(arena.realloc(block, layout(size, 8), size * 2), block);
            size *= 2;
        }
        arena.dealloc(block, layout(size, 8));
        assert_eq!(arena.alloc(layout(8, 8)), block, "the newest block is given back");
    }
}

#[test]
fn a_common_call_does_not_grow_memory_and_an_exhausted_one_gets_no_block() {
    let arena = Arena::new(Pages::new(4, 8));
    // SAFETY: blocks are only taken.
    unsafe {
        assert!(!arena.alloc(layout(3 * PAGE_BYTES, 8)).is_null());
        assert_eq!(arena.memory.count.get(), 4);
        // The usual step does not fit any more; what is needed does.
        assert!(!arena.alloc(layout(2 * PAGE_BYTES, 8)).is_null());
        assert!(arena.alloc(layout(8 * PAGE_BYTES, 8)).is_null());
        assert!(arena.alloc(layout(isize::MAX as usize - 7, 8)).is_null());
        assert!(!arena.alloc(layout(8, 8)).is_null(), "what fits is still given");
    }
}

#[test]
fn memory_that_somebody_else_has_grown_is_left_alone() {
    let arena = Arena::new(Pages::new(1, 64));
    // SAFETY: blocks are only taken.
    unsafe {
        arena.alloc(layout(8, 8));
        let foreign = arena.memory.grow(2).unwrap();
        let block = arena.alloc(layout(PAGE_BYTES, 8)).addr();
        assert!(block >= foreign + 2 * PAGE_BYTES);
    }
}
