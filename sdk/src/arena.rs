//! The allocator of an instance that lives for one call: it hands out memory upwards and gives none back, because the
//! host throws the whole memory away when the call is over.
//!
//! The arena begins at `__heap_base`, which the linker sets behind stack and data, and ends where linear memory ends. A
//! plugin is linked with enough initial memory (`--initial-memory=1048576`, which `guesthouse build` passes) that a
//! common call never grows it: growing costs the host a system call for this instance and another for the next one in
//! the same place. Only the newest block can be given back or resized in place, which is what a growing buffer needs.
//!
//! This is the one file of the crate with hand-written `unsafe`. The argument:
//!
//! - The target is `wasm32-unknown-unknown` without threads and without signals, and nothing here calls out, so no two
//!   calls of these functions overlap. That is what makes the plain cells in a `static` sound.
//! - Every block lies between `__heap_base` and the end of memory, which nothing else hands out: the linker puts nothing
//!   there, and memory that somebody else has grown is noticed, because the old end that growing reports then is not ours,
//!   and skipped.
//! - Blocks never overlap, because `next` only falls back to the start of a block when that block is the newest.
//! - Memory at and above `touched` has never been handed out, so it still holds the zeros it began with.
#![allow(unsafe_code, reason = "a global allocator; the argument stands above")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

/// The unit of linear memory in bytes (WebAssembly core specification, section 2.3.5).
const PAGE_BYTES: usize = 64 * 1024;

/// Memory is grown by at least this much, so that a call that needs a lot of it in small blocks grows it seldom.
const GROW_PAGES_MIN: usize = 16;

/// Where the arena's memory comes from. Apart from the allocator, so that its arithmetic is tested outside a component.
trait Memory {
    /// Address of the first byte that may be handed out; not 0.
    fn base(&self) -> usize;
    /// Address behind the last byte.
    fn end(&self) -> usize;
    /// Adds zeroed pages and gives the end before; none when there are no more.
    fn grow(&self, pages: usize) -> Option<usize>;
}

#[cfg(target_arch = "wasm32")]
mod linear {
    use core::arch::wasm32::{memory_grow, memory_size};

    unsafe extern "C" {
        /// Its address, not its value, is where the linker's own data ends.
        static __heap_base: u8;
    }

    /// The component's own memory.
    pub(super) struct LinearMemory;

    impl super::Memory for LinearMemory {
        #[inline]
        fn base(&self) -> usize {
            (&raw const __heap_base).addr()
        }

        // The last page of a full 4 GiB memory ends one past the highest address: stop one byte short of it.
        #[inline]
        fn end(&self) -> usize {
            memory_size(0).saturating_mul(super::PAGE_BYTES)
        }

        fn grow(&self, pages: usize) -> Option<usize> {
            let old = memory_grow(0, pages);
            (old != usize::MAX).then(|| old.saturating_mul(super::PAGE_BYTES))
        }
    }

    // SAFETY: there is one thread on this target, as argued above.
    unsafe impl Sync for super::Arena<LinearMemory> {}

    #[global_allocator]
    static ARENA: super::Arena<LinearMemory> = super::Arena::new(LinearMemory);
}

struct Arena<M> {
    memory: M,
    /// Address of the next free byte; 0 before first use.
    next: Cell<usize>,
    /// End of the memory that may be handed out.
    end: Cell<usize>,
    /// Address at and above which every byte still is zero.
    touched: Cell<usize>,
}

impl<M: Memory> Arena<M> {
    const fn new(memory: M) -> Self {
        Self { memory, next: Cell::new(0), end: Cell::new(0), touched: Cell::new(0) }
    }

    /// Finds room for `size` bytes and says where; none when memory is exhausted.
    #[inline]
    fn take(&self, size: usize, align: usize) -> Option<usize> {
        if self.next.get() == 0 {
            self.next.set(self.memory.base());
            self.touched.set(self.memory.base());
            self.end.set(self.memory.end());
        }
        if let Some(start) = self.take_present(size, align) {
            return Some(start);
        }
        // Enough even when the grown memory turns out not to adjoin ours.
        self.grow(size.checked_add(align)?)?;
        self.take_present(size, align)
    }

    /// The same within the memory there is.
    #[inline]
    fn take_present(&self, size: usize, align: usize) -> Option<usize> {
        let start = self.next.get().checked_next_multiple_of(align)?;
        let stop = start.checked_add(size)?;
        if stop > self.end.get() {
            return None;
        }
        self.next.set(stop);
        Some(start)
    }

    /// Grows memory by at least `bytes`.
    #[cold]
    fn grow(&self, bytes: usize) -> Option<()> {
        let needed = bytes.div_ceil(PAGE_BYTES);
        let wanted = needed.max(GROW_PAGES_MIN);
        let old_end = match self.memory.grow(wanted) {
            Some(old_end) => old_end,
            None => self.memory.grow(needed)?,
        };
        if old_end != self.end.get() {
            self.next.set(old_end);
            self.touched.set(old_end);
        }
        self.end.set(self.memory.end());
        Some(())
    }

    /// Resizes the block at `start` where it is, if it is the newest and there is room.
    #[inline]
    fn resize_newest(&self, start: usize, old_size: usize, new_size: usize) -> bool {
        if start.wrapping_add(old_size) != self.next.get() {
            return false;
        }
        match start.checked_add(new_size) {
            Some(stop) if stop <= self.end.get() => {
                self.next.set(stop);
                self.touch(stop);
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn touch(&self, stop: usize) {
        if stop > self.touched.get() {
            self.touched.set(stop);
        }
    }
}

// SAFETY: blocks are aligned, in bounds and disjoint, as argued above.
unsafe impl<M: Memory> GlobalAlloc for Arena<M> {
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
        let (start, old_size) = (block.addr(), layout.size());
        if self.resize_newest(start, old_size, new_size) || new_size <= old_size {
            return block;
        }
        // A growing buffer that fills memory: more of it, and usually no copy.
        if start.wrapping_add(old_size) == self.next.get()
            && self.grow(new_size).is_some()
            && self.resize_newest(start, old_size, new_size)
        {
            return block;
        }
        // SAFETY: the caller promises that `new_size` with this alignment is a layout, and that `block` holds
        // `old_size` bytes, fewer than `new_size`; the new block is another one.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, old_size);
            }
            moved
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
