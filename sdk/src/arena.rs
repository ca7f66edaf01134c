//! The allocator of an instance that lives for one call: it hands out memory upwards and gives none back, because the
//! host throws the whole memory away when the call is over.
//!
//! The arena begins at `__heap_base`, which the linker sets behind stack and data, and ends where linear memory ends. A
//! plugin is linked with enough initial memory (`--initial-memory=2097152`, which `guesthouse build` passes) that a
//! common call never grows it: growing costs the host a system call for this instance and another for the next one in
//! the same place. Only the newest block can be given back or resized in place, which is what a growing buffer needs.
//!
//! This is the one file of the crate with hand-written `unsafe`. The argument:
//!
//! - The target is `wasm32-unknown-unknown` without threads and without signals, and nothing here calls out, so no two
//!   calls of these functions overlap. That is what makes the plain cells in a `static` sound.
//! - Every block lies between `__heap_base` and the end of memory, which nothing else hands out: the linker puts nothing
//!   there, and memory that somebody else has grown is noticed, because the old size that `memory.grow` reports then is
//!   not our end, and skipped.
//! - Blocks never overlap, because `next` only falls back to the start of a block when that block is the newest.
//! - Memory at and above `touched` has never been handed out, so it still holds the zeros it began with.
#![allow(unsafe_code, reason = "a global allocator; the argument stands above")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;

/// The unit of linear memory in bytes (WebAssembly core specification, section 2.3.5).
const PAGE_BYTES: usize = 64 * 1024;

/// Memory is grown by at least this much, so that a call that needs a lot of it in small blocks grows it seldom.
const GROW_PAGES_MIN: usize = 16;

unsafe extern "C" {
    /// Its address, not its value, is where the linker's own data ends.
    static __heap_base: u8;
}

struct Arena {
    /// Address of the next free byte; 0 before first use.
    next: Cell<usize>,
    /// End of the memory that may be handed out.
    end: Cell<usize>,
    /// Address above which every byte still is zero.
    touched: Cell<usize>,
}

// SAFETY: there is one thread on this target, as argued above.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena { next: Cell::new(0), end: Cell::new(0), touched: Cell::new(0) };

impl Arena {
    /// Finds room for `size` bytes and says where; none when memory is exhausted.
    #[inline]
    fn take(&self, size: usize, align: usize) -> Option<usize> {
        if self.next.get() == 0 {
            let base = (&raw const __heap_base).addr();
            self.next.set(base);
            self.touched.set(base);
            self.end.set(memory_size(0).saturating_mul(PAGE_BYTES));
        }
        let start = self.next.get().checked_next_multiple_of(align)?;
        let stop = start.checked_add(size)?;
        if stop <= self.end.get() {
            self.next.set(stop);
            return Some(start);
        }
        self.take_grown(size, align)
    }

    /// The same after growing memory.
    #[cold]
    fn take_grown(&self, size: usize, align: usize) -> Option<usize> {
        // Enough even when the grown memory turns out not to adjoin ours.
        let needed = size.checked_add(align)?.div_ceil(PAGE_BYTES);
        let wanted = needed.max(GROW_PAGES_MIN);
        let mut grown = wanted;
        let mut old_pages = memory_grow(0, wanted);
        if old_pages == usize::MAX && needed < wanted {
            grown = needed;
            old_pages = memory_grow(0, needed);
        }
        if old_pages == usize::MAX {
            return None;
        }
        let old_end = old_pages.saturating_mul(PAGE_BYTES);
        if old_end != self.end.get() {
            self.next.set(old_end);
            self.touched.set(old_end);
        }
        // The last page of a full 4 GiB memory ends one past the highest address: stop one byte short of it.
        self.end.set(old_end.saturating_add(grown.saturating_mul(PAGE_BYTES)));
        let start = self.next.get().checked_next_multiple_of(align)?;
        let stop = start.checked_add(size)?;
        if stop > self.end.get() {
            return None;
        }
        self.next.set(stop);
        Some(start)
    }

    #[inline]
    fn touch(&self, stop: usize) {
        if stop > self.touched.get() {
            self.touched.set(stop);
        }
    }
}

// SAFETY: blocks are aligned, in bounds and disjoint, as argued above.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout.size(), layout.align()) {
            Some(start) => {
                self.touch(self.next.get());
                core::ptr::with_exposed_provenance_mut(start)
            }
            None => core::ptr::null_mut(),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(start) = self.take(layout.size(), layout.align()) else {
            return core::ptr::null_mut();
        };
        let block: *mut u8 = core::ptr::with_exposed_provenance_mut(start);
        let used = self.touched.get().saturating_sub(start).min(layout.size());
        // SAFETY: `used` is at most the size of the block that was just taken; what lies above it is zero already.
        unsafe { block.write_bytes(0, used) };
        self.touch(self.next.get());
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr().wrapping_add(layout.size()) == self.next.get() {
            self.next.set(block.addr());
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let start = block.addr();
        if start.wrapping_add(layout.size()) == self.next.get() {
            if let Some(stop) = start.checked_add(new_size)
                && stop <= self.end.get()
            {
                self.next.set(stop);
                self.touch(stop);
                return block;
            }
        } else if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that `new_size` with this alignment is a layout, and that `block` holds
        // `layout.size()` bytes; the new block is another one of at least the smaller of both sizes.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
            }
            moved
        }
    }
}
